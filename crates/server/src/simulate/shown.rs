//! What of a forecast may be shown: every number of people goes through `core::tally::suppress`, and is
//! said in whole fives, since a draft can be altered a little and asked again.

use std::collections::BTreeMap;

use kangma_core::division::{lies_in, prefix};
use kangma_core::rules::examples::{Example, examples, facts_json};
use kangma_core::rules::pack::Pack;
use kangma_core::tally::{self, FLOOR, Place, suppress_alone, suppress_part, suppress_parts, suppress_whole};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::count::{Change, Turn, changes};
use super::{Age, Forecast, Question, Shade};

/// What anybody may see of a forecast: changes that fewer than five people have are `null`, and so are as
/// many others as it takes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulationReport)]
pub struct Shown {
    /// The draft.
    pub draft: TriedPack,
    /// What is in force.
    pub active: TriedPack,
    /// The instant that was asked about.
    pub at: String,
    /// Code of the division that was asked about; 0 is everybody.
    pub division: String,
    /// One in so many people was looked at: 1 is everybody, and 4 a quarter.
    pub one_in: f64,
    /// People who were looked at.
    pub people: Option<i64>,
    /// How many have another colour under the draft.
    pub changed: Option<i64>,
    /// Of whom nothing is known any more, because their key was destroyed.
    pub destroyed: Option<i64>,
    /// From which colour to which.
    pub changes: Vec<ColourChange>,
    /// The same for the divisions below the one asked for.
    pub below: Below,
    /// The same by age.
    pub ages: Vec<AgeChange>,
    /// For how many a rule begins or ceases to stand; a person may have several.
    pub rules: Vec<RuleChange>,
    /// Who changes and can be told by telephone: as many messages, if each is told.
    pub messages: Option<i64>,
    /// Made-up people who show the changes.
    pub examples: Vec<ExampleShown>,
    /// Where the packs of divisions below would not fit the draft.
    pub conflicts: Vec<Conflict>,
}

/// A pack.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TriedPack {
    /// Id.
    pub id: String,
    /// Version.
    pub version: String,
    /// Digest.
    pub digest: String,
}

/// People who change so; `null` is withheld.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ColourChange {
    /// Colour now.
    pub from: &'static str,
    /// Colour under the draft.
    pub to: &'static str,
    /// People.
    pub people: Option<i64>,
}

/// Divisions below one.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = DivisionsBelow)]
pub struct Below {
    /// Code of the one above.
    pub of: String,
    /// Those in which somebody changes.
    pub divisions: Vec<DivisionChange>,
}

/// A division.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DivisionChange {
    /// Its code; with a `?` those in it who gave no deeper one.
    pub code: String,
    /// Changes in it.
    pub changes: Vec<ColourChange>,
}

/// People of an age.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgeChange {
    /// `0-17`, `18-59`, `60-79`, `80+` or `unknown`.
    pub age: &'static str,
    /// Changes of them.
    pub changes: Vec<ColourChange>,
}

/// A rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleChange {
    /// Its id.
    pub rule: String,
    /// `opens` or `ends`.
    pub turn: &'static str,
    /// Colour now of those whom it concerns.
    pub from: &'static str,
    /// Their colour under the draft.
    pub to: &'static str,
    /// People.
    pub people: Option<i64>,
}

/// A made-up person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExampleShown {
    /// Colour now.
    pub from: &'static str,
    /// Colour under the draft.
    pub to: &'static str,
    /// Rules that stand now.
    pub rules_before: Vec<String>,
    /// Rules that stand under the draft.
    pub rules_after: Vec<String>,
    /// Their facts, as `kangma pack explain` reads them.
    #[schema(value_type = Vec<Object>)]
    pub facts: Json,
}

/// Where another pack would not fit the draft.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = PackConflict)]
pub struct Conflict {
    /// Id of the pack.
    pub pack: String,
    /// What.
    pub code: &'static str,
    /// In a sentence.
    pub text: String,
}

/// How many people, as far as it may be told: all that is not by age or division, which are parts of it.
pub(super) struct Numbers<'a> {
    pub people: tally::Shown,
    /// Exact, to part it further.
    pub changed: tally::Shown,
    /// The same, by change.
    pub changes: Vec<tally::Shown>,
    pub rules: Vec<(Turn, &'a str, Change, tally::Shown)>,
    pub messages: tally::Shown,
}

