//! How long facts are needed: checked here, and gone by in [`crate::rules::retention`].

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Checker, PACK, Pack, Release, Rule, Then, is_of_site};
use crate::fact::Kind;
use crate::rules::expr::Diagnostic;
use crate::rules::lapse::Lapse;
use crate::rules::order::CASE_S;
use crate::rules::retention::is_erased_by_age;
use crate::time::DAY_S;

/// Longest time for which facts are kept, in days.
const RETENTION_MAX: u32 = 3_650;
/// For so many days a list or a test stands behind an order (`order::has_case`).
const LOOKED_BACK: u32 = (CASE_S / DAY_S) as u32;

/// Days by kind of fact: no fewer than the rules need.
pub(super) fn check(
    c: &mut Checker<'_>,
    toml: &BTreeMap<Spanned<String>, Spanned<u32>>,
    rules: &[Rule],
) -> BTreeMap<Kind, u32> {
    let (mut all, published) = (BTreeMap::new(), c.published);
    for (name, days) in toml {
        let mut wrong = |span, text: String, help: String| {
            c.wrong(PACK, Diagnostic::new("pack.retention", span, text).help(help));
        };
        let erased = |k: &Kind| is_erased_by_age(*k);
        let named = Kind::named(name.get_ref());
        if published && named.is_some_and(|k| !erased(&k)) {
            // It was no error when it was published, and binds nobody: the kind is kept.
            continue;
        }
        let Some(kind) = named.filter(erased) else {
            let kinds: Vec<&str> = Kind::ALL.iter().filter(|k| erased(k)).map(|k| k.name()).collect();
            let text = format!("facts of the kind {:?} are not destroyed by age", name.get_ref());
            wrong(name.span(), text, format!("one of {}", kinds.join(", ")));
            continue;
        };
        let looked_back = if matches!(kind, Kind::Listed | Kind::Test) { LOOKED_BACK } else { 0 };
        let mut n = *days.get_ref();
        if published && n > 0 {
            n = n.max(looked_back);
        }
        if !(1..=RETENTION_MAX).contains(&n) {
            wrong(days.span(), "days of retention are out of range".into(), format!("1 to {RETENTION_MAX}"));
        }
        if n < looked_back {
            let text = format!("orders look back {LOOKED_BACK} days for a {}", kind.name());
            wrong(days.span(), text, format!("{} = {LOOKED_BACK} or more", kind.name()));
        }
        let needs = rules.iter().map(|r| (needed(r, kind), &r.id)).max_by_key(|(days, _)| *days);
        if let Some((needed, rule)) = needs.filter(|(needed, _)| *needed > n) {
            let text = format!(
                "{rule} needs a {} for {needed} days, and it may be destroyed after {n}",
                kind.name()
            );
            let help = if is_of_site(rule) {
                format!(
                    "how long facts are kept is the place's to say: let {rule} need {n} days or fewer, not {needed}"
                )
            } else {
                format!("{} = {needed} or more", kind.name())
            };
            wrong(days.span(), text, help);
        }
        all.insert(kind, n);
    }
    all
}

impl Pack {
    /// Whether a rule looks at facts of a kind, or counts them.
    pub(crate) fn looks_at(&self, kind: Kind) -> bool {
        let counts = |r: &Release| match kind {
            Kind::CheckIn => r.check_ins_in_a_row.is_some(),
            Kind::Test => r.negative_tests.is_some() || r.tests_on.is_some(),
            _ => false,
        };
        let awaits = |r: &Release| r.fact.as_ref().is_some_and(|f| f.on == kind.name());
        let stages = self.rules.iter().flat_map(|rule| match &rule.then {
            Then::Open { stages, .. } => stages.as_slice(),
            Then::Review | Then::Release { .. } | Then::Expire => &[],
        });
        !self.by_kind[kind as usize].is_empty()
            || stages.map(|s| &s.release).any(|release| counts(release) || awaits(release))
    }
}

/// For how many days a rule needs facts of a kind, at the least.
fn needed(rule: &Rule, kind: Kind) -> u32 {
    let lapse =
        rule.lapse.as_ref().filter(|l| rule.on == kind || l.also.contains(&kind)).map_or(0, Lapse::days);
    let Then::Open { stages, .. } = &rule.then else { return lapse };
    let tests =
        |r: &Release| r.tests_on.as_ref().and_then(|on| on.last().copied()).max(r.within_days).unwrap_or(0);
    let stage = |r: &Release| r.days.max(r.check_ins_in_a_row).unwrap_or(0).max(tests(r));
    let whole: u32 = stages.iter().map(|s| stage(&s.release)).sum();
    let order = rule.order.map_or(0, |o| o.days_max);
    let of_stages = |days: fn(&Release) -> u32| stages.iter().map(|s| days(&s.release)).max().unwrap_or(0);
    let counted = match kind {
        Kind::CheckIn => of_stages(|r| r.check_ins_in_a_row.unwrap_or(0)),
        Kind::Test => of_stages(|r| {
            r.tests_on.as_ref().and_then(|on| on.last().copied()).max(r.within_days).unwrap_or(0)
        }),
        _ => 0,
    };
    let own = if rule.on == kind { whole.max(order) } else { 0 };
    own.max(counted).max(lapse)
}
