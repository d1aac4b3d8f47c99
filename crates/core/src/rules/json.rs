//! Facts and decisions as JSON, for the command line and for cases. The format is in
//! `spec/packs.md`.

use serde_json::{Map, Value as Json, json};
use smol_str::SmolStr;

use crate::decision::Decision;
use crate::fact::{Fact, Facts, Field, Kind, Source, Type, Value};
use crate::id::FactId;
use crate::rules::expr::is_code;
use crate::rules::vocabulary::Vocabulary;
use crate::time::{Day, Instant, Zone};

/// Most facts in one text.
pub const FACTS_MAX: usize = 10_000;
/// Most items of a list.
pub const ITEMS_MAX: usize = 1_000;
/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// Why a text is no list of facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[facts.format] {0}")]
pub struct BadFacts(pub String);

fn bad<T>(text: impl Into<String>) -> Result<T, BadFacts> {
    Err(BadFacts(text.into()))
}

/// Reads `{"facts": [...]}`.
pub fn facts_from_str(text: &str, zone: &Zone) -> Result<Facts, BadFacts> {
    facts_in(text, zone, &Vocabulary::default())
}

/// Reads `{"facts": [...]}` in the words of a pack.
pub fn facts_in(text: &str, zone: &Zone, vocabulary: &Vocabulary) -> Result<Facts, BadFacts> {
    let json: Json = serde_json::from_str(text).map_err(|e| BadFacts(format!("not JSON: {e}")))?;
    let Some(list) = json.get("facts").and_then(Json::as_array) else {
        return bad("expected an object with a list \"facts\"");
    };
    if list.len() > FACTS_MAX {
        return bad(format!("at most {FACTS_MAX} facts"));
    }
    let facts: Result<Vec<Fact>, BadFacts> =
        list.iter()
            .enumerate()
            .map(|(i, json)| match json {
                Json::Object(map) => fact_in(i, map, zone, vocabulary)
                    .map_err(|BadFacts(e)| BadFacts(format!("fact {i}: {e}"))),
                _ => bad(format!("fact {i} is not an object")),
            })
            .collect();
    Ok(Facts::new(facts?))
}

/// Reads one fact. Without an `id` it gets the number of its place; `at` and `happened` are the same.
pub fn fact(i: usize, map: &Map<String, Json>, zone: &Zone) -> Result<Fact, BadFacts> {
    fact_in(i, map, zone, &Vocabulary::default())
}

/// The same, in the words of a pack.
pub fn fact_in(
    i: usize,
    map: &Map<String, Json>,
    zone: &Zone,
    vocabulary: &Vocabulary,
) -> Result<Fact, BadFacts> {
    let text = |name: &str| map.get(name).and_then(Json::as_str);
    let Some(kind) = text("kind").and_then(Kind::named) else {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|k| k.name()).collect();
        return bad(format!("\"kind\" is one of {}", kinds.join(", ")));
    };
    let Some(happened) = text("happened").or_else(|| text("at")) else {
        return bad("\"happened\" says when");
    };
    let happened = instant(happened, zone)?;
    let recorded = text("recorded").map_or(Ok(happened), |t| instant(t, zone))?;
    let mut fact = Fact {
        id: match text("id") {
            Some(id) => id_of(id),
            None => FactId((i as u128 + 1).to_be_bytes()),
        },
        kind,
        happened,
        recorded,
        source: Source::Resident,
        values: vec![Value::Missing; kind.schema().len()].into(),
    };
    for (name, json) in map {
        if ["kind", "happened", "at", "recorded", "id", "source"].contains(&name.as_str()) {
            continue;
        }
        if kind == Kind::Certificate && name == "payload" {
            certificate(&mut fact, json)?;
            continue;
        }
        let Some(slot) = kind.slot(name) else {
            let known: Vec<&str> = kind.schema().iter().map(|f| f.name).collect();
            return bad(format!("a {} has no field {name:?}; it has {}", kind.name(), known.join(", ")));
        };
        fact.set(name, value(&kind.schema()[slot], json, zone, vocabulary)?);
    }
    Ok(fact)
}

/// A certificate's payload, as JSON or as the text of it, and what it says of itself where the fact
/// does not.
fn certificate(fact: &mut Fact, json: &Json) -> Result<(), BadFacts> {
    let parsed = match json {
        Json::String(text) => serde_json::from_str(text).map_err(|_| BadFacts("payload: not JSON".into()))?,
        json => json.clone(),
    };
    let payload = crate::rules::certlogic::payload(parsed).map_err(|e| BadFacts(format!("payload: {e}")))?;
    payload.fill(fact);
    Ok(())
}

/// An id: 32 hexadecimal digits, or any short name, such as `first`, that facts name one another by.
#[must_use]
pub fn id_of(text: &str) -> FactId {
    FactId::parse(text).unwrap_or_else(|| {
        let mut id = [0_u8; 16];
        for (i, byte) in text.bytes().enumerate() {
            let old: u8 = id[i % 16];
            id[i % 16] = old.rotate_left(3) ^ byte;
        }
        FactId(id)
    })
}

