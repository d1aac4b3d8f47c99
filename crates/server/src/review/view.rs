//! What an officer sees of an entry: side by side what was declared, what came from lists and staff,
//! and what was decided.

use kangma_core::decision::Colour;
use kangma_core::fact::{Fact, Kind, Source, Value};
use kangma_core::id::{FactId, PersonId};
use kangma_core::identity::Phone;
use kangma_core::rules::set::place_of_declaration;
use kangma_core::rules::words::Reason;
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use super::Desk;
use super::http::{Claim, kind, title, why};
use crate::account;
use crate::app::Shared;
use crate::appeal::{self, Appeal, Ground, Outcome, words::reason_text};
use crate::decide;
use crate::error::Problem;
use crate::evidence::{self, http::FileView};
use crate::lang::Lang;
use crate::person::{self, Person, Profile};
use crate::queue::{Item, Subject};

/// Earlier declarations shown.
const EARLIER_MAX: usize = 5;
/// Facts of lists and staff shown, the latest first.
const RECORDED_MAX: usize = 20;

/// One entry with all that a reviewer needs.
#[derive(Serialize, ToSchema)]
pub struct ReviewDetail {
    id: String,
    /// `declaration`, `identity`, `appeal` or `confirmation`.
    kind: &'static str,
    /// The pack's rule, or `identity.claim`.
    rule: String,
    /// What it is about.
    title: String,
    /// Why it waits.
    why: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    waiting_since: Instant,
    /// By when the office has to answer.
    #[schema(value_type = String, format = DateTime)]
    due_at: Instant,
    /// Whether that time is over.
    late: bool,
    /// Level of the office: `street`, `county`, `city` or `province`.
    level: &'static str,
    /// The office in words.
    office: String,
    /// Who has it in hand.
    claim: Option<Claim>,
    /// Full name: a reviewer calls people.
    name: String,
    /// First and last letters.
    document_masked: String,
    /// Such as 139****0001; only where an account's identity is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_masked: Option<String>,
    /// What was declared: the declaration that is looked at, or the latest.
    answers: Vec<AnswerView>,
    /// What the same person declared before, newest first; at most 5.
    earlier: Vec<Earlier>,
    /// What lists, laboratories and staff recorded, newest first; at most 20.
    recorded: Vec<RecordedView>,
    /// What the rules make of it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Decided>,
    /// The appeal, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    appeal: Option<AppealDetail>,
    /// Outcomes that can be given.
    outcomes: Vec<&'static str>,
    /// Why this officer may not settle it: `review.claimed` or `review.own_part`.
    #[serde(skip_serializing_if = "Option::is_none")]
    barred: Option<&'static str>,
}

/// One answer.
#[derive(Serialize, ToSchema)]
pub struct AnswerView {
    /// Name of the field.
    field: String,
    /// The question.
    label: String,
    /// The answer, as the form shows it.
    value: String,
    /// Whether the rule looks at this field.
    flagged: bool,
}

/// An earlier declaration.
#[derive(Serialize, ToSchema)]
pub struct Earlier {
    /// When it was declared.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// What was declared.
    answers: Vec<AnswerView>,
}

/// A fact that a list, a laboratory or an officer recorded.
#[derive(Serialize, ToSchema)]
pub struct RecordedView {
    /// Identifier.
    fact: String,
    /// `listed`, `test`, `finding`, `review`, `correction`, `confirmation`, …
    #[schema(value_type = String)]
    kind: Kind,
    /// Where it came from: `list`, `staff`, …
    #[schema(value_type = String)]
    source: Source,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Instant,
    /// What it says, field by field.
    values: Vec<ValueView>,
    /// Whether a correction names it.
    corrected: bool,
    /// Whether the decision that is looked at rests on it.
    about: bool,
}

/// One value.
#[derive(Serialize, ToSchema)]
pub struct ValueView {
    /// Name of the field.
    field: &'static str,
    /// Its value.
    value: String,
}

/// What the rules say.
#[derive(Serialize, ToSchema)]
pub struct Decided {
    /// `green`, `yellow`, `red` or `grey`.
    colour: &'static str,
    /// The colour's or status's word.
    word: String,
    /// Every active reason, as the holder reads it.
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Reason>,
    /// Version of the pack.
    version: String,
}

