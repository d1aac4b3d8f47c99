//! What waits for an officer, by when, and who has it in hand. Table: `review`.
//!
//! The queue only points: what is to be looked at lies with the person (a declaration, an appeal,
//! a confirmation) or the account (an identity claim), and the outcome is a fact there. An entry
//! waits at the office of a level over a division; it is claimed by one officer for ten minutes,
//! and what they find takes effect ten seconds later, until when they can take it back.

mod store;

use kangma_core::appeal::{Level, Place};
use kangma_core::decision::{Counted, Decision, Episode, Status};
use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::time::Instant;

pub use store::{
    claim, close_in, count_open, drop_in, due, escalate_in, find, open_appeals, open_items, release, settle,
    settling, undo, waits_for,
};

use crate::app::App;
use crate::db::Unit;
use crate::person::Person;

/// How long an officer has an entry in hand without renewing it.
pub const CLAIM_S: i64 = 600;
/// How long an officer can take back what they found.
pub const UNDO_S: i64 = 10;

/// What a review is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A declaration of a person; the review's id is the fact's.
    Declaration(PersonId),
    /// The identity claim of an account.
    Identity(AccountId),
    /// A person's appeal; the review's id is the appeal's.
    Appeal(PersonId),
    /// An episode waits for an authority to confirm its end; see [`confirmation_id`].
    Confirmation(PersonId),
}

impl Subject {
    /// [`Subject::kind`] of a confirmation.
    pub const CONFIRMATION: i64 = 4;

    /// As stored.
    pub fn kind(self) -> i64 {
        match self {
            Subject::Declaration(_) => 1,
            Subject::Identity(_) => 2,
            Subject::Appeal(_) => 3,
            Subject::Confirmation(_) => Subject::CONFIRMATION,
        }
    }

    /// The person, where there is one.
    pub fn person(self) -> Option<PersonId> {
        match self {
            Subject::Declaration(p) | Subject::Appeal(p) | Subject::Confirmation(p) => Some(p),
            Subject::Identity(_) => None,
        }
    }

    /// Its word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Subject::Declaration(_) => "declaration",
            Subject::Identity(_) => "identity",
            Subject::Appeal(_) => "appeal",
            Subject::Confirmation(_) => "confirmation",
        }
    }
}

/// How a review stands or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum State {
    /// Waits.
    Open = 0,
    /// Approved.
    Approved = 1,
    /// Returned with a reason.
    Returned = 2,
    /// Found to be false.
    False = 3,
    /// A newer declaration took its place, or what it was about is no more.
    Overtaken = 4,
    /// Settled; takes effect in a few seconds unless it is undone.
    Settling = 5,
    /// An appeal: the decision stands.
    Upheld = 6,
    /// An appeal: the fact was wrong.
    Allowed = 7,
    /// An authority confirmed the end of an episode.
    Confirmed = 8,
    /// An authority did not confirm it.
    Refused = 9,
    /// The person took the appeal back.
    Withdrawn = 10,
}

impl State {
    const ALL: [State; 11] = [
        State::Open,
        State::Approved,
        State::Returned,
        State::False,
        State::Overtaken,
        State::Settling,
        State::Upheld,
        State::Allowed,
        State::Confirmed,
        State::Refused,
        State::Withdrawn,
    ];

    fn from_int(n: i64) -> Option<State> {
        State::ALL.into_iter().find(|s| *s as i64 == n)
    }
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Item {
    /// Identifier: random, the declaration's, the appeal's or the confirmation's.
    pub id: [u8; 16],
    /// What it is about.
    pub subject: Subject,
    /// The pack's rule, or `identity.claim`.
    pub rule: String,
    /// Since when it waits.
    pub opened_at: Instant,
    /// How it stands.
    pub state: State,
    /// County that it waits in; zeros where only the city is known.
    pub county: u32,
    /// Keyed hash of the street, where it is known.
    pub street: Option<[u8; 16]>,
    /// Level of the office that it waits at.
    pub level: Level,
    /// By when that office has to answer.
    pub due_at: Instant,
    /// Who has it in hand, and until when.
    pub claim: Option<(String, Instant)>,
    /// Who settled it.
    pub settled_by: Option<String>,
    /// What they found, sealed.
    pub finding: Option<Vec<u8>>,
}

impl Item {
    /// Who has it in hand at an instant.
    pub fn claimed_by(&self, at: Instant) -> Option<&str> {
        self.claim.as_ref().filter(|(_, until)| at < *until).map(|(name, _)| name.as_str())
    }
}

/// The rule name of identity claims.
pub const IDENTITY_RULE: &str = "identity.claim";

/// A new entry.
pub struct Opening<'a> {
    /// Identifier.
    pub id: [u8; 16],
    /// What it is about.
    pub subject: Subject,
    /// The pack's rule.
    pub rule: &'a str,
    /// Where it waits.
    pub place: &'a Place,
    /// At which level it begins.
    pub level: Level,
    /// Since when.
    pub at: Instant,
}

/// Opens an entry, unless there is one of this id.
pub fn open(app: &App, unit: Unit, opening: &Opening<'_>) -> Unit {
    let street = opening.place.street.as_deref().map(|code| street_key(app, code));
    let pack = app.packs.at(opening.place.county.into(), opening.at);
    store::open(unit, opening, street, opening.at.plus_s(pack.appeals.due_s(opening.level)))
}

