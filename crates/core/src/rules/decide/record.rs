//! What goes on record of an episode: its opening, its stages and its end, each once.

use super::known::Known;
use super::track::{Record, Track};
use crate::fact::{Fact, Kind, Source, Value, Values};
use crate::id::FactId;
use crate::rules::pack::{Pack, Rule, is_of_site};
use crate::time::Instant;

/// The engine's record of an episode: what happened to it and is not on record yet.
pub(super) fn record(pack: &Pack, known: &Known<'_>, track: &Track<'_>, now: Instant, out: &mut Vec<Fact>) {
    let mut add = |event: &'static str, stage: usize, at: Instant| {
        let mut fact = record_fact(pack, (track.rule, track.opened_by), event, stage, (at, now));
        if known.on_record(&fact.id) {
            return;
        }
        if event == "opened" {
            let terms = serde_json::to_string(&track.terms).unwrap_or_default();
            fact.set("terms", Value::Text(terms.into()));
        }
        out.push(fact);
    };
    if track.record == Record::Nothing {
        return;
    }
    if track.record == Record::All {
        add("opened", 0, track.since);
    }
    for (i, end) in track.ends.iter().enumerate() {
        if i + 1 < track.terms.len() {
            add("stage", i + 1, *end);
        } else {
            add("ended", i, *end);
        }
    }
    if let Some(end) = track.cut {
        add("ended", track.ends.len(), end);
    }
}

/// Records where a list of areas took the ground from an opening that this pack recorded, or gave it back.
/// Nothing of this pack reads that; another pack, which goes by the record, opens nothing again that
/// stands no more. A fact that was withdrawn, and an order, speak for themselves.
pub(super) fn turn(pack: &Pack, known: &Known<'_>, now: Instant, out: &mut Vec<Fact>) {
    for own in &known.own {
        let matches = known.matched.iter().any(|m| &*m.rule.id == own.rule && m.fact.id == own.opened_by);
        if own.ended || matches != own.lifted {
            continue;
        }
        let asks = |r: &Rule| r.lapse.is_none() && r.order.is_none() && r.when.area_keys().next().is_some();
        let asks = pack.rule(own.rule).is_some_and(asks);
        let stands =
            |f: &Fact| known.withdrawn.binary_search(&f.id).is_err() && !known.unheard.contains(&f.id);
        let stands = known.facts.find(own.opened_by).is_some_and(stands);
        if asks && stands {
            let event = if matches { "restored" } else { "lifted" };
            out.push(record_fact(pack, (own.rule, own.opened_by), event, own.turns, (now, now)));
        }
    }
}

/// A record of an episode: what happened, when, and when that is written down.
fn record_fact(
    pack: &Pack,
    (rule, opened_by): (&str, FactId),
    event: &'static str,
    stage: usize,
    (at, now): (Instant, Instant),
) -> Fact {
    let this = &pack.recorded_as;
    let mut fact = Fact {
        id: record_id(recorded_digest(pack, rule), rule, opened_by, event, stage, at),
        kind: Kind::Episode,
        happened: at,
        recorded: now,
        source: Source::Engine,
        values: Values::default(),
    };
    fact.set("event", Value::Text(event.into()));
    fact.set("rule", Value::Text(rule.into()));
    let text = format!("{} {} {}", this.pack.digest, this.pack.version, this.division);
    fact.set("pack", Value::Text(text.into()));
    fact.set("opened_by", Value::Text(opened_by.to_string().into()));
    fact.set("stage", Value::Int(stage as i64));
    fact
}

/// Whether a rule is a site's, and so a flag, in the pack of a site.
pub(super) fn is_sites_own(pack: &Pack, rule: &str) -> bool {
    pack.site.is_some() && is_of_site(rule)
}

/// The text of which a record's id is. A site's flag is on record once, under whichever text of the place.
pub(super) fn recorded_digest<'a>(pack: &'a Pack, rule: &str) -> &'a str {
    if is_sites_own(pack, rule) { "" } else { &pack.recorded_as.pack.digest }
}

/// FNV-1a over what the record says: recording it twice is recording it once. Not for secrecy.
pub(super) fn record_id(
    digest: &str,
    rule: &str,
    opened_by: FactId,
    event: &str,
    stage: usize,
    at: Instant,
) -> FactId {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let stage = (stage as u64).to_be_bytes();
    let at = at.0.to_be_bytes();
    for part in [digest.as_bytes(), rule.as_bytes(), &opened_by.0, event.as_bytes(), &stage, &at] {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    FactId(hash.to_be_bytes())
}