/// What the person says.
#[derive(Serialize, ToSchema)]
pub struct AppealDetail {
    /// On what.
    ground: Ground,
    /// In their words.
    text: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    made_at: Instant,
    /// The fact that the decision rests on.
    about: String,
    /// The files added to it.
    files: Vec<FileView>,
    /// Earlier answers about the same decision, newest first.
    rounds: Vec<Round>,
}

/// An earlier answer.
#[derive(Serialize, ToSchema)]
pub struct Round {
    /// What it was.
    outcome: Outcome,
    /// Why, in a few words.
    why: String,
    /// In the officer's words.
    reason: String,
    /// Level of the office.
    level: &'static str,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Instant>,
}

/// Whom an entry is about.
struct About {
    profile: Profile,
    phone_masked: Option<String>,
    person: Option<Person>,
    declared: Option<Fact>,
    appeal: Option<Appeal>,
}

/// Puts an entry together.
pub async fn detail(app: &Shared, desk: &Desk, item: Item, lang: Lang) -> Result<ReviewDetail, Problem> {
    let now = app.clock.now();
    let about = look_up(app, &item).await?;
    let fact = about.appeal.as_ref().map(|a| a.about);
    let document = about.profile.document(app.clock.wall());
    let appeal = match (&about.appeal, item.subject.person()) {
        (Some(appeal), Some(person)) => Some(appeal_detail(app, person, appeal, lang).await?),
        _ => None,
    };
    let barred = super::may_settle(app, desk, &item).await.err().map(|problem| problem.code);
    let (mut earlier, mut recorded, mut decided) = (Vec::new(), Vec::new(), None);
    if let Some(person) = &about.person {
        let looked_at = about.declared.as_ref().map(|f| f.id);
        let others =
            person.facts.iter().rev().filter(|f| f.kind == Kind::Declaration && Some(f.id) != looked_at);
        let view = |f: &Fact| Earlier { at: f.happened, answers: answers(app, f, &item.rule, lang) };
        earlier = others.take(EARLIER_MAX).map(view).collect();
        recorded = recorded_of(app, person, fact, lang);
        let decision = decide::now(app, person, now);
        let set = app.packs.set();
        let pack = set.at(person.division(), now);
        decided = Some(Decided {
            colour: decision.colour.map_or("grey", Colour::name),
            word: pack.word(decision.status, decision.colour, lang).to_owned(),
            reasons: set.explain(pack, &decision, &person.facts, lang),
            version: decision.pack.version.to_string(),
        });
    }
    Ok(ReviewDetail {
        id: FactId(item.id).to_string(),
        kind: kind(&item),
        title: title(app, &item, lang),
        why: why(app, &item, lang),
        waiting_since: item.opened_at,
        due_at: item.due_at,
        late: item.due_at <= now,
        level: item.level.name(),
        office: appeal::words::office_name(item.county, item.level, lang),
        claim: Claim::of(&item, desk, now),
        name: about.profile.name.clone(),
        document_masked: document.map(|d| d.masked()).unwrap_or_default(),
        phone_masked: about.phone_masked,
        answers: about.declared.map(|f| answers(app, &f, &item.rule, lang)).unwrap_or_default(),
        earlier,
        recorded,
        decided,
        appeal,
        outcomes: outcomes(item.subject),
        barred,
        rule: item.rule,
    })
}

fn outcomes(subject: Subject) -> Vec<&'static str> {
    use super::Finding::{Approve, Confirm, Correct, False, Refuse, Return, Uphold};
    let all = [Approve, Return, False, Uphold, Correct, Confirm, Refuse];
    all.into_iter().filter(|f| f.answers(subject)).map(super::Finding::name).collect()
}

