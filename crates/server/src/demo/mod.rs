//! Demo mode: five residents whose stories explain the product, an outbox instead of a telephone
//! network, specimen codes, and a clock that can be advanced. Outside demo mode none of these
//! exists: the routes are not there.
//!
//! URLs: `GET /demo`, `GET /demo/outbox`, `POST /demo/advance`. Table: `setting`.

pub mod http;
mod store;
mod stories;

pub use store::{lead_s, save_lead};
pub use stories::{STORIES, plant};

/// Days that one call may advance.
pub const DAYS_MAX: u32 = 60;

/// The demo reviewer's name and password: printed at the start, and of no use outside demo mode.
pub const REVIEWER: (&str, &str) = ("reviewer", "demo");
