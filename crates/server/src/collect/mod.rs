//! Collecting: what grid workers, traffic police and managers of companies and schools see of the
//! people who stand before them, and those without a phone whom they register.
//!
//! URLs: `POST` and `GET /api/v1/observations`, `POST /api/v1/entries`,
//! `POST /api/v1/assisted-declarations`, `GET /api/v1/me/observations`. Table: `collected`.
//!
//! A collector's page sends later what it saw without a network, and sends again what was not
//! answered. So each item has a number that the page made; it is recorded in the unit that keeps the
//! answer, and whoever sends it again gets that answer. What was seen is a fact and never a colour.

mod ask;
pub mod assist;
pub mod entry;
pub mod http;
mod refusal;
mod store;
#[cfg(test)]
mod tests;

use kangma_core::decision::{Colour, Decision};
use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::{FactId, PersonId};
use kangma_core::pass::{self, SKEW_S, Verdict};
use kangma_core::time::{DAY_S, Instant};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use refusal::Refusal;

use crate::app::{App, Shared};
use crate::db::{DbError, Unit};
use crate::decide::{self, Missing, Recording};
use crate::error::Problem;
use crate::look::{self, Looker};
use crate::person::Person;

/// An outbox may be this late: what was seen longer ago is not taken any more.
pub const LATE_S_MAX: i64 = 3 * DAY_S;
/// A page that has been without a network may be this wrong about the time.
const DRIFT_S: i64 = 5 * 60;
/// Answers are kept this long, ten times as long as an outbox may be late.
const KEEP_S: i64 = 30 * DAY_S;
/// What may be seen of one person in a day, by all collectors together.
const A_DAY: usize = 30;
/// A collector's own list.
const RECENT_MAX: i64 = 50;

/// Who collects.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Log-in name.
    pub name: String,
    /// Name of their office, which the person reads.
    pub office: String,
    /// Whether they may name people by documents, too.
    pub names: bool,
    /// Whether they may see the colour of somebody who showed no pass.
    pub looks_up: bool,
    /// As whom they see people.
    pub looker: Looker,
}

impl Collector {
    /// Whether they are told the colour of who showed a pass: whoever sees people by their codes alone only
    /// while the pass is valid, so that an employer's picture of it does not ask again.
    fn may_tell(&self, is_valid: bool) -> bool {
        self.names || is_valid
    }
}

/// What a collector's page sent, by number: the same number is the same item.
#[derive(Clone, Debug)]
pub struct Item {
    officer: [u8; 16],
    id: [u8; 16],
    part: i64,
    digest: [u8; 32],
}

impl Item {
    /// An item, and what was sent under its number.
    pub fn new(app: &App, by: &Collector, id: [u8; 16], kind: &str, sent: &impl Serialize) -> Item {
        let body = serde_json::to_vec(sent).expect("a request is plain JSON");
        let digest = app.keys.hash("collect.digest", &[kind.as_bytes(), &body]);
        let digest = *digest.as_bytes().first_chunk().expect("a hash has 32 bytes");
        Item { officer: officer_id(app, &by.name), id, part: 0, digest }
    }

    fn part(&self, part: usize) -> Item {
        Item { part: i64::try_from(part).unwrap_or(i64::MAX), ..self.clone() }
    }

    /// Where what was sent stands until all of it is recorded.
    fn unfinished(&self) -> Item {
        Item { part: -1, ..self.clone() }
    }

    /// Where its answer stands.
    fn row(&self) -> Vec<u8> {
        [&self.officer[..], &self.id, &self.part.to_be_bytes()].concat()
    }

    /// The id of a fact of it, the same however often it is sent ([`FactId::is_repeat_of`]).
    fn fact_id(&self, app: &App, kind: Kind) -> FactId {
        let mut id = app.new_id();
        let hash = app.keys.hash("collect.fact", &[&self.row(), &[kind as u8]]);
        id[8..].copy_from_slice(&hash.as_bytes()[..8]);
        // The variant bits of a UUID.
        id[8] = id[8] & 0x3f | 0x80;
        FactId(id)
    }
}

fn officer_id(app: &App, name: &str) -> [u8; 16] {
    let hash = app.keys.hash("collect.officer", &[name.as_bytes()]);
    *hash.as_bytes().first_chunk().expect("a hash is longer than an id")
}

/// What a collector sent, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody who was scanned.
    Observation,
    /// A vehicle with people in it.
    Vehicle,
    /// A household.
    Household,
    /// Somebody without a phone was registered.
    Declaration,
}

/// What was answered, and enough to show it in the collector's own list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    what: What,
    name_masked: String,
    /// As JSON names it; `None` where the collector may not know it.
    colour: Option<String>,
    refused: Option<Refusal>,
    /// Where, in words; of a vehicle its plate.
    label: String,
    /// People of an entry.
    people: usize,
    /// Of a declaration.
    document_masked: String,
    declaration: Option<FactId>,
    at: Instant,
}