impl Forecast {
    /// Counts that are parts of each other are withheld together.
    pub(super) fn numbers(&self, each: &[Change]) -> Numbers<'_> {
        let people = i64::try_from(self.people()).unwrap_or(i64::MAX);
        let changed = suppress_part(self.changed(), people, suppress_whole(people));
        let shown = suppress_parts(&each.iter().map(|c| self.of(*c)).collect::<Vec<_>>(), changed);
        // Those with a rule are a part of those who change so; who keeps their colour is in no other count.
        let of_rule = |change: Change, n: i64| match each.iter().position(|c| *c == change) {
            Some(at) => suppress_part(n, self.of(change), shown[at]).in_fives(),
            None => suppress_alone(n),
        };
        let rules = self.rules_of().map(|(turn, rule, change, n)| (turn, rule, change, of_rule(change, n)));
        let rules = rules.collect();
        let told = each.iter().map(|c| self.told_of(*c)).sum();
        let messages = suppress_part(told, self.changed(), changed).in_fives();
        Numbers { people: suppress_alone(people), changed, changes: shown, rules, messages }
    }

    /// What may be shown, with the divisions below `place`.
    pub fn shown(&self, question: &Question, place: Place) -> Shown {
        let each: Vec<Change> = changes().collect();
        let Numbers { people, changed, changes: shown, rules, messages } = self.numbers(&each);
        let of_ages: Vec<Vec<tally::Shown>> = each
            .iter()
            .zip(&shown)
            .map(|(c, whole)| suppress_parts(&Age::ALL.map(|age| self.of_age(*c, age)), *whole))
            .collect();
        let ages = Age::ALL.iter().enumerate().map(|(i, age)| {
            let row: Vec<tally::Shown> = of_ages.iter().map(|c| c[i]).collect();
            AgeChange { age: age.name(), changes: colour_changes(&each, &row) }
        });
        let rules = rules.into_iter().map(|(turn, rule, (from, to), n)| RuleChange {
            rule: rule.to_owned(),
            turn: if turn == Turn::Opens { "opens" } else { "ends" },
            from: from.name(),
            to: to.name(),
            people: n.count(),
        });
        Shown {
            draft: name(&question.draft),
            active: name(question.active.at(number(&question.draft), question.at)),
            at: question.at.to_string(),
            division: question.division.to_string(),
            one_in: f64::from(question.sample.1) / f64::from(question.sample.0),
            people: people.count(),
            destroyed: suppress_alone(i64::try_from(self.are_destroyed()).unwrap_or(i64::MAX)).count(),
            changed: changed.in_fives().count(),
            changes: colour_changes(&each, &shown),
            below: self.below(&each, &shown, place),
            ages: ages.collect(),
            rules: rules.collect(),
            messages: messages.count(),
            examples: self.examples(question),
            conflicts: conflicts(question),
        }
    }

    /// By division, the country as 0, how many people have another colour at most: in whole fives, rounded
    /// up, and only where it is more than five, so that it says nothing of few people. What a publication
    /// forecasts for its stages is taken from it.
    pub fn forecasts(&self, (some, of): (u32, u32)) -> BTreeMap<u64, i64> {
        let each: Vec<Change> = changes().collect();
        let by_place = self.by_place();
        let known = by_place.iter().filter(|(place, _)| !place.unknown);
        let all = known.map(|(place, n)| (place.code, up(each.iter().map(|c| n(*c)).sum(), (some, of))));
        all.filter(|(_, n)| *n > FLOOR).collect()
    }

    /// From the country down, so that what is shown of a division is the same whoever asks.
    fn below(&self, each: &[Change], country: &[tally::Shown], place: Place) -> Below {
        let by_place = self.by_place();
        let mut above: Vec<tally::Shown> = country.to_vec();
        let mut rows: Vec<(Place, Vec<tally::Shown>)> = Vec::new();
        for here in place.path() {
            if let Some((_, shown)) = rows.iter().find(|(p, _)| *p == here) {
                above.clone_from(shown);
            }
            let children = here.children();
            let of = |child: &Place, c: &Change| by_place.get(child).map_or(0, |n| n(*c));
            let mut columns = each.iter().zip(&above).map(|(c, whole)| {
                suppress_parts(&children.iter().map(|child| of(child, c)).collect::<Vec<_>>(), *whole)
            });
            let columns: Vec<Vec<tally::Shown>> = columns.by_ref().collect();
            rows = children
                .iter()
                .enumerate()
                .map(|(i, child)| (*child, columns.iter().map(|c| c[i]).collect()))
                .collect();
        }
        let divisions = rows
            .iter()
            .filter(|(_, row)| row.iter().any(|n| n.count() != Some(0)))
            .map(|(p, row)| DivisionChange { code: p.to_string(), changes: colour_changes(each, row) })
            .collect();
        Below { of: place.to_string(), divisions }
    }

    fn examples(&self, question: &Question) -> Vec<ExampleShown> {
        let mut wanted: Vec<Change> = changes().filter(|c| self.of(*c) > 0).collect();
        wanted.sort_by_key(|c| std::cmp::Reverse(self.of(*c)));
        let wanted: Vec<_> = wanted.iter().map(|(from, to)| (from.colour(), to.colour())).collect();
        let found = examples(
            (&question.draft, question.draft.areas()),
            &|facts: &_, at| question.active(facts, at),
            &|facts: &_, at| question.draft(facts, at),
            &wanted,
            question.at,
        );
        found.iter().map(ExampleShown::new).collect()
    }
}

