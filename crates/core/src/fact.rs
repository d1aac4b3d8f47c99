//! Facts: everything known of a person. Append-only; a correction is another fact.
//!
//! A fact is a typed row. Its [`Kind`] has a fixed schema ([`Kind::schema`]), so rules are
//! type-checked when a pack is loaded and read fields by slot when they run. A pack chooses
//! which declaration fields it collects; it cannot invent a type.

mod values;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub use values::Values;

use crate::id::FactId;
use crate::time::{Day, Instant};

/// What sort of fact a row is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// What a person declared of themselves (申报).
    Declaration = 1,
    /// A daily health check-in (健康打卡).
    CheckIn = 2,
    /// An authority's list names the person: confirmed, close contact, … (名单).
    Listed = 3,
    /// A laboratory's result.
    Test = 4,
    /// What a reviewer found, for example that a declaration was false.
    Finding = 5,
    /// A reviewer's answer to what a pack sent to review (审核).
    Review = 6,
    /// How the identity behind an account was confirmed, and the binding itself.
    Identity = 7,
    /// Withdraws an earlier fact (更正).
    Correction = 8,
    /// An authority confirms a release (确认).
    Confirmation = 9,
    /// The engine's own record: an episode opened, changed stage or ended.
    Episode = 10,
    /// A vaccination (接种), as a list says it.
    Vaccination = 11,
    /// An authority's order to stay in quarantine (隔离令).
    Quarantine = 12,
    /// An arrival from elsewhere (入境或来返), as a list says it.
    Arrival = 13,
    /// What a collector saw of somebody who stood before them (采集记录).
    Observation = 14,
    /// A certificate that the person showed and whose signature was checked (电子证明).
    Certificate = 15,
    /// A member of staff orders what a published rule lets be ordered (处置令). Inert by itself.
    Order = 20,
    /// A second office signs an order (复签).
    Signature = 21,
}

/// One more than the highest number of a kind.
pub const KINDS: usize = 22;

/// Type of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// A decimal number.
    Double,
    /// Text, never personal in a field that rules may read.
    Text,
    /// One of a fixed set of words.
    Choice(&'static [&'static str]),
    /// Any of a fixed set of words.
    Choices(&'static [&'static str]),
    /// A division's code: 2, 4, 6, 9 or 12 digits.
    Division,
    /// A list of division codes.
    Divisions,
    /// A civil day.
    Day,
    /// A point in time.
    Instant,
}

/// A field of a kind. Its slot is its position in [`Kind::schema`].
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name, in rules and in JSON.
    pub name: &'static str,
    /// Type of its value.
    pub ty: Type,
    /// Whether `when` expressions may read it. Personal text never is.
    pub rules: bool,
}

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty, rules: true }
}

const fn hidden(name: &'static str, ty: Type) -> Field {
    Field { name, ty, rules: false }
}

/// Symptoms that can be declared and checked in.
pub const SYMPTOMS: &[&str] = &[
    "fever",
    "fatigue",
    "dry_cough",
    "dyspnoea",
    "nasal_congestion",
    "runny_nose",
    "sore_throat",
    "diarrhoea",
];

/// Lists of authorities.
pub const LISTS: &[&str] = &[
    "confirmed",
    "suspected",
    "asymptomatic",
    "close_contact",
    "contact_of_contact",
    "inbound",
    "quarantine",
    "medical_observation",
    "released",
];

/// How a sample was tested.
pub const METHODS: &[&str] = &["pcr", "antigen"];

/// What a laboratory found.
pub const RESULTS: &[&str] = &["negative", "positive", "pending"];

/// Kinds of vaccine.
pub const VACCINES: &[&str] = &["inactivated", "adenovirus", "subunit", "mrna", "other"];

/// Where a quarantine is spent.
pub const QUARANTINES: &[&str] = &["home", "central", "hospital"];

/// How somebody came whom a collector saw: on their own, in a vehicle, or as part of a household.
pub const ENTRIES: &[&str] = &["person", "vehicle", "household"];

/// How consent was given to a declaration that a collector wrote down.
pub const CONSENTS: &[&str] = &["spoken", "written", "guardian"];

/// What a certificate can be about.
pub const EVENTS: &[&str] = &["vaccination", "test", "recovery"];

