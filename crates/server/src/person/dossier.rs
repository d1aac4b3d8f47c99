//! Facts as bytes: one fact for its row, all of them for the dossier.
//!
//! CBOR: a fact is `[id, kind, happened, recorded, source, [value…]]`, or without `recorded` where that is
//! the instant at which it happened. A value is null, a boolean, an integer, a float, text, a list of texts,
//! a day (tag 100, RFC 8943) or an instant (tag 1). In a dossier the simple value `n`, up to 19, stands for
//! `n + 1` values that are those of the fact of its kind before it, by slot: people mostly declare what
//! they declared. Behind the facts of a dossier stand the halves of ids that lists are known again by when
//! what they said is erased ([`Person::is_spent`](super::Person::is_spent)), 8 bytes each.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use kangma_core::decision::Decision;
use kangma_core::fact::{Fact, Facts, KINDS, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::time::{DAY_S, Day, Instant};
use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};

const DAY: Tag = Tag::new(100);
const INSTANT: Tag = Tag::new(1);

/// A dossier is kept under this many bytes where the rules allow it.
const BYTES_WANTED: usize = 4096;
/// Check-ins younger than this stay in the dossier, whatever its size: people read them.
const CHECK_INS_KEPT_S: i64 = 30 * DAY_S;
/// A list holds at most this many texts, a fact this many values: bounds on what is decoded.
const ITEMS_MAX: usize = 4096;
/// Bytes of the shortest fact: those of a dossier bound how many it holds.
const FACT_BYTES_MIN: usize = 22;

/// Values of a fact, its bytes alone and in a dossier, about: for room.
const VALUES_A_FACT: usize = 12;
const BYTES_A_FACT: usize = 96;
const BYTES_IN_DOSSIER: usize = 40;
/// As many values as one simple value stands for: greater ones have meanings of their own.
const ALIKE_MAX: usize = 20;
/// The bytes of the simple values.
const ALIKE: RangeInclusive<u8> = 0xe0..=0xf3;

/// Where the id of a stored fact lies in its bytes: after the head of the array and that of the id.
const ID: Range<usize> = 2..18;

type Buffer = Encoder<Vec<u8>>;
type Infallible = minicbor::encode::Error<std::convert::Infallible>;
const INFALLIBLE: &str = "encoding into memory cannot fail";

/// One fact.
pub fn encode_one(fact: &Fact) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(BYTES_A_FACT));
    fact_into(&mut e, fact, &[]);
    e.into_writer()
}

/// A dossier as it was read: a new one is mostly the old one and a fact or two behind it.
#[derive(Clone)]
pub struct Read {
    bytes: Arc<[u8]>,
    /// Where each fact begins, and where the last one ends.
    bounds: Vec<u32>,
}

impl Read {
    /// The bytes of a fact by its place.
    fn fact(&self, at: usize) -> Option<&[u8]> {
        let (first, past) = (*self.bounds.get(at)? as usize, *self.bounds.get(at + 1)? as usize);
        self.bytes.get(first..past)
    }

    /// How many of the first facts are those that were read, and their bytes.
    fn head<'f>(&self, facts: impl Iterator<Item = &'f Fact>) -> (usize, &[u8]) {
        let is_known =
            |(at, fact): &(usize, &Fact)| self.fact(*at).and_then(|b| b.get(ID)) == Some(&fact.id.0);
        let known = facts.enumerate().take_while(is_known).count();
        let bound = |at: usize| self.bounds.get(at).map_or(0, |b| *b as usize);
        (known, self.bytes.get(bound(0)..bound(known)).unwrap_or_default())
    }
}

/// All facts that rules may still read. Beyond the wanted size, old check-ins that no open
/// episode counts are left to their rows.
pub fn encode(facts: &Facts, spent: &[u8], decision: &Decision, old: Option<&Read>) -> Vec<u8> {
    let whole = encode_where(facts, spent, old, |_| true);
    // What is known again is no fact: for its sake none is left to the rows.
    if whole.len() - spent.len() <= BYTES_WANTED {
        return whole;
    }
    let oldest_open = decision.tracked().map(|e| e.since).min().unwrap_or(decision.decided_at);
    // A duty counts from the last one, however old.
    let last = facts.iter().rev().find(|f| f.kind == Kind::CheckIn).map_or(oldest_open, |f| f.happened);
    let keep_from = oldest_open.min(last).min(decision.decided_at.plus_s(-CHECK_INS_KEPT_S));
    encode_where(facts, spent, old, |f| f.kind != Kind::CheckIn || f.happened >= keep_from)
}