impl Kept {
    fn new(what: What, label: &str, at: Instant) -> Kept {
        Kept {
            what,
            name_masked: String::new(),
            colour: None,
            refused: None,
            label: label.to_owned(),
            people: 1,
            document_masked: String::new(),
            declaration: None,
            at,
        }
    }

    fn of(&self, person: &Person, decision: &Decision, tells_colour: bool) -> Kept {
        let colour = decision.colour.map_or("grey", Colour::name);
        Kept {
            name_masked: person.name_masked.clone(),
            colour: tells_colour.then(|| colour.to_owned()),
            ..self.clone()
        }
    }
}

/// What a collector saw of somebody.
#[derive(Clone)]
pub struct Seen {
    /// Body temperature.
    pub temperature_c: Option<f64>,
    /// Words of the pack's symptoms; `None` where nobody asked.
    pub symptoms: Option<Vec<String>>,
    /// In the collector's words.
    pub remarks: String,
    /// `person`, `vehicle` or `household`.
    pub entry: &'static str,
    /// Of a vehicle.
    pub plate: String,
    /// The division that it was in.
    pub place: String,
    /// Where there, in words.
    pub spot: String,
    /// When.
    pub at: Instant,
}

impl Seen {
    fn fact(&self, app: &App, by: &Collector, item: &Item) -> Fact {
        let mut fact = Fact {
            id: item.fact_id(app, Kind::Observation),
            kind: Kind::Observation,
            happened: self.at,
            recorded: app.clock.now(),
            source: Source::Staff,
            values: Values::default(),
        };
        if let Some(t) = self.temperature_c {
            fact.set("temperature_c", Value::Double(t));
        }
        if let Some(symptoms) = &self.symptoms {
            fact.set("symptoms", Value::List(symptoms.iter().map(|s| s.as_str().into()).collect()));
        }
        let texts = [
            ("place", self.place.as_str()),
            ("entry", self.entry),
            ("spot", &self.spot),
            ("plate", &self.plate),
            ("remarks", &self.remarks),
            ("office", &by.office),
            ("by", &by.name),
            ("role", &by.looker.role),
        ];
        for (field, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            fact.set(field, Value::Text(text.into()));
        }
        fact
    }
}

/// Records what was seen of the holder of a pass.
pub async fn observe(
    app: &Shared,
    by: &Collector,
    item: &Item,
    pass: &str,
    seen: &Seen,
) -> Result<Kept, Problem> {
    if let Some(kept) = kept(app, item).await? {
        return Ok(kept);
    }
    in_time(app, seen.at)?;
    let (person, is_valid) = holder(app, pass, seen.at).await?.map_err(Refusal::problem)?;
    let kept = Kept::new(What::Observation, &seen.spot, seen.at);
    let colour = if by.may_tell(is_valid) { Colours::Shown } else { Colours::Untold };
    record(app, by, item, person, seen, &kept, colour).await
}

/// Refuses what was seen too long ago, or in the future.
fn in_time(app: &App, seen_at: Instant) -> Result<(), Problem> {
    let now = app.clock.now();
    if seen_at > now.plus_s(DRIFT_S) {
        return Err(Problem::field(
            "seen_at",
            "collect.future",
            "采集时间在将来，请核对本机时间后更正。",
            "The time of seeing lies in the future. Check this device's clock and correct it.",
        ));
    }
    if seen_at < now.plus_s(-LATE_S_MAX) {
        return Err(Problem::field(
            "seen_at",
            "collect.late",
            "采集时间超过三天，不再接收；请重新采集，或导出后交管理员处理。",
            "It was seen more than three days ago and is no longer taken. Collect it anew, or export it for the office.",
        ));
    }
    Ok(())
}

/// The holder of a pass that was shown at an instant, and whether it is still valid: it need not be.
async fn holder(
    app: &Shared,
    text: &str,
    seen_at: Instant,
) -> Result<Result<(PersonId, bool), Refusal>, Problem> {
    let checked = pass::verify(text, &app.signing.public(), app.clock.now());
    let claims = match (checked.verdict, checked.claims) {
        (Verdict::Good | Verdict::AsOf | Verdict::Expired | Verdict::NotYetValid, Some(claims)) => claims,
        (Verdict::NotAPass, _) => return Ok(Err(Refusal::NotAPass)),
        _ => return Ok(Err(Refusal::Forged)),
    };
    let drift = DRIFT_S + SKEW_S;
    if seen_at >= claims.expires.plus_s(drift) || claims.issued > seen_at.plus_s(drift) {
        return Ok(Err(Refusal::Expired));
    }
    let person = app.keys.handle_key().open(&claims.handle);
    let known = decide::current(app, person).await?.is_some();
    let is_valid = matches!(checked.verdict, Verdict::Good | Verdict::AsOf);
    Ok(if known { Ok((person, is_valid)) } else { Err(Refusal::Unknown) })
}

