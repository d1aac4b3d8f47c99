//! Rules: packs, the `when` language, and [`decide`](decide::decide), the one funnel that sets a
//! colour. The meaning of all of it is written down in `spec/packs.md`.

pub mod cases;
pub mod certlogic;
pub mod coverage;
pub mod decide;
pub mod diff;
pub mod display;
pub mod examples;
pub mod explain;
pub mod expr;
pub mod flag;
pub mod json;
pub mod lapse;
pub mod listing;
pub mod nouns;
pub mod order;
pub mod outline;
pub mod pack;
pub mod publication;
pub mod release;
pub mod retention;
pub mod said;
mod samples;
pub mod sentence;
pub mod set;
pub mod tongue;
pub mod vocabulary;
pub mod words;
