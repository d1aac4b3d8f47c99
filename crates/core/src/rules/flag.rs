//! Flags (弹窗): a task beside the colour. A flag never hides the colour and never is one; it opens
//! and clears like an episode, and says who or what clears it.

use serde::{Deserialize, Serialize};

use crate::decision::Episode;

/// What clears a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A test.
    Test,
    /// Registering with the staff of one's community, place or hotel.
    Register,
    /// Declaring again.
    Declare,
    /// A check-in.
    CheckIn,
    /// Nothing but time.
    Wait,
    /// An authority; the holder cannot clear it.
    Staff,
}

impl Task {
    /// Its word in JSON and packs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Task::Test => "test",
            Task::Register => "register",
            Task::Declare => "declare",
            Task::CheckIn => "check_in",
            Task::Wait => "wait",
            Task::Staff => "staff",
        }
    }
}

/// An open flag.
#[derive(Clone, PartialEq, Debug)]
pub struct Flag {
    /// What clears it.
    pub task: Task,
    /// Since when, by what, and how far its release has come. Its colour says nothing.
    pub episode: Episode,
}