/// Those facts that are kept.
pub fn encode_where(
    facts: &Facts,
    spent: &[u8],
    old: Option<&Read>,
    keep: impl Fn(&Fact) -> bool,
) -> Vec<u8> {
    let kept: Vec<&Fact> = facts.iter().filter(|f| keep(f)).collect();
    let (known, head) = old.map_or((0, &[][..]), |old| old.head(kept.iter().copied()));
    let mut e = Encoder::new(Vec::with_capacity(head.len() + BYTES_A_FACT * (1 + kept.len() - known)));
    e.array(kept.len() as u64).expect(INFALLIBLE);
    e.writer_mut().extend_from_slice(head);
    let mut before: [&[Value]; KINDS] = [&[]; KINDS];
    for (i, fact) in kept.iter().enumerate() {
        let before = &mut before[fact.kind as usize];
        if i >= known {
            fact_into(&mut e, fact, before);
        }
        *before = &fact.values;
    }
    if !spent.is_empty() {
        e.bytes(spent).expect(INFALLIBLE);
    }
    let bytes = e.into_writer();
    debug_assert!(
        decode(&bytes).is_ok_and(|written| written.iter().eq(kept.iter().copied())),
        "a recorded fact was altered"
    );
    bytes
}

/// Writes a fact, given the values of the one of its kind before it.
fn fact_into(e: &mut Buffer, fact: &Fact, before: &[Value]) {
    let values = &*fact.values;
    // Where each item begins, and how many values it says are as before.
    let mut items = Vec::with_capacity(values.len());
    let mut slot = 0;
    while slot < values.len() {
        let pairs = values[slot..].iter().zip(before.get(slot..).unwrap_or_default());
        let alike = pairs.take(ALIKE_MAX).take_while(|(value, before)| value == before).count();
        items.push((slot, alike));
        slot += alike.max(1);
    }
    (|| -> Result<(), Infallible> {
        let at_once = fact.recorded == fact.happened;
        e.array(if at_once { 5 } else { 6 })?.bytes(&fact.id.0)?.u8(fact.kind as u8)?.i64(fact.happened.0)?;
        if !at_once {
            e.i64(fact.recorded.0)?;
        }
        e.u8(fact.source as u8)?.array(items.len() as u64)?;
        for (slot, alike) in items {
            match alike {
                0 => value_into(e, &values[slot])?,
                n => e.writer_mut().push(ALIKE.start() + (n - 1) as u8),
            }
        }
        Ok(())
    })()
    .expect(INFALLIBLE);
}

fn value_into(e: &mut Buffer, value: &Value) -> Result<(), Infallible> {
    match value {
        Value::Missing => e.null()?,
        Value::Bool(b) => e.bool(*b)?,
        Value::Int(n) => e.i64(*n)?,
        Value::Double(d) => e.f64(*d)?,
        Value::Text(t) => e.str(t)?,
        Value::List(list) => list.iter().try_fold(e.array(list.len() as u64)?, |e, item| e.str(item))?,
        Value::Day(d) => e.tag(DAY)?.i32(d.0)?,
        Value::Instant(at) => e.tag(INSTANT)?.i64(at.0)?,
    };
    Ok(())
}

/// Why bytes are no facts. Says nothing of what they hold.
#[derive(Debug, thiserror::Error)]
#[error("not a stored fact: {0}")]
pub struct BadBytes(String);

impl From<minicbor::decode::Error> for BadBytes {
    fn from(e: minicbor::decode::Error) -> Self {
        BadBytes(e.to_string())
    }
}

/// A dossier's facts.
pub fn decode(bytes: &[u8]) -> Result<Facts, BadBytes> {
    facts_from(bytes, |_| ()).map(|(facts, _)| facts)
}

/// What a dossier holds.
pub struct Held<'a> {
    pub facts: Facts,
    /// Halves of ids of what lists said and is erased.
    pub spent: &'a [u8],
    /// To write the next one from.
    pub read: Read,
}

/// All of a dossier.
pub fn read(bytes: &Arc<[u8]>) -> Result<Held<'_>, BadBytes> {
    let mut bounds = Vec::with_capacity(2 + bytes.len() / BYTES_IN_DOSSIER);
    let (facts, spent) = facts_from(bytes, |at| bounds.push(u32::try_from(at).unwrap_or(u32::MAX)))?;
    Ok(Held { facts, spent, read: Read { bytes: Arc::clone(bytes), bounds } })
}

/// Tells where each fact begins, and where the last one ends.
fn facts_from(bytes: &[u8], mut bound: impl FnMut(usize)) -> Result<(Facts, &[u8]), BadBytes> {
    let mut d = Decoder::new(bytes);
    let n = length(&mut d, bytes.len() / FACT_BYTES_MIN)?;
    let mut facts = Vec::with_capacity(n);
    let mut values = Vec::with_capacity(n * VALUES_A_FACT);
    let mut before: [Range<usize>; KINDS] = std::array::from_fn(|_| 0..0);
    bound(d.position());
    for _ in 0..n {
        let first = values.len();
        let fact = fact_from(&mut d, &mut values, |kind| before[kind as usize].clone())?;
        let part = first..values.len();
        before[fact.kind as usize] = part.clone();
        facts.push((fact, part));
        bound(d.position());
    }
    let spent = if d.position() < bytes.len() { d.bytes()? } else { &[] };
    let values: Arc<[Value]> = values.into();
    let facts = facts.into_iter().map(|(fact, part)| Fact { values: Values::part(&values, part), ..fact });
    Ok((Facts::new(facts.collect()), spent))
}