/// What an order rests on.
pub const EVIDENCE: &[&str] =
    &["investigation_report", "laboratory_report", "diagnosis", "correction_notice"];

/// What a reviewer can establish.
pub const FINDINGS: &[&str] =
    &["false_declaration", "appeal_upheld", "appeal_allowed", "confirmation_refused"];

const DECLARATION: &[Field] = &[
    field("subject", Type::Choice(&["resident", "intending"])),
    field("residence", Type::Division),
    hidden("address", Type::Text),
    field("in_city", Type::Bool),
    field("destination", Type::Division),
    field("arrives_on", Type::Day),
    field("visited", Type::Divisions),
    field("left_on", Type::Day),
    field("overseas", Type::Bool),
    field("contact", Type::Choice(&["none", "confirmed", "suspected", "close_contact"])),
    field("contact_on", Type::Day),
    field("under_measure", Type::Choice(&["none", "confirmed", "suspected", "medical_observation"])),
    field("temperature_c", Type::Double),
    field("symptoms", Type::Choices(SYMPTOMS)),
    field("health", Type::Choice(&["well", "unwell"])),
    field("commitment", Type::Text),
];

const CHECK_IN: &[Field] =
    &[field("temperature_c", Type::Double), field("symptoms", Type::Choices(SYMPTOMS))];

const LISTED: &[Field] = &[
    field("list", Type::Choice(LISTS)),
    field("since", Type::Day),
    field("place", Type::Division),
    hidden("reference", Type::Text),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
];

const TEST: &[Field] = &[
    field("method", Type::Choice(METHODS)),
    field("result", Type::Choice(RESULTS)),
    field("sampled_at", Type::Instant),
    field("place", Type::Division),
    hidden("laboratory", Type::Text),
    hidden("reference", Type::Text),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
];

const VACCINATION: &[Field] = &[
    field("vaccine", Type::Choice(VACCINES)),
    field("dose", Type::Int),
    field("on", Type::Day),
    field("place", Type::Division),
    hidden("batch", Type::Text),
    hidden("reference", Type::Text),
    hidden("office", Type::Text),
];

const QUARANTINE: &[Field] = &[
    field("stay", Type::Choice(QUARANTINES)),
    field("from", Type::Day),
    field("until", Type::Day),
    field("place", Type::Division),
    hidden("reference", Type::Text),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
];

const ARRIVAL: &[Field] = &[
    field("arrived_on", Type::Day),
    field("origin", Type::Division),
    field("country", Type::Text),
    field("place", Type::Division),
    hidden("transport", Type::Text),
    hidden("reference", Type::Text),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
];

const OBSERVATION: &[Field] = &[
    field("temperature_c", Type::Double),
    field("symptoms", Type::Choices(SYMPTOMS)),
    field("place", Type::Division),
    field("entry", Type::Choice(ENTRIES)),
    hidden("spot", Type::Text),
    hidden("plate", Type::Text),
    hidden("remarks", Type::Text),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
    hidden("role", Type::Text),
];

const CERTIFICATE: &[Field] = &[
    field("type", Type::Choice(EVENTS)),
    field("country", Type::Text),
    field("disease", Type::Text),
    field("issued_at", Type::Instant),
    field("expires_at", Type::Instant),
    field("shown_at", Type::Instant),
    field("place", Type::Division),
    hidden("key_id", Type::Text),
    hidden("payload", Type::Text),
    hidden("reference", Type::Text),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
];

const FINDING: &[Field] = &[
    field("finding", Type::Choice(FINDINGS)),
    hidden("of", Type::Text),
    hidden("note", Type::Text),
    hidden("by", Type::Text),
];

const REVIEW: &[Field] = &[
    hidden("of", Type::Text),
    field("outcome", Type::Choice(&["approved", "returned"])),
    hidden("reason", Type::Text),
    hidden("by", Type::Text),
];

const IDENTITY: &[Field] = &[
    field("method", Type::Choice(&["demo", "gateway", "reviewer", "seen_document"])),
    hidden("account", Type::Text),
    field("bound", Type::Bool),
    hidden("consent", Type::Choice(CONSENTS)),
    hidden("witness", Type::Text),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
];

const CORRECTION: &[Field] =
    &[hidden("of", Type::Text), hidden("reason", Type::Text), hidden("by", Type::Text)];