impl ExampleShown {
    fn new(example: &Example) -> ExampleShown {
        let texts = |rules: &[Box<str>]| rules.iter().map(ToString::to_string).collect();
        ExampleShown {
            from: Shade::of(example.from).name(),
            to: Shade::of(example.to).name(),
            rules_before: texts(&example.rules_before),
            rules_after: texts(&example.rules_after),
            facts: facts_json(&example.facts),
        }
    }
}

/// Of all people, given those of a sample; in whole fives, rounded up.
fn up(n: i64, (some, of): (u32, u32)) -> i64 {
    let up = |n: i64, by: i64| (n + by - 1) / by;
    up(up(n * i64::from(of), some.into()), FLOOR) * FLOOR
}

fn number(pack: &Pack) -> u64 {
    pack.division.parse().unwrap_or(0)
}

/// What the packs of divisions below have to do with the draft. Those that extend it go over to it with
/// their own text, if that makes a pack with it; people under the others stay under them, and may miss a
/// rule that the draft drops.
fn conflicts(question: &Question) -> Vec<Conflict> {
    let draft = &question.draft;
    let before = question.active.at(number(draft), question.at);
    let mut all = Vec::new();
    let mut note = |pack: &str, code, text: String| all.push(Conflict { pack: pack.to_owned(), code, text });
    for (id, errors) in &question.below.unfit {
        for (file, d) in errors.iter().take(PER_PACK_MAX) {
            note(id, "simulate.child_refused", format!("{id} does not fit the draft: {file}: {}", d.message));
        }
    }
    for id in &question.below.lost {
        let text = format!(
            "{id} extends the draft's pack, and the text that it was made of is not at hand: what it would come to is not counted"
        );
        note(id, "simulate.child_text", text);
    }
    for (pack, ..) in &question.below.fit {
        let text =
            format!("{} goes over to the draft, under its own {} {}", pack.division, pack.id, pack.version);
        note(&pack.id, "simulate.child", text);
    }
    let goes_over = |pack: &Pack| {
        question.below.fit.iter().any(|(_, _, of)| *of == pack.digest)
            || question.below.unfit.iter().any(|(id, _)| *id == pack.id)
            || question.below.lost.contains(&pack.id)
    };
    let below = question.active.entries().filter(|e| {
        prefix(&e.covers).len() > prefix(&draft.division).len()
            && lies_in(&e.covers, &draft.division)
            && e.from <= question.at
            && e.until.is_none_or(|until| question.at < until)
            && question.active.at(e.covers.parse().unwrap_or(0), question.at).digest == e.pack.digest
            && !goes_over(&e.pack)
    });
    for child in below {
        let pack = &child.pack;
        let text = format!(
            "{} stays under {} {}, which the draft does not alter",
            child.covers, pack.id, pack.version
        );
        note(&pack.id, "simulate.stays", text);
        for rule in pack.rules.iter().filter(|r| before.rule(&r.id).is_some() && draft.rule(&r.id).is_none())
        {
            let text = format!("{} has {}, which the draft drops", pack.id, rule.id);
            note(&pack.id, "simulate.rule_gone", text);
        }
        for rule in pack.rules.iter().filter(|r| before.rule(&r.id).is_none() && draft.rule(&r.id).is_some())
        {
            let text = format!("{} has a {} of its own, and the draft brings another", pack.id, rule.id);
            note(&pack.id, "simulate.rule_twice", text);
        }
    }
    all
}

/// Diagnostics of one pack that are told.
const PER_PACK_MAX: usize = 10;

fn name(pack: &Pack) -> TriedPack {
    TriedPack { id: pack.id.to_string(), version: pack.version.to_string(), digest: pack.digest.to_string() }
}

fn colour_changes(each: &[Change], shown: &[tally::Shown]) -> Vec<ColourChange> {
    let one = |((from, to), n): (&Change, &tally::Shown)| ColourChange {
        from: from.name(),
        to: to.name(),
        people: n.in_fives().count(),
    };
    each.iter().zip(shown).map(one).collect()
}
