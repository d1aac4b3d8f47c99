//! What of a forecast may be shown: every number of people goes through `core::tally::suppress`, and is
//! said in whole fives, since a draft can be altered a little and asked again.

use kangma_core::division::{lies_in, prefix};
use kangma_core::rules::examples::{Example, examples, facts_json};
use kangma_core::rules::pack::Pack;
use kangma_core::tally::{self, Place, suppress_alone, suppress_parts, suppress_whole};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::count::{Change, Turn, changes};
use super::{Age, Forecast, Question, Shade};

/// What anybody may see of a forecast: changes that fewer than five people have are `null`, and so are as
/// many others as it takes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Shown {
    /// The draft.
    pub draft: PackName,
    /// What is in force.
    pub active: PackName,
    /// The instant that was asked about.
    pub at: String,
    /// Code of the division that was asked about; 0 is everybody.
    pub division: String,
    /// One in so many people was looked at.
    pub one_in: u32,
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
pub struct PackName {
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
pub struct Conflict {
    /// Id of the pack.
    pub pack: String,
    /// What.
    pub code: &'static str,
    /// In a sentence.
    pub text: String,
}

impl Forecast {
    /// What may be shown, with the divisions below `place`.
    pub fn shown(&self, question: &Question, place: Place) -> Shown {
        let changed = suppress_whole(self.changed());
        let each: Vec<Change> = changes().collect();
        let counts: Vec<i64> = each.iter().map(|c| self.of(*c)).collect();
        let shown = suppress_parts(&counts, changed);
        let of_ages: Vec<Vec<tally::Shown>> = each
            .iter()
            .zip(&shown)
            .map(|(c, whole)| suppress_parts(&Age::ALL.map(|age| self.of_age(*c, age)), *whole))
            .collect();
        let ages = Age::ALL.iter().enumerate().map(|(i, age)| {
            let row: Vec<tally::Shown> = of_ages.iter().map(|c| c[i]).collect();
            AgeChange { age: age.name(), changes: colour_changes(&each, &row) }
        });
        let rules = self.rules_of().map(|(turn, rule, (from, to), n)| RuleChange {
            rule: rule.to_owned(),
            turn: if turn == Turn::Opens { "opens" } else { "ends" },
            from: from.name(),
            to: to.name(),
            people: suppress_alone(n).count(),
        });
        let told = each.iter().map(|c| self.told_of(*c)).sum();
        Shown {
            draft: name(&question.draft),
            active: name(question.active.at(number(&question.draft), question.at)),
            at: question.at.to_string(),
            division: question.division.to_string(),
            one_in: question.one_in,
            people: suppress_alone(i64::try_from(self.people()).unwrap_or(i64::MAX)).count(),
            destroyed: suppress_alone(i64::try_from(self.are_destroyed()).unwrap_or(i64::MAX)).count(),
            changed: changed.in_fives().count(),
            changes: colour_changes(&each, &shown),
            below: self.below(&each, &shown, place),
            ages: ages.collect(),
            rules: rules.collect(),
            messages: suppress_alone(told).count(),
            examples: self.examples(question),
            conflicts: conflicts(question),
        }
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

fn number(pack: &Pack) -> u64 {
    pack.division.parse().unwrap_or(0)
}

/// What the packs of divisions below have to do with the draft: people there stay under them, and may miss
/// a rule that the draft drops.
fn conflicts(question: &Question) -> Vec<Conflict> {
    let draft = &question.draft;
    let before = question.active.at(number(draft), question.at);
    let below = question.active.entries().filter(|e| {
        prefix(&e.covers).len() > prefix(&draft.division).len()
            && lies_in(&e.covers, &draft.division)
            && e.from <= question.at
            && e.until.is_none_or(|until| question.at < until)
    });
    let mut all = Vec::new();
    for child in below {
        let pack = &child.pack;
        let mut note = |code, text: String| all.push(Conflict { pack: pack.id.to_string(), code, text });
        note(
            "simulate.stays",
            format!(
                "{} stays under {} {}, which the draft does not alter",
                child.covers, pack.id, pack.version
            ),
        );
        for rule in pack.rules.iter().filter(|r| before.rule(&r.id).is_some() && draft.rule(&r.id).is_none())
        {
            note("simulate.rule_gone", format!("{} has {}, which the draft drops", pack.id, rule.id));
        }
        for rule in pack.rules.iter().filter(|r| before.rule(&r.id).is_none() && draft.rule(&r.id).is_some())
        {
            note(
                "simulate.rule_twice",
                format!("{} has a {} of its own, and the draft brings another", pack.id, rule.id),
            );
        }
    }
    all
}

fn name(pack: &Pack) -> PackName {
    PackName { id: pack.id.to_string(), version: pack.version.to_string(), digest: pack.digest.to_string() }
}

fn colour_changes(each: &[Change], shown: &[tally::Shown]) -> Vec<ColourChange> {
    let one = |((from, to), n): (&Change, &tally::Shown)| ColourChange {
        from: from.name(),
        to: to.name(),
        people: n.in_fives().count(),
    };
    each.iter().zip(shown).map(one).collect()
}