/// One fact.
pub fn decode_one(bytes: &[u8]) -> Result<Fact, BadBytes> {
    let mut values = Vec::new();
    let fact = fact_from(&mut Decoder::new(bytes), &mut values, |_| 0..0)?;
    Ok(Fact { values: values.into(), ..fact })
}

fn length(d: &mut Decoder<'_>, most: usize) -> Result<usize, BadBytes> {
    match d.array()? {
        Some(n) if n <= most as u64 => Ok(n as usize),
        _ => Err(BadBytes("length".into())),
    }
}

/// A fact without its values, which are added to others; `before` tells where those of the fact of its kind
/// before it lie among them.
fn fact_from(
    d: &mut Decoder<'_>,
    values: &mut Vec<Value>,
    before: impl Fn(Kind) -> Range<usize>,
) -> Result<Fact, BadBytes> {
    let items = length(d, 6)?;
    if items < 5 {
        return Err(BadBytes("shape".into()));
    }
    let id = FactId(d.bytes()?.try_into().map_err(|_| BadBytes("id".into()))?);
    let kind = Kind::from_u8(d.u8()?).ok_or_else(|| BadBytes("kind".into()))?;
    let happened = Instant(d.i64()?);
    let recorded = if items == 6 { Instant(d.i64()?) } else { happened };
    let source = Source::from_u8(d.u8()?).ok_or_else(|| BadBytes("source".into()))?;
    let (first, before) = (values.len(), before(kind));
    for _ in 0..length(d, ITEMS_MAX)? {
        match d.input().get(d.position()) {
            Some(n) if ALIKE.contains(n) => {
                let from = before.start + values.len() - first;
                let past = from + usize::from(n - ALIKE.start()) + 1;
                if past > before.end || past - before.start > ITEMS_MAX {
                    return Err(BadBytes("values as before".into()));
                }
                values.extend_from_within(from..past);
                d.set_position(d.position() + 1);
            }
            _ => values.push(value_from(d)?),
        }
    }
    Ok(Fact { id, kind, happened, recorded, source, values: Values::default() })
}

fn value_from(d: &mut Decoder<'_>) -> Result<Value, BadBytes> {
    // Nearly all values are one of these, in which the first byte says all, and a person has hundreds of them.
    let (bytes, at) = (d.input(), d.position());
    let short = match bytes.get(at) {
        Some(0xf6) => Some((Value::Missing, 1)),
        Some(b @ (0xf4 | 0xf5)) => Some((Value::Bool(*b == 0xf5), 1)),
        Some(n @ 0..=0x17) => Some((Value::Int((*n).into()), 1)),
        Some(text @ 0x60..=0x77) => {
            let length = usize::from(text & 0x1f);
            let text = bytes.get(at + 1..at + 1 + length).and_then(|text| str::from_utf8(text).ok());
            text.map(|text| (Value::Text(text.into()), 1 + length))
        }
        _ => None,
    };
    if let Some((value, length)) = short {
        d.set_position(at + length);
        return Ok(value);
    }
    Ok(match d.datatype()? {
        Type::Null => {
            d.null()?;
            Value::Missing
        }
        Type::Bool => Value::Bool(d.bool()?),
        Type::F64 => Value::Double(d.f64()?),
        Type::String => Value::Text(d.str()?.into()),
        Type::Array => {
            let n = length(d, ITEMS_MAX)?;
            let mut list = Vec::with_capacity(n);
            for _ in 0..n {
                list.push(d.str()?.into());
            }
            Value::List(list.into())
        }
        Type::Tag => match d.tag()? {
            DAY => Value::Day(Day(d.i32()?)),
            INSTANT => Value::Instant(Instant(d.i64()?)),
            _ => return Err(BadBytes("tag".into())),
        },
        _ => Value::Int(d.i64()?),
    })
}

/// A decision for the record: what the rules said, under which pack, and why.
pub fn encode_decision(decision: &Decision) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!({
        "status": decision.status,
        "colour": decision.colour,
        "pack": decision.pack,
        "areas_since": decision.areas,
        "decided_at": decision.decided_at,
        "review_at": decision.review_at,
        "review": decision.review.as_ref().map(|r| serde_json::json!({ "rule": r.rule, "fact": r.fact })),
        "flags": decision.flags.iter().map(|f| serde_json::json!({
            "rule": f.episode.rule, "version": f.episode.version, "task": f.task,
            "opened_by": f.episode.opened_by, "since": f.episode.since, "progress": f.episode.progress,
        })).collect::<Vec<_>>(),
        "expired": decision.expired.as_ref().map(|e| serde_json::json!({ "rule": e.rule, "since": e.since })),
        "episodes": decision.episodes.iter().map(|e| serde_json::json!({
            "rule": e.rule, "version": e.version, "colour": e.colour, "stage": e.stage,
            "opened_by": e.opened_by, "since": e.since, "progress": e.progress, "earliest_end": e.earliest_end,
        })).collect::<Vec<_>>(),
    }))
    .expect("a decision is plain JSON")
}
