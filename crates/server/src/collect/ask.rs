//! What a collector's page asks, taken apart: everything wrong is told at once.

use kangma_core::division::divisions;
use kangma_core::identity::Name;
use kangma_core::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::assist::Consent;
use super::entry::{Entry, PEOPLE_MAX, Shown};
use super::{Seen, What};
use crate::app::App;
use crate::declare::http::{DeclarationRequest, DocumentRequest};
use crate::error::{FieldProblem, Problem};

/// The longest remark, in letters.
const REMARKS_MAX: usize = 200;
/// The longest place or witness, in letters.
const WORDS_MAX: usize = 60;

/// What was seen of somebody whose code was scanned.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservationRequest {
    /// A UUID that the page made, new for each item: sent again, it is the same item.
    #[schema(example = "6f2c1f0e-6f0a-4a51-9d55-0b6f3d0f9a11")]
    pub id: String,
    /// Log-in name of who collected it: refused where somebody else is logged in.
    pub by: Option<String>,
    /// `KM1:…`, as it was scanned; it has to have been valid at `seen_at`.
    pub pass: String,
    /// When; at most three days ago.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Instant,
    /// The division that it was in.
    #[schema(example = "330106")]
    pub division: String,
    /// Where there, in words, at most 60 letters.
    #[serde(default)]
    pub spot: String,
    /// Body temperature, 30 to 45 °C; without it nobody measured.
    pub temperature_c: Option<f64>,
    /// Symptoms; empty where there were none, absent where nobody asked.
    pub symptoms: Option<Vec<String>>,
    /// At most 200 letters; the person reads them.
    #[serde(default)]
    pub remarks: String,
}

/// A vehicle or a household.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Has a plate.
    Vehicle,
    /// Has a place.
    Household,
}

/// Several people at once.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryRequest {
    /// A UUID that the page made, new for each item.
    pub id: String,
    /// Log-in name of who collected it: refused where somebody else is logged in.
    pub by: Option<String>,
    /// What they came as.
    pub kind: EntryKind,
    /// Of a vehicle: 4 to 12 letters and digits.
    #[serde(default)]
    #[schema(example = "浙A12345")]
    pub plate: String,
    /// When; at most three days ago.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Instant,
    /// The division that it was in.
    pub division: String,
    /// Where there, in words; a household has to have it.
    #[serde(default)]
    pub spot: String,
    /// 1 to 60 people.
    pub people: Vec<EntryPerson>,
}

/// One of them: a code, or a document with the name on it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryPerson {
    /// `KM1:…`
    pub pass: Option<String>,
    /// Full name, with a document.
    pub name: Option<String>,
    /// A document, where there is no code.
    pub document: Option<DocumentRequest>,
    /// Body temperature.
    pub temperature_c: Option<f64>,
    /// Symptoms.
    pub symptoms: Option<Vec<String>>,
    /// In words.
    #[serde(default)]
    pub remarks: String,
}

/// How somebody agreed that a collector declares for them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentHow {
    /// In words, before a witness.
    Spoken,
    /// On paper that the office keeps.
    Written,
    /// By a guardian.
    Guardian,
}

/// Consent on the record.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// How it was given.
    pub how: ConsentHow,
    /// Who witnessed it: name or number, at most 60 letters.
    pub witness: String,
}

/// Somebody without a phone.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssistedRequest {
    /// A UUID that the page made, new for each item.
    pub id: String,
    /// Log-in name of who collected it: refused where somebody else is logged in.
    pub by: Option<String>,
    /// When it was declared; at most three days ago.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Instant,
    /// The division that it was in.
    pub division: String,
    /// As a resident sends it.
    pub declaration: DeclarationRequest,
    /// Their consent.
    pub consent: ConsentRequest,
}

/// Collects what is wrong.
#[derive(Default)]
struct Wrong(Vec<FieldProblem>);

impl Wrong {
    fn add(&mut self, field: impl Into<String>, code: &'static str, zh: &str, en: &str) {
        self.0.push(FieldProblem { field: field.into(), code, zh: zh.to_owned(), en: en.to_owned() });
    }

    fn id(&mut self, text: &str) -> [u8; 16] {
        // One spelling, so that one item has one number.
        let id = uuid::Uuid::try_parse(text).ok().filter(|id| text.len() == 36 && !id.is_nil());
        if id.is_none() {
            self.add("id", "collect.id", "条目编号应为 UUID。", "The id of an item is a UUID.");
        }
        *id.unwrap_or_default().as_bytes()
    }

    fn division(&mut self, code: &str) {
        if divisions().get(code).is_none() {
            self.add(
                "division",
                "collect.division",
                "请选择采集地点所在的行政区。",
                "Choose the division where it was seen.",
            );
        }
    }

    fn text(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = text.trim();
        if text.chars().count() > most || text.chars().any(|c| c.is_control() && c != '\n') {
            let (zh, en) = (format!("不超过 {most} 字。"), format!("At most {most} letters."));
            self.0.push(FieldProblem { field: field.to_owned(), code: "collect.text", zh, en });
        }
        text.to_owned()
    }