const CONFIRMATION: &[Field] = &[
    field("level", Type::Choice(&["community", "county", "city", "province", "hospital"])),
    field("rule", Type::Text),
    hidden("by", Type::Text),
];

const EPISODE: &[Field] = &[
    hidden("event", Type::Choice(&["opened", "stage", "ended", "lifted", "restored"])),
    hidden("rule", Type::Text),
    hidden("pack", Type::Text),
    hidden("opened_by", Type::Text),
    hidden("stage", Type::Int),
    hidden("terms", Type::Text),
];

const ORDER: &[Field] = &[
    hidden("rule", Type::Text),
    field("evidence", Type::Choice(EVIDENCE)),
    hidden("reference", Type::Text),
    hidden("until", Type::Instant),
    hidden("urgent", Type::Bool),
    hidden("office", Type::Text),
    hidden("by", Type::Text),
];

const SIGNATURE: &[Field] =
    &[hidden("of", Type::Text), hidden("office", Type::Text), hidden("by", Type::Text)];

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 17] = [
        Kind::Declaration,
        Kind::CheckIn,
        Kind::Listed,
        Kind::Test,
        Kind::Finding,
        Kind::Review,
        Kind::Identity,
        Kind::Correction,
        Kind::Confirmation,
        Kind::Episode,
        Kind::Vaccination,
        Kind::Quarantine,
        Kind::Arrival,
        Kind::Observation,
        Kind::Certificate,
        Kind::Order,
        Kind::Signature,
    ];

    /// The kind's fields, in slot order. A field is only ever added at the end.
    #[must_use]
    pub fn schema(self) -> &'static [Field] {
        match self {
            Kind::Declaration => DECLARATION,
            Kind::CheckIn => CHECK_IN,
            Kind::Listed => LISTED,
            Kind::Test => TEST,
            Kind::Finding => FINDING,
            Kind::Review => REVIEW,
            Kind::Identity => IDENTITY,
            Kind::Correction => CORRECTION,
            Kind::Confirmation => CONFIRMATION,
            Kind::Episode => EPISODE,
            Kind::Vaccination => VACCINATION,
            Kind::Quarantine => QUARANTINE,
            Kind::Arrival => ARRIVAL,
            Kind::Observation => OBSERVATION,
            Kind::Certificate => CERTIFICATE,
            Kind::Order => ORDER,
            Kind::Signature => SIGNATURE,
        }
    }

    /// Its name in JSON and packs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Declaration => "declaration",
            Kind::CheckIn => "check_in",
            Kind::Listed => "listed",
            Kind::Test => "test",
            Kind::Finding => "finding",
            Kind::Review => "review",
            Kind::Identity => "identity",
            Kind::Correction => "correction",
            Kind::Confirmation => "confirmation",
            Kind::Episode => "episode",
            Kind::Vaccination => "vaccination",
            Kind::Quarantine => "quarantine",
            Kind::Arrival => "arrival",
            Kind::Observation => "observation",
            Kind::Certificate => "certificate",
            Kind::Order => "order",
            Kind::Signature => "signature",
        }
    }

    /// Whether a rule on it may open an episode. What a machine or a passer-by saw of a person (a
    /// scan, a collector's observation) never does, nor do words about other facts: behind every
    /// colour stands a declaration, an authority's list, a laboratory, a finding or a signed order.
    #[must_use]
    pub fn may_open(self) -> bool {
        match self {
            Kind::Declaration
            | Kind::CheckIn
            | Kind::Listed
            | Kind::Test
            | Kind::Finding
            | Kind::Quarantine
            | Kind::Arrival
            | Kind::Certificate
            | Kind::Order => true,
            Kind::Review
            | Kind::Identity
            | Kind::Correction
            | Kind::Confirmation
            | Kind::Episode
            | Kind::Vaccination
            | Kind::Observation
            | Kind::Signature => false,
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }

    /// The kind of a stored number.
    #[must_use]
    pub fn from_u8(n: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| *k as u8 == n)
    }

    /// The slot of a field.
    #[must_use]
    pub fn slot(self, name: &str) -> Option<usize> {
        self.schema().iter().position(|f| f.name == name)
    }
}

