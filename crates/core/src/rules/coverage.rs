//! What the cases of a pack ask: whether they see each side of a condition hold and not hold. For what
//! they do not see, a case that would is made up, from the same search that finds contradictions.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::fact::{Fact, Facts, Kind, Type};
use crate::rules::decide::{Context, asked, decide};
use crate::rules::expr::{Env, Expr, PersonView, STEPS_MAX, Search, Side, search};
use crate::rules::json;
use crate::rules::pack::{Pack, Rule};
use crate::rules::words::Lang;
use crate::time::{Day, Instant};

/// A branch that no case takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// The rule, or the table.
    pub rule: String,
    /// What never happened, such as `side 2 of 3 never held: …`.
    pub what: String,
    /// A case that takes it, as TOML; none where none was found.
    pub suggested: Option<String>,
}

/// What a branch asks of one fact.
struct Wanted<'p> {
    of: &'p str,
    rule: Option<&'p Rule>,
    kind: Kind,
    label: String,
    holds: Vec<(Expr, bool)>,
    beside: Vec<(Expr, bool)>,
    seen: bool,
}

/// What is looked for in the cases of one pack.
pub(crate) struct Coverage<'p> {
    pack: &'p Pack,
    wanted: Vec<Wanted<'p>>,
}

/// Fields that every fact of a kind has unless the case says otherwise.
pub(crate) type Defaults = std::collections::BTreeMap<String, Map<String, Json>>;

/// Parts that all searches of a pack look at together.
const STEPS_OF_PACK: usize = 10 * STEPS_MAX;
/// Facts that are tried for one branch.
const TRIES_MAX: usize = 400;

impl<'p> Coverage<'p> {
    pub(crate) fn new(pack: &'p Pack) -> Coverage<'p> {
        let mut steps = STEPS_OF_PACK;
        let mut wanted: Vec<Wanted<'p>> = Vec::new();
        for rule in pack.rules.iter().filter(|r| pack.is_own(&r.id)) {
            for side in rule.when.sides().into_iter().chain(rule.when.named_sides()) {
                for holds in [true, false] {
                    // What no fact can do, no case has to.
                    if search(&[(&side.expr, holds)], false, &mut steps) == Search::Never {
                        continue;
                    }
                    let one = Wanted::side(pack, rule, &side, holds);
                    // A named condition is one thing, whichever rules name it.
                    if side.name.is_none()
                        || !wanted.iter().any(|w| w.kind == one.kind && w.label == one.label)
                    {
                        wanted.push(one);
                    }
                }
            }
        }
        for (id, rows) in &pack.open_tables {
            let rows: Vec<&Rule> = rows.iter().filter_map(|row| pack.rule(row)).collect();
            let Some(first) = rows.first().filter(|_| rows.iter().any(|r| pack.is_own(&r.id))) else {
                continue;
            };
            wanted.push(Wanted {
                of: id,
                rule: None,
                kind: first.on,
                label: "otherwise: every fact matched a row".into(),
                holds: rows.iter().map(|r| (r.when.clone(), false)).collect(),
                beside: Vec::new(),
                seen: false,
            });
        }
        Coverage { pack, wanted }
    }

    /// Looks at what the rules were asked about the facts of a case.
    pub(crate) fn look(&mut self, facts: &Facts, until: Instant) {
        let pack = self.pack;
        asked(pack, facts, &Context { areas: pack.areas() }, until, &mut |rule, env| {
            for w in self.wanted.iter_mut().filter(|w| !w.seen && w.kind == env.fact.kind) {
                // Of orders only the one rule that is cited is asked.
                let is_asked = w.rule.is_none_or(|own| own.on != Kind::Order || own.id == rule.id);
                w.seen = is_asked && w.is_met(env);
            }
        });
    }

    /// What no case saw, each with a case that would.
    pub(crate) fn unseen(&self, defaults: &Defaults) -> Vec<Branch> {
        let unseen = self.wanted.iter().filter(|w| !w.seen);
        unseen
            .map(|w| Branch {
                rule: w.of.to_owned(),
                what: w.label.clone(),
                suggested: self.suggest(w, defaults),
            })
            .collect()
    }

    /// A case in which the branch is taken: of the facts that the search and the pack's own places and
    /// days come to, the first of which it is.
    fn suggest(&self, w: &Wanted<'_>, defaults: &Defaults) -> Option<String> {
        let pack = self.pack;
        let mut steps = STEPS_MAX;
        let both: Vec<(&Expr, bool)> = w.holds.iter().chain(&w.beside).map(|(e, b)| (e, *b)).collect();
        let alone: Vec<(&Expr, bool)> = w.holds.iter().map(|(e, b)| (e, *b)).collect();
        let mut bases: Vec<Map<String, Json>> = Vec::new();
        for wanted in [&both, &alone] {
            if let Search::Found(fields) = search(wanted, false, &mut steps) {
                let value = |text: &str| serde_json::from_str(text).unwrap_or(Json::Null);
                bases.push(fields.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect());
            }
        }
        let mut reads: Vec<&str> = both.iter().flat_map(|(e, _)| e.reads().iter().copied()).collect();
        reads.sort_unstable();
        reads.dedup();
        let day = pack.zone.day_of(pack.effective);
        let codes: Vec<Box<str>> =
            std::iter::once(pack.division.clone()).chain(pack.areas().codes(3)).take(8).collect();
        let mut days = vec![day];
        for (code, key) in codes.iter().flat_map(|c| pack.areas().keys().map(move |k| (c, k))) {
            pack.areas().boundaries(code, key, day, &mut days);
        }
        days.sort_unstable();
        days.dedup();
        let usual = defaults.get(w.kind.name()).cloned().unwrap_or_default();
        let mut tried = 0;
        for base in &bases {
            for on in days.iter().take(8) {
                for place in std::iter::once(None).chain(codes.iter().map(Some)) {
                    for ago in [None, Some(0), Some(3), Some(30)] {
                        for missing in [false, true] {
                            tried += 1;
                            if tried > TRIES_MAX {
                                return None;
                            }
                            let extra = Extra { on: *on, place: place.map(|c| &**c), ago, missing };
                            let said = said(w, base, &reads, &usual, &extra);
                            if let Some(text) = self.try_one(w, said, &usual, *on) {
                                return Some(text);
                            }
                        }
                    }
                }
            }
        }
        None
    }

    /// The case, if the branch is taken in it.
    fn try_one(
        &self,
        w: &Wanted<'_>,
        said: Map<String, Json>,
        usual: &Map<String, Json>,
        on: Day,
    ) -> Option<String> {
        let pack = self.pack;
        let at = pack.zone.start_of(on).plus_s(36_000);
        let mut whole = usual.clone();
        whole.extend(said.clone());
        whole.retain(|_, value| value != "-");
        let fact = json::fact_in(0, &whole, &pack.zone, &pack.vocabulary).ok()?;
        let person = person_of(&fact);
        let env = Env { fact: &fact, person: &person, areas: pack.areas(), day: on };
        if !w.is_met(&env) {
            return None;
        }
        let facts = Facts::new(vec![fact.clone()]);
        let decision = decide(pack, &facts, &Context { areas: pack.areas() }, at);
        let colour = decision.colour.map_or("grey", |c| c.name());
        let rules: Vec<&str> = decision.episodes.iter().map(|e| &*e.rule).collect();
        let (name, rules) =
            (Json::from(format!("{}: {}", w.of, w.label)), serde_json::to_string(&rules).ok()?);
        let fields: Vec<String> = said.iter().map(|(k, v)| format!("{k} = {v}")).collect();
        let when = format!("{on} 10:00");
        Some(format!(
            "[[case]]\nname = {name}\nfacts = [{{ {} }}]\nexpect = [{{ at = \"{when}\", colour = \"{colour}\", rules = {rules} }}]\n",
            fields.join(", ")
        ))
    }
}

/// What is put into a fact beside what the search found.
struct Extra<'a> {
    on: Day,
    place: Option<&'a str>,
    /// Days before, for every day and instant that is read.
    ago: Option<i32>,
    /// Whether what nothing is known of is taken out of the defaults.
    missing: bool,
}

