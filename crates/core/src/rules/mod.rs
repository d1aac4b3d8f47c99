//! Rules: packs, the `when` language, and [`decide`](decide::decide), the one funnel that sets a colour.
pub mod decide;
pub mod expr;
pub mod pack;