/// A field's value. Choices and divisions are text.
#[derive(Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing is known. Never makes a condition true.
    #[default]
    Missing,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite decimal number.
    Double(f64),
    /// Text, a choice or a division code. Nearly all are short and lie in the value itself: a person has
    /// dozens of them.
    Text(SmolStr),
    /// A list of texts, choices or division codes. Shared: facts read together have mostly the same.
    List(Arc<[SmolStr]>),
    /// A civil day.
    Day(Day),
    /// A point in time.
    Instant(Instant),
}

// A person has hundreds of them.
const _: () = assert!(size_of::<Value>() == 24);

impl fmt::Debug for Value {
    /// Health data and places are personal: the value itself never prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Value::Missing { "-" } else { "***" })
    }
}

/// Where a fact came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Source {
    /// The person, or somebody for them.
    Resident = 1,
    /// An authority's list or feed.
    List = 2,
    /// A reviewer or other staff.
    Staff = 3,
    /// The rules engine.
    Engine = 4,
    /// An identity check.
    IdentityCheck = 5,
}

impl Source {
    /// The source of a stored number.
    #[must_use]
    pub fn from_u8(n: u8) -> Option<Source> {
        [Source::Resident, Source::List, Source::Staff, Source::Engine, Source::IdentityCheck]
            .into_iter()
            .find(|s| *s as u8 == n)
    }
}

/// One fact about one person.
#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    /// Its identifier, unique within the person.
    pub id: FactId,
    /// Its kind, which fixes its schema.
    pub kind: Kind,
    /// When it happened. A resident's check-in counts at server time.
    pub happened: Instant,
    /// When it was recorded. Never read by rules.
    pub recorded: Instant,
    /// Where it came from.
    pub source: Source,
    /// Values by slot; slots past the end are [`Value::Missing`].
    pub values: Values,
}

impl Fact {
    /// The value in a slot.
    #[must_use]
    pub fn at(&self, slot: usize) -> &Value {
        self.values.get(slot).unwrap_or(&Value::Missing)
    }

    /// The value of a named field; for code off the hot path.
    #[must_use]
    pub fn get(&self, name: &str) -> &Value {
        self.kind.slot(name).map_or(&Value::Missing, |slot| self.at(slot))
    }

    /// The text of a named field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Codes of the divisions in it that rules may read.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        let fields = self.kind.schema().iter().zip(&*self.values).filter(|(field, _)| field.rules);
        let codes = fields.flat_map(|(field, value)| match (field.ty, value) {
            (Type::Division, Value::Text(code)) => std::slice::from_ref(code),
            (Type::Divisions, Value::List(codes)) => codes,
            _ => &[],
        });
        codes.map(|code| &**code)
    }

    /// Sets a named field. Returns false if the kind has no such field.
    pub fn set(&mut self, name: &str, value: Value) -> bool {
        let Some(slot) = self.kind.slot(name) else { return false };
        let values = self.values.alone();
        if values.len() <= slot {
            values.resize(slot + 1, Value::Missing);
        }
        values[slot] = value;
        true
    }

    /// The order in which facts are read, whatever the order in which they were recorded.
    fn key(&self) -> (Instant, Kind, FactId) {
        (self.happened, self.kind, self.id)
    }
}

/// A person's facts in canonical order: by when they happened, then kind, then id.
///
/// INVARIANT: the same set of facts gives the same `Facts`, whatever the order of recording.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Facts(Vec<Fact>);

impl Facts {
    /// Puts facts in canonical order. A fact that is present twice (same id) counts once.
    #[must_use]
    pub fn new(mut facts: Vec<Fact>) -> Facts {
        facts.sort_by_key(|f| f.key());
        facts.dedup_by_key(|f| f.key());
        Facts(facts)
    }

    /// Adds one.
    pub fn push(&mut self, fact: Fact) {
        let at = self.0.partition_point(|f| f.key() < fact.key());
        if self.0.get(at).is_none_or(|f| f.key() != fact.key()) {
            self.0.insert(at, fact);
        }
    }

    /// In canonical order.
    pub fn iter(&self) -> Iter<'_> {
        self.0.iter()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fact of an id.
    #[must_use]
    pub fn find(&self, id: FactId) -> Option<&Fact> {
        self.iter().find(|f| f.id == id)
    }
}

/// Facts in canonical order.
pub type Iter<'a> = std::slice::Iter<'a, Fact>;

impl<'a> IntoIterator for &'a Facts {
    type Item = &'a Fact;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Facts {
        Facts::new(facts.into_iter().collect())
    }
}
