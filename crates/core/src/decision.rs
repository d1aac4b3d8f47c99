//! Decisions: what the rules made of a person's facts at an instant, with every reason.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::id::FactId;
use crate::rules::flag::Flag;
use crate::rules::lapse::{Expired, Lasts};
use crate::rules::order::Standing;
use crate::time::{Day, Instant};

/// The three colours, by severity. Grey is not a colour: it is a [`Status`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Colour {
    /// Free to pass (绿码).
    Green = 1,
    /// Home or central isolation, up to 7 days in Hangzhou (黄码).
    Yellow = 2,
    /// Isolation for 14 days in Hangzhou (红码).
    Red = 3,
}

impl Colour {
    /// The colour of its number in a pass.
    #[must_use]
    pub fn from_u8(n: u8) -> Option<Colour> {
        [Colour::Green, Colour::Yellow, Colour::Red].into_iter().find(|c| *c as u8 == n)
    }

    /// Its word in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Colour::Green => "green",
            Colour::Yellow => "yellow",
            Colour::Red => "red",
        }
    }
}

/// Whether there is a colour, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Status {
    /// Nothing declared yet: grey.
    Unknown = 0,
    /// A reviewer has to look first: grey (待审核).
    Pending = 1,
    /// A reviewer returned the declaration; the person has to declare again: grey.
    Returned = 2,
    /// A colour is in force.
    Active = 3,
    /// A duty that keeps the code green was missed: grey (过期).
    Expired = 4,
}

impl Status {
    /// The status of its stored number.
    #[must_use]
    pub fn from_u8(n: u8) -> Option<Status> {
        [Status::Unknown, Status::Pending, Status::Returned, Status::Active, Status::Expired]
            .into_iter()
            .find(|s| *s as u8 == n)
    }
}

/// One condition of release and how far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// What is counted.
    pub what: Counted,
    /// Reached so far.
    pub done: u32,
    /// Needed.
    pub of: u32,
    /// The first day on which the next test can count, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Day>,
}

/// What a release condition counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Days with a normal check-in, in a row.
    CheckIns,
    /// Days since the stage began.
    Days,
    /// Negative tests.
    Tests,
    /// Confirmations by an authority.
    Confirmations,
    /// Samples taken, whose results are not waited for.
    Samples,
    /// A later fact, such as a discharge.
    Facts,
    /// Whether the place that opened it is at risk no more.
    Areas,
}

/// Why the run of check-ins started again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunBroken {
    /// The day that broke it.
    pub on: Day,
    /// How.
    pub why: BrokenBy,
}

/// How a run broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokenBy {
    /// No check-in on that day.
    Missed,
    /// A check-in that was not normal.
    Abnormal,
}

/// An active reason for a colour: a rule, the fact that opened it, and the way out.
#[derive(Clone, PartialEq, Debug)]
pub struct Episode {
    /// The rule's stable id, such as `HZ-RED-CONTACT`.
    pub rule: Box<str>,
    /// Version of the pack whose terms it runs under: the one that opened it.
    pub version: Box<str>,
    /// Colour of its present stage.
    pub colour: Colour,
    /// Present stage, from 0.
    pub stage: u16,
    /// How many stages.
    pub stages: u16,
    /// The fact that opened it.
    pub opened_by: FactId,
    /// Since when.
    pub since: Instant,
    /// Since when in this stage.
    pub stage_since: Instant,
    /// The conditions of this stage's release; all must be met.
    pub progress: Vec<Progress>,
    /// The last break of its run of check-ins, if any.
    pub broken: Option<RunBroken>,
    /// The earliest instant at which the whole episode can end if all goes well; `None`
    /// where it waits for somebody.
    pub earliest_end: Option<Instant>,
}

/// A pack, as a decision cites it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PackRef {
    /// Such as `hangzhou-2020-02-11`.
    pub id: Box<str>,
    /// Such as `1.0.0`.
    pub version: Box<str>,
    /// First 8 bytes of SHA-256 over the effective pack, in hexadecimal.
    pub digest: Box<str>,
}

/// What the rules say of a person at an instant. Only `rules::decide` makes one.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Whether there is a colour.
    pub status: Status,
    /// The colour, only where `status` is active: the most severe active episode's, or green.
    pub colour: Option<Colour>,
    /// Every active episode, most severe first, then oldest first.
    pub episodes: Vec<Episode>,
    /// Every open flag, oldest first: tasks beside the colour, which they never alter.
    pub flags: Vec<Flag>,
    /// Until when green lasts without another sign of life; none where nothing lapses, or where
    /// the code is not green.
    pub lasts: Option<Lasts>,
    /// Why it is expired.
    pub expired: Option<Expired>,
    /// Why it is pending or returned: the review rule and the fact that waits.
    pub review: Option<ReviewReason>,
    /// Under which pack.
    pub pack: PackRef,
    /// Since when the lists of areas that were asked act; none where there are none but the pack's.
    pub areas: Option<Instant>,
    /// When it was decided.
    pub decided_at: Instant,
    /// The first instant at which the answer can change without a new fact.
    pub review_at: Option<Instant>,
    /// Whether a check-in today is a duty and not yet done.
    pub check_in_due: bool,
    /// Every order, and where it stands.
    pub orders: Vec<Standing>,
    /// Episode facts that this decision adds to the record: openings, stage changes and
    /// ends not yet recorded. Their `recorded` is `decided_at`; their ids are derived from
    /// rule, opening fact, event and stage, so recording one twice is recording it once.
    pub records: Vec<Fact>,
}

impl Decision {
    /// Every episode that is open, those of flags last.
    pub fn tracked(&self) -> impl Iterator<Item = &Episode> {
        self.episodes.iter().chain(self.flags.iter().map(|f| &f.episode))
    }
}

/// What waits for a reviewer, or was returned by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewReason {
    /// The review rule's id.
    pub rule: Box<str>,
    /// The fact to look at.
    pub fact: FactId,
    /// A reviewer's reason, where it was returned.
    pub returned: Option<Box<str>>,
}