async fn look_up(app: &Shared, item: &Item) -> Result<About, Problem> {
    let id = match item.subject {
        Subject::Identity(id) => {
            let account = account::find(app, id).await?.ok_or_else(Problem::not_found)?;
            let phone_masked = Phone::parse(&account.phone).ok().map(|p| p.masked());
            let (_, claim) = account.claim.ok_or_else(Problem::not_found)?;
            let declared = person::decode_fact(&claim.declaration).map_err(|_| Problem::internal())?;
            let profile = claim.profile;
            return Ok(About { profile, phone_masked, person: None, declared: Some(declared), appeal: None });
        }
        Subject::Declaration(id) | Subject::Appeal(id) | Subject::Confirmation(id) => id,
    };
    let person = person::load(app, id).await?.ok_or_else(Problem::not_found)?;
    let profile = person::profile(app, id).await?.ok_or_else(Problem::not_found)?;
    let declared = match item.subject {
        Subject::Declaration(_) => {
            Some(person.facts.find(FactId(item.id)).cloned().ok_or_else(Problem::not_found)?)
        }
        _ => person.facts.iter().rev().find(|f| f.kind == Kind::Declaration).cloned(),
    };
    let appeal = match item.subject {
        Subject::Appeal(_) => Some(appeal::find(app, id, item.id).await?.ok_or_else(Problem::not_found)?),
        _ => None,
    };
    Ok(About { profile, phone_masked: None, person: Some(person), declared, appeal })
}

async fn appeal_detail(
    app: &Shared,
    person: PersonId,
    appeal: &Appeal,
    lang: Lang,
) -> Result<AppealDetail, Problem> {
    let files = evidence::list(app, person, appeal.id).await?;
    let others = appeal::list(app, person).await?;
    let rounds = others.into_iter().filter(|a| a.about == appeal.about && a.id != appeal.id);
    let rounds = rounds.filter_map(|a| {
        let answer = a.answer?;
        Some(Round {
            outcome: answer.outcome,
            why: reason_text(&answer.code, lang).to_owned(),
            reason: answer.reason,
            level: answer.level.name(),
            at: a.closed_at,
        })
    });
    Ok(AppealDetail {
        ground: appeal.body.ground,
        text: appeal.body.text.clone(),
        made_at: appeal.made_at,
        about: appeal.about.to_string(),
        files: files.iter().map(FileView::from).collect(),
        rounds: rounds.collect(),
    })
}

fn answers(app: &Shared, fact: &Fact, rule: &str, lang: Lang) -> Vec<AnswerView> {
    let set = app.packs.set();
    let pack = set.with_rule(
        set.at(place_of_declaration(fact).and_then(|code| code.parse().ok()).unwrap_or(0), app.clock.now()),
        rule,
        None,
    );
    let flagged = pack.rule_fields(rule);
    let asked = pack.form.fields.iter().filter(|f| *fact.get(&f.field) != Value::Missing);
    asked
        .map(|f| AnswerView {
            field: f.field.clone(),
            label: pack.field_label(&f.field, lang),
            value: pack.value_text(&f.field, fact.get(&f.field), lang),
            flagged: flagged.iter().any(|name| *name == f.field),
        })
        .collect()
}

/// Fields that are the service's own business.
const INNER: &[&str] = &["by", "of", "account"];

fn recorded_of(app: &Shared, person: &Person, about: Option<FactId>, lang: Lang) -> Vec<RecordedView> {
    let corrections = person.facts.iter().filter(|f| f.kind == Kind::Correction);
    let corrected: Vec<&str> = corrections.filter_map(|f| f.text("of")).collect();
    let pack = app.packs.at(person.division(), app.clock.now());
    let own = |f: &&Fact| !matches!(f.kind, Kind::Declaration | Kind::Identity | Kind::Episode);
    // A check-in is of interest here only where a decision rests on it.
    let wanted = |f: &&Fact| own(f) && (f.kind != Kind::CheckIn || Some(f.id) == about);
    let view = |f: &Fact| {
        let fields = f
            .kind
            .schema()
            .iter()
            .filter(|field| !INNER.contains(&field.name) && *f.get(field.name) != Value::Missing);
        let value = |field: &kangma_core::fact::Field| ValueView {
            field: field.name,
            value: pack.value_text(field.name, f.get(field.name), lang),
        };
        let id = f.id.to_string();
        RecordedView {
            kind: f.kind,
            source: f.source,
            at: f.happened,
            recorded_at: f.recorded,
            values: fields.map(value).collect(),
            corrected: corrected.contains(&id.as_str()),
            about: Some(f.id) == about,
            fact: id,
        }
    };
    person.facts.iter().rev().filter(wanted).take(RECORDED_MAX).map(view).collect()
}