/// An instant: RFC 3339, or `2020-02-11 10:00` in the pack's zone.
pub fn instant(text: &str, zone: &Zone) -> Result<Instant, BadFacts> {
    if let Ok(at) = Instant::parse(text) {
        return Ok(at);
    }
    let local = || -> Option<Instant> {
        let (day, time) = text.split_once([' ', 'T'])?;
        let day = Day::parse(day).ok()?;
        let mut parts = time.split(':').map(|p| p.parse::<i64>().ok().filter(|_| p.len() == 2));
        let (h, m, s) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
        let fine = (0..24).contains(&h) && (0..60).contains(&m) && (0..60).contains(&s);
        fine.then(|| zone.start_of(day).plus_s(h * 3600 + m * 60 + s))
    };
    local().map_or_else(|| bad(format!("{text:?} is not an instant such as 2020-02-11T10:00:00+08:00")), Ok)
}

fn value(field: &Field, json: &Json, zone: &Zone, vocabulary: &Vocabulary) -> Result<Value, BadFacts> {
    let name = field.name;
    let one = |json: &Json, choices: &[&str]| -> Result<SmolStr, BadFacts> {
        match json.as_str() {
            Some(word) if choices.contains(&word) => Ok(word.into()),
            _ => bad(format!("{name} is one of {}", choices.join(", "))),
        }
    };
    let code = |json: &Json| match json.as_str() {
        Some(text) if is_code(text) => Ok(text.into()),
        _ => bad(format!("{name} is a division code of 2, 4, 6, 9 or 12 digits")),
    };
    let list = |each: &dyn Fn(&Json) -> Result<SmolStr, BadFacts>| match json.as_array() {
        Some(items) if items.len() <= ITEMS_MAX => {
            items.iter().map(each).collect::<Result<_, _>>().map(Value::List)
        }
        _ => bad(format!("{name} is a list of at most {ITEMS_MAX}")),
    };
    if json.is_null() {
        return Ok(Value::Missing);
    }
    match vocabulary.type_of(field) {
        Type::Bool => {
            json.as_bool().map_or_else(|| bad(format!("{name} is true or false")), |b| Ok(Value::Bool(b)))
        }
        Type::Int => {
            json.as_i64().map_or_else(|| bad(format!("{name} is a whole number")), |n| Ok(Value::Int(n)))
        }
        Type::Double => match json.as_f64() {
            Some(n) if n.is_finite() => Ok(Value::Double(n)),
            _ => bad(format!("{name} is a number")),
        },
        Type::Text if field.name == "of" || field.name == "opened_by" => match json.as_str() {
            Some(id) => Ok(Value::Text(id_of(id).to_string().into())),
            None => bad(format!("{name} is the id of a fact")),
        },
        Type::Text => match json.as_str() {
            Some(text) if text.len() <= TEXT_BYTES_MAX => Ok(Value::Text(text.into())),
            _ => bad(format!("{name} is a text of at most {TEXT_BYTES_MAX} bytes")),
        },
        Type::Choice(choices) => one(json, choices).map(Value::Text),
        Type::Choices(choices) => list(&|item| one(item, choices)),
        Type::Division => code(json).map(Value::Text),
        Type::Divisions => list(&code),
        Type::Day => match json.as_str().map(Day::parse) {
            Some(Ok(day)) => Ok(Value::Day(day)),
            _ => bad(format!("{name} is a day such as 2020-02-11")),
        },
        Type::Instant => match json.as_str() {
            Some(text) => instant(text, zone).map(Value::Instant),
            None => bad(format!("{name} is an instant")),
        },
    }
}

/// A decision as the command line prints it.
#[must_use]
pub fn decision(decision: &Decision) -> Json {
    let colour = decision.colour.map_or("grey", |c| c.name());
    let episode = |e: &crate::decision::Episode| {
        json!({
            "rule": e.rule, "version": e.version, "colour": e.colour, "stage": e.stage + 1, "stages": e.stages,
            "opened_by": e.opened_by, "since": e.since, "stage_since": e.stage_since, "progress": e.progress,
            "broken": e.broken, "earliest_end": e.earliest_end,
        })
    };
    let flag = |f: &crate::rules::flag::Flag| {
        let e = &f.episode;
        json!({
            "rule": e.rule, "version": e.version, "task": f.task, "opened_by": e.opened_by, "since": e.since,
            "progress": e.progress, "broken": e.broken, "earliest_end": e.earliest_end,
        })
    };
    json!({
        "status": decision.status,
        "colour": colour,
        "episodes": decision.episodes.iter().map(episode).collect::<Vec<_>>(),
        "flags": decision.flags.iter().map(flag).collect::<Vec<_>>(),
        "lasts": decision.lasts.as_ref().map(|l| json!({ "rule": l.rule, "until": l.until })),
        "expired": decision.expired.as_ref().map(|e| json!({ "rule": e.rule, "since": e.since, "last": e.last })),
        "review": decision.review.as_ref().map(|r| json!({ "rule": r.rule, "fact": r.fact, "returned": r.returned })),
        "check_in_due": decision.check_in_due,
        "decided_at": decision.decided_at,
        "review_at": decision.review_at,
        "pack": decision.pack,
    })
}