/// What the case says of its fact.
fn said(
    w: &Wanted<'_>,
    base: &Map<String, Json>,
    reads: &[&str],
    usual: &Map<String, Json>,
    extra: &Extra<'_>,
) -> Map<String, Json> {
    let mut said = Map::new();
    said.insert("kind".into(), w.kind.name().into());
    said.insert("at".into(), format!("{} 10:00", extra.on).into());
    if let (Kind::Order, Some(rule)) = (w.kind, w.rule) {
        said.insert("rule".into(), (&*rule.id).into());
        said.insert("until".into(), format!("{} 10:00", extra.on.plus(1)).into());
    }
    for field in w.kind.schema().iter().filter(|f| reads.contains(&f.name)) {
        let day = extra.ago.map(|ago| extra.on.plus(-ago));
        let value = match (base.get(field.name), field.ty) {
            (Some(value), _) => Some(value.clone()),
            (None, Type::Division) => extra.place.map(Json::from),
            (None, Type::Divisions) => extra.place.map(|code| Json::from(vec![code])),
            (None, Type::Choices(words)) => extra.ago.and(words.first()).map(|w| Json::from(vec![*w])),
            (None, Type::Day) => day.map(|d| d.to_string().into()),
            (None, Type::Instant) => day.map(|d| format!("{d} 09:00").into()),
            (None, Type::Text) => extra.ago.map(|_| "OTHER".into()),
            (None, _) => None,
        };
        match value {
            Some(value) => drop(said.insert(field.name.into(), value)),
            None if extra.missing && usual.contains_key(field.name) => {
                said.insert(field.name.into(), "-".into());
            }
            None => {}
        }
    }
    said
}

fn person_of(fact: &Fact) -> PersonView<'_> {
    let declared = fact.kind == Kind::Declaration;
    PersonView {
        subject: fact.text("subject").filter(|_| declared),
        residence: fact.text("residence").filter(|_| declared),
        born: None,
    }
}

impl<'p> Wanted<'p> {
    fn side(pack: &Pack, rule: &'p Rule, side: &Side, holds: bool) -> Wanted<'p> {
        let said = side.expr.say(pack, Lang::En);
        let of = match &side.name {
            Some(name) => format!("{name}, side {} of {}", side.number, side.of),
            None if side.of == 1 => "the condition".to_owned(),
            None => format!("side {} of {}", side.number, side.of),
        };
        let never = if holds { "never held" } else { "always held" };
        Wanted {
            of: &rule.id,
            rule: Some(rule),
            kind: rule.on,
            label: format!("{of} {never}: {said}"),
            holds: vec![(side.expr.clone(), holds)],
            beside: side.beside.clone(),
            seen: false,
        }
    }

    fn is_met(&self, env: &Env<'_>) -> bool {
        self.holds.iter().all(|(expr, holds)| expr.holds(env) == *holds)
    }
}