/// How long an office of a level has for an entry, in seconds: by the pack in force where it waits.
pub fn due_s(app: &App, item: &Item, level: Level, now: Instant) -> i64 {
    app.packs.at(item.county.into(), now).appeals.due_s(level)
}

/// What stands for a street in a clear column: whoever holds the database learns no street.
pub fn street_key(app: &App, code: &str) -> [u8; 16] {
    let hash = app.keys.hash("street", &[code.as_bytes()]);
    *hash.as_bytes().first_chunk().unwrap_or(&[0; 16])
}

/// The place of a person, for offices of the pack's division.
pub fn place_of(app: &App, code: Option<&str>) -> Place {
    Place::of(code, &app.packs.base().division)
}

/// Opens an entry in the unit that records a declaration, if the pack sends it to review, in place
/// of an earlier one if there may be any.
pub fn open_if_pending(app: &App, unit: Unit, person: &Person, decision: &Decision) -> Unit {
    let subject = Subject::Declaration(person.id);
    let unit = match person.may_be_in_review() {
        true => store::overtake(unit, subject, decision.decided_at),
        false => unit,
    };
    match &decision.review {
        Some(review) if decision.status == Status::Pending || review.returned.is_none() => {
            let place = place_of(app, person.place());
            let (rule, at) = (&*review.rule, decision.decided_at);
            open(
                app,
                unit,
                &Opening { id: review.fact.0, subject, rule, place: &place, level: place.level, at },
            )
        }
        _ => unit,
    }
}

/// Opens an entry for an identity claim, in place of an earlier one of the same account.
pub fn open_identity(app: &App, id: [u8; 16], account: AccountId, code: Option<&str>, at: Instant) -> Unit {
    let subject = Subject::Identity(account);
    let unit = store::overtake(Unit::new("queue.open_identity"), subject, at);
    let place = place_of(app, code);
    open(app, unit, &Opening { id, subject, rule: IDENTITY_RULE, place: &place, level: place.level, at })
}

/// Opens an entry for every episode that waits for nothing but an authority.
pub fn open_confirmations(app: &App, unit: Unit, person: &Person, decision: &Decision) -> Unit {
    let waiting = decision.tracked().filter_map(|e| Some((e, confirming_level(app, person, e)?)));
    waiting.fold(unit, |unit, (episode, level)| {
        let place = place_of(app, person.place());
        let opening = Opening {
            id: confirmation_id(app, person.id, &episode.rule, episode.opened_by, episode.stage),
            subject: Subject::Confirmation(person.id),
            rule: &episode.rule,
            level: level.min(place.level),
            place: &place,
            at: decision.decided_at,
        };
        open(app, unit, &opening)
    })
}

/// The level of office that confirms an episode's present stage, if nothing else is missing.
pub fn confirming_level(app: &App, person: &Person, episode: &Episode) -> Option<Level> {
    let missing = |p: &kangma_core::decision::Progress| p.done < p.of;
    let waits = episode.progress.iter().any(|p| p.what == Counted::Confirmations && missing(p))
        && !episode.progress.iter().any(|p| p.what != Counted::Confirmations && missing(p));
    if !waits {
        return None;
    }
    confirmed_by(app, person, episode).map(|authority| level_of(&authority))
}

/// The level of office that speaks for an authority; a hospital's notice comes to the county.
pub fn level_of(authority: &str) -> Level {
    match authority {
        "province" => Level::Province,
        "city" => Level::City,
        "community" => Level::Street,
        _ => Level::County,
    }
}

/// The authority that a stage asks for, in the words of the pack that opened the episode.
pub fn confirmed_by(app: &App, person: &Person, episode: &Episode) -> Option<String> {
    let set = app.packs.set();
    let at_hand = set.at(person.division(), app.clock.now());
    let pack = set.with_rule(at_hand, &episode.rule, Some(&episode.version));
    let kangma_core::rules::pack::Then::Open { stages, .. } = &pack.rule(&episode.rule)?.then else {
        return None;
    };
    stages.get(usize::from(episode.stage))?.release.confirmed_by.clone()
}

/// The id of the entry for a confirmation: the same whenever it is asked for.
pub fn confirmation_id(app: &App, person: PersonId, rule: &str, opened_by: FactId, stage: u16) -> [u8; 16] {
    let hash =
        app.keys.hash("confirmation", &[&person.0, rule.as_bytes(), &opened_by.0, &stage.to_be_bytes()]);
    *hash.as_bytes().first_chunk().unwrap_or(&[0; 16])
}

/// A division over which somebody answers, as the queue is searched for it.
#[derive(Clone, Debug)]
pub struct Scope {
    /// First and last county.
    pub counties: (u32, u32),
    /// The street alone, where it is no larger.
    pub street: Option<[u8; 16]>,
    /// The highest level that it answers at.
    pub level: Level,
}

impl Scope {
    /// Of a division's code; empty for the whole country. A community is too small for an office of
    /// its own: nothing lies in it.
    pub fn of(app: &App, code: &str) -> Scope {
        if code.len() > Level::Street.digits() {
            return Scope { counties: (1, 0), street: None, level: Level::Street };
        }
        let street = (code.len() >= Level::Street.digits()).then(|| street_key(app, &code[..9]));
        Scope { counties: Place::counties(code), street, level: kangma_core::appeal::highest(code) }
    }

    /// Whether an entry lies in it.
    pub fn holds(&self, item: &Item) -> bool {
        (self.counties.0..=self.counties.1).contains(&item.county)
            && item.level >= self.level
            && self.street.is_none_or(|street| item.street == Some(street))
    }
}