    fn seen(
        &mut self,
        app: &App,
        at: &str,
        temperature_c: Option<f64>,
        symptoms: Option<&[String]>,
    ) -> (Option<f64>, Option<Vec<String>>) {
        if temperature_c.is_some_and(|t| !(30.0..=45.0).contains(&t)) {
            self.add(
                format!("{at}temperature_c"),
                "check_in.temperature",
                "体温应在 30 到 45 ℃ 之间，请重新测量。",
                "A temperature lies between 30 and 45 °C. Please measure again.",
            );
        }
        let pack = app.packs.base();
        let words = pack.vocabulary.symptoms;
        if symptoms.is_some_and(|all| all.iter().any(|s| !words.contains(&s.as_str()))) {
            self.add(
                format!("{at}symptoms"),
                "check_in.symptom",
                &format!("症状只能从下列选择：{}。", words.join("、")),
                &format!("Symptoms are chosen from: {}.", words.join(", ")),
            );
        }
        let symptoms = symptoms.map(|all| {
            let mut all = all.to_vec();
            all.sort();
            all.dedup();
            all
        });
        (temperature_c.map(|t| (t * 10.0).round() / 10.0), symptoms)
    }

    fn done<T>(self, value: T) -> Result<T, Problem> {
        if self.0.is_empty() { Ok(value) } else { Err(Problem::fields(self.0)) }
    }
}

impl ObservationRequest {
    /// The item's number, and what was seen.
    pub fn check(&self, app: &App) -> Result<([u8; 16], Seen), Problem> {
        let mut wrong = Wrong::default();
        let id = wrong.id(&self.id);
        wrong.division(&self.division);
        let (temperature_c, symptoms) = wrong.seen(app, "", self.temperature_c, self.symptoms.as_deref());
        let seen = Seen {
            temperature_c,
            symptoms,
            remarks: wrong.text("remarks", &self.remarks, REMARKS_MAX),
            entry: "person",
            plate: String::new(),
            place: self.division.clone(),
            spot: wrong.text("spot", &self.spot, WORDS_MAX),
            at: self.seen_at,
        };
        wrong.done((id, seen))
    }
}

impl EntryRequest {
    /// The item's number, and the entry.
    pub fn check(&self, app: &App) -> Result<([u8; 16], Entry), Problem> {
        let mut wrong = Wrong::default();
        let id = wrong.id(&self.id);
        wrong.division(&self.division);
        let spot = wrong.text("spot", &self.spot, WORDS_MAX);
        let plate = self.plate(&mut wrong);
        if self.kind == EntryKind::Household && spot.is_empty() {
            wrong.add("spot", "collect.household", "请填写住户的门牌。", "Say where the household lives.");
        }
        if !(1..=PEOPLE_MAX).contains(&self.people.len()) {
            wrong.add("people", "collect.people", "一条可登记 1 到 60 人。", "An entry has 1 to 60 people.");
        }
        let (what, entry) = match self.kind {
            EntryKind::Vehicle => (What::Vehicle, "vehicle"),
            EntryKind::Household => (What::Household, "household"),
        };
        let today = app.packs.base().zone.day_of(app.clock.now());
        let mut people = Vec::new();
        for (i, person) in self.people.iter().take(PEOPLE_MAX).enumerate() {
            let at = format!("people.{i}.");
            let (temperature_c, symptoms) =
                wrong.seen(app, &at, person.temperature_c, person.symptoms.as_deref());
            let remarks = wrong.text(&format!("{at}remarks"), &person.remarks, REMARKS_MAX);
            let shown = match (&person.pass, &person.name, &person.document) {
                (Some(pass), None, None) => Some(Shown::Pass(pass.clone())),
                (None, Some(name), Some(document)) => {
                    let name =
                        Name::parse(name).map_err(|e| wrong.add(format!("{at}name"), e.code, e.zh, e.en));
                    let document = document
                        .parse(today)
                        .map_err(|e| wrong.add(format!("{at}document.number"), e.code, e.zh, e.en));
                    name.ok().zip(document.ok()).map(|(name, document)| Shown::Document(name, document))
                }
                _ => {
                    wrong.add(
                        format!("{at}pass"),
                        "collect.person",
                        "每人扫一个码，或填写证件和姓名。",
                        "Each person has a code, or a document and a name.",
                    );
                    None
                }
            };
            let seen = Seen {
                temperature_c,
                symptoms,
                remarks,
                entry,
                plate: plate.clone(),
                place: self.division.clone(),
                spot: spot.clone(),
                at: self.seen_at,
            };
            people.extend(shown.map(|shown| (shown, seen)));
        }
        wrong.done((id, Entry { what, people }))
    }

    fn plate(&self, wrong: &mut Wrong) -> String {
        let plain = |c: &char| !matches!(c, ' ' | '\u{3000}' | '·' | '.' | '-');
        let plate: String = self.plate.chars().filter(plain).flat_map(char::to_uppercase).collect();
        let letters = plate.chars().count();
        let fits = match self.kind {
            EntryKind::Vehicle => (4..=12).contains(&letters) && plate.chars().all(char::is_alphanumeric),
            EntryKind::Household => plate.is_empty(),
        };
        if !fits {
            wrong.add(
                "plate",
                "collect.plate",
                "请核对车牌号，例如 浙A12345。",
                "Check the plate, such as 浙A12345.",
            );
        }
        plate
    }
}

impl AssistedRequest {
    /// The item's number, when it was declared, and the consent; the declaration is checked as anybody's.
    pub fn check(&self) -> Result<([u8; 16], Instant, Consent), Problem> {
        let mut wrong = Wrong::default();
        let id = wrong.id(&self.id);
        wrong.division(&self.division);
        let witness = wrong.text("consent.witness", &self.consent.witness, WORDS_MAX);
        if witness.is_empty() {
            wrong.add(
                "consent.witness",
                "collect.witness",
                "请填写同意的见证人。",
                "Say who witnessed the consent.",
            );
        }
        let how = match self.consent.how {
            ConsentHow::Spoken => "spoken",
            ConsentHow::Written => "written",
            ConsentHow::Guardian => "guardian",
        };
        wrong.done((id, self.seen_at, Consent { how, witness }))
    }
}