/// Whether a collector is told the colour of whom they record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    /// It is not told.
    Untold,
    /// Whoever shows their pass shows it.
    Shown,
    /// It is looked up: of somebody who showed a document.
    LookedUp,
}

/// Records what was seen of somebody, with the answer in the same unit. The fact says who saw them; only a
/// colour that is looked up is a look beside it, which stays when the fact goes.
async fn record(
    app: &Shared,
    by: &Collector,
    item: &Item,
    person: PersonId,
    seen: &Seen,
    kept: &Kept,
    colour: Colours,
) -> Result<Kept, Problem> {
    let fact = seen.fact(app, by, item);
    let look = match colour {
        Colours::LookedUp => Some(look::New::collected(app, &by.looker, person, fact.id).await?),
        Colours::Shown | Colours::Untold => None,
    };
    let pack = app.packs.base();
    let zone = &pack.zone;
    let day = zone.day_of(seen.at);
    let facts = |person: &Person| {
        let seen_before = || person.facts.iter().rev().filter(|f| f.kind == Kind::Observation);
        if seen_before().any(|f| f.id.is_repeat_of(&fact.id)) {
            return Err(repeated());
        }
        if seen_before().filter(|f| zone.day_of(f.happened) == day).count() >= A_DAY {
            return Err(Refusal::DayFull.problem());
        }
        Ok(vec![fact.clone()])
    };
    let done = decide::record(
        app,
        person,
        Recording {
            missing: Missing::Refuse,
            unit: "collect.record",
            facts: &facts,
            attach: &|unit, person, decision| {
                let unit = look.iter().fold(unit, |unit, look| look.add_to(unit, app));
                keep(app, unit, item, &kept.of(person, decision, colour != Colours::Untold))
            },
        },
    )
    .await;
    settled(app, item, done.map(|_| ())).await
}

/// The answer that stands: ours, or of whoever sent the same item before or meanwhile.
async fn settled(app: &Shared, item: &Item, done: Result<(), Problem>) -> Result<Kept, Problem> {
    match done {
        Err(problem) if problem.code != REPEATED && problem.code != "db.conflict" => Err(problem),
        done => match kept(app, item).await? {
            Some(kept) => Ok(kept),
            None => Err(done.err().unwrap_or_else(Problem::internal)),
        },
    }
}

const OTHER_CONTENT: &str = "collect.other_content";
const REPEATED: &str = "collect.repeated";

/// That an item is recorded already; whoever meets it reads the answer that was kept.
fn repeated() -> Problem {
    Problem::new(
        axum::http::StatusCode::CONFLICT,
        REPEATED,
        "该条记录已经提交过。",
        "This was recorded before.",
    )
}

/// Adds the answer to the unit that records what it answers.
fn keep(app: &App, unit: Unit, item: &Item, kept: &impl Serialize) -> Unit {
    let plain = serde_json::to_vec(kept).expect("what is kept is plain JSON");
    let body = app.keys.master.seal("collected", "body", &item.row(), &plain);
    store::add(unit, item, app.clock.now(), body)
}

/// What was answered before to the same item; other content under its number is refused.
async fn kept(app: &Shared, item: &Item) -> Result<Option<Kept>, Problem> {
    let Some(stored) = store::find(&app.db, item).await? else { return Ok(None) };
    if stored.digest != item.digest {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            OTHER_CONTENT,
            "同一编号已提交过不同的内容，先提交的已记录。修改后的内容请作为新的一条提交。",
            "Something else was sent under this number before, and it is recorded. Send the change as a new item.",
        ));
    }
    open(app, item, &stored).map(Some)
}

fn open<T: DeserializeOwned>(app: &App, item: &Item, stored: &store::Stored) -> Result<T, Problem> {
    let plain = app.keys.master.open("collected", "body", &item.row(), &stored.body)?;
    serde_json::from_slice(&plain).map_err(|e| {
        tracing::error!(%e, "a kept answer could not be read");
        Problem::internal()
    })
}

/// A collector's own items, the latest first: number, when it came in, what it was.
pub async fn recent(app: &Shared, name: &str) -> Result<Vec<([u8; 16], Instant, Kept)>, Problem> {
    let officer = officer_id(app, name);
    let rows = store::recent(&app.db, officer, RECENT_MAX).await?;
    let read = |stored: store::Stored| {
        let item = Item { officer, id: stored.item, part: 0, digest: [0; 32] };
        Ok((stored.item, stored.received, open(app, &item, &stored)?))
    };
    rows.into_iter().map(read).collect()
}

/// Deletes answers that nobody asks for again.
pub async fn sweep(app: &Shared) -> Result<(), DbError> {
    app.db.commit(store::sweep(app.clock.now().plus_s(-KEEP_S))).await
}
