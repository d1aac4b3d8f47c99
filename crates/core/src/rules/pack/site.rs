//! Packs of sites (校园、企业): a campus or an enterprise adds flags, duties, questions and texts to the
//! pack of its place. The colours stay the place's: what could give, keep or end one is refused here.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::inherit::{Origin, Sources, Tree, Wrong, text_of};
use super::{Checker, PACK, PackFiles, RULES, Rule, Then};
use crate::fact::{Kind, Type};
use crate::rules::expr::Diagnostic;

/// What a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// A school or a university.
    Campus,
    /// An enterprise.
    Enterprise,
}

impl Site {
    /// Its word in packs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Site::Campus => "campus",
            Site::Enterprise => "enterprise",
        }
    }
}

/// How the id of a site's rule begins, and of no other. A record names its rule by the id alone, and may
/// come from an earlier text of the place: no flag of a site is ever taken for an episode of it.
const PREFIX: &str = "SITE-";

/// Whether a rule of this id is a site's, and so a flag.
pub(crate) fn is_of_site(rule: &str) -> bool {
    rule.starts_with(PREFIX)
}

/// What a site's pack stands on.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// Of the place's pack.
    pub version: String,
    pub division: String,
    pub effective: String,
    /// Questions that the site asks, and where.
    asked: Vec<(String, Range<usize>)>,
}

const MAY: &str = "a site's pack has id, extends, site, version, division, effective, [ours], and questions and \
                   lists of areas that the place's pack has not; leave the rest to the place";

/// Its `pack.toml` over its place's.
pub(super) fn settings(
    above: &Tree<'_>,
    own: &Tree<'_>,
    files: &PackFiles,
    sources: &Sources<'_>,
    wrong: Wrong<'_>,
) -> Placed {
    let (above, own) = (above.get_ref(), own.get_ref());
    for file in files.0.keys().filter(|name| name.starts_with("certlogic/")) {
        let text = "rules for certificates are the place's: its colours may rest on them";
        wrong(sources, file, Diagnostic::new("pack.site_setting", 0..0, text).help("leave the file out"));
    }
    let inside = |key: &str| above.get(key).and_then(|v| v.get_ref().as_table());
    let mut say = |code, span, text: String, help: &str| {
        wrong(sources, PACK, Diagnostic::new(code, span, text).help(help));
    };
    let mut asked = Vec::new();
    for (key, value) in own {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("id" | "extends" | "site" | "version" | "division" | "effective" | "ours", _) => {}
            ("areas", DeValue::Table(lists)) => {
                let known = inside("areas");
                for (list, _) in
                    lists.iter().filter(|(l, _)| known.is_some_and(|k| k.contains_key(l.get_ref().as_ref())))
                {
                    let text = format!("the list of areas {} is the place's", list.get_ref());
                    say("pack.site_setting", list.span(), text, "give the list of the site another name");
                }
            }
            ("form", DeValue::Table(form)) => {
                for (key, _) in form.iter().filter(|(key, _)| key.get_ref() != "fields") {
                    let text = format!("{} of the form is the place's", key.get_ref());
                    say("pack.site_form", key.span(), text, "a site adds [[form.fields]], and nothing else");
                }
                let known = inside("form").and_then(|f| f.get("fields"));
                let known: Vec<String> = questions(known).map(|(name, _)| name).collect();
                for (name, span) in questions(form.get("fields")) {
                    if known.contains(&name) {
                        let text = format!("{name} is asked by the place, and how is for the place to say");
                        say("pack.site_form", span, text, "leave it out, or ask what the place does not");
                    } else {
                        asked.push((name, span));
                    }
                }
                for span in required(form.get("fields")) {
                    let text = "who leaves a question of the site unanswered declares all the same: what the place \
                                decides rests on that";
                    say("pack.site_form", span, text.to_owned(), "required = false");
                }
            }
            (other, _) => {
                let text = format!("{other} is the place's: colours follow from it, or what is said of them");
                say("pack.site_setting", key.span(), text, MAY);
            }
        }
    }
    let text = |key: &str| above.get(key).and_then(|v| v.get_ref().as_str()).unwrap_or("").to_owned();
    Placed { version: text("version"), division: text("division"), effective: text("effective"), asked }
}

fn questions<'t>(
    fields: Option<&'t Spanned<DeValue<'_>>>,
) -> impl Iterator<Item = (String, Range<usize>)> + 't {
    let all = fields.and_then(|f| f.get_ref().as_array());
    all.into_iter().flat_map(|all| all.iter()).filter_map(|item| text_of(item.get_ref(), "field"))
}

/// Where questions are said to be required.
fn required<'t>(fields: Option<&'t Spanned<DeValue<'_>>>) -> impl Iterator<Item = Range<usize>> + 't {
    let all = fields.and_then(|f| f.get_ref().as_array());
    let said = all.into_iter().flat_map(|all| all.iter());
    let said = said.filter_map(|item| item.get_ref().as_table()?.get("required"));
    said.filter(|value| matches!(value.get_ref(), DeValue::Boolean(true))).map(Spanned::span)
}

/// Members of a rule that do something other than open a flag.
const NOT_A_FLAG: &[(&str, &str)] = &[
    ("stages", "stages give a colour"),
    ("grey", "grey takes one away"),
    ("review", "what waits for a reviewer has none"),
    ("releases", "a release ends one"),
    ("order", "orders are the place's"),
    ("replaces", "the rules above are the place's"),
];

/// Its `rules.toml`, the rows of tables among the rules, over its place's.
pub(super) fn rules(above: Option<&Tree<'_>>, own: &Tree<'_>, sources: &Sources<'_>, wrong: Wrong<'_>) {
    let help = "write flag = { task = \"register\", release = { … } } in place of it; a colour is for the place's \
                pack to give";
    let mut say = |code, span, text: String, help: &str| {
        wrong(sources, RULES, Diagnostic::new(code, span, text).help(help));
    };
    let conditions = |tree: &DeTable<'_>, kind: &str, name: &str| {
        let all = tree.get("conditions").and_then(|c| c.get_ref().as_table());
        let of = all.and_then(|all| all.get(kind)).and_then(|of| of.get_ref().as_table());
        of.is_some_and(|of| of.contains_key(name))
    };
    for (key, value) in own.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("replace" | "off", _) => {
                let text = format!("[[{}]]: the rules above are the place's", key.get_ref());
                say("pack.site_rule", key.span(), text, "leave it out; a site adds flags of its own");
            }
            ("conditions", DeValue::Table(kinds)) => {
                let named = kinds.iter().filter_map(|(kind, of)| Some((kind, of.get_ref().as_table()?)));
                for (kind, name) in named.flat_map(|(kind, of)| of.keys().map(move |name| (kind, name))) {
                    if above.is_some_and(|a| conditions(a.get_ref(), kind.get_ref(), name.get_ref())) {
                        let text =
                            format!("{} is a condition of the place, whose rules ask it", name.get_ref());
                        say(
                            "pack.site_rule",
                            name.span(),
                            text,
                            "give the condition of the site another name",
                        );
                    }
                }
            }
            ("rule", DeValue::Array(rules)) => {
                for item in rules.iter() {
                    let DeValue::Table(rule) = item.get_ref() else { continue };
                    let (id, at) = text_of(item.get_ref(), "id").unwrap_or((String::new(), item.span()));
                    if !is_of_site(&id) {
                        let text = format!("{id}: the id of a rule of a site begins with {PREFIX}");
                        say("pack.site_rule", at, text, &format!("id = \"{PREFIX}{id}\""));
                    }
                    let more =
                        NOT_A_FLAG.iter().filter_map(|(key, why)| Some((rule.get_key_value(*key)?, why)));
                    let more: Vec<_> = more.collect();
                    for ((key, _), why) in &more {
                        let text = format!("{id}: {why}, and the pack of a site adds flags and nothing else");
                        say("pack.site_rule", key.span(), text, help);
                    }
                    if more.is_empty() && !rule.contains_key("flag") {
                        say("pack.site_rule", item.span(), format!("{id} opens no flag"), help);
                    }
                    if let Some((_, span)) = text_of(item.get_ref(), "on").filter(|(on, _)| on == "order") {
                        let text = format!("{id}: orders are the place's");
                        say("pack.site_rule", span, text, "let the rule look at another kind of fact");
                    }
                }
            }
            _ => {}
        }
    }
}

/// Its texts of a language over its place's.
pub(super) fn words(file: &str, above: &Tree<'_>, own: &Tree<'_>, sources: &Sources<'_>, wrong: Wrong<'_>) {
    let mut taken = Vec::new();
    again(&mut Vec::new(), above.get_ref(), own.get_ref(), &mut taken);
    for (path, span) in taken.into_iter().filter(|(path, _)| path != "name") {
        let d = Diagnostic::new("pack.site_words", span, format!("{path} is a text of the place"));
        wrong(
            sources,
            file,
            d.help("leave it out; a site says its name, and the texts of its own rules and questions"),
        );
    }
}

/// Texts that both have. What is said of one rule or question is one.
fn again<'t>(
    path: &mut Vec<&'t str>,
    above: &DeTable<'_>,
    own: &'t DeTable<'_>,
    taken: &mut Vec<(String, Range<usize>)>,
) {
    for (key, value) in own {
        let Some(old) = above.get(key.get_ref().as_ref()) else { continue };
        path.push(key.get_ref());
        match (old.get_ref(), value.get_ref()) {
            (DeValue::Table(old), DeValue::Table(new)) if !matches!(path[..], ["rules" | "fields", _]) => {
                again(path, old, new, taken);
            }
            _ => taken.push((path.join("."), key.span())),
        }
        path.pop();
    }
}

/// The site's questions: none whose answer a rule of the place reads, since with it the place's rule
/// would reach people whom it does not reach elsewhere.
pub(super) fn asked(
    c: &mut Checker<'_>,
    placed: &Placed,
    rules: &[Rule],
    origins: &BTreeMap<Box<str>, Origin>,
) {
    let inherited = |r: &&Rule| origins.get(&r.id).is_some_and(|o| !o.own);
    for (name, span) in &placed.asked {
        // Where somebody is chooses the pack.
        let places = ["subject", "residence", "destination"].contains(&name.as_str());
        let rule = rules.iter().filter(inherited).find(|r| reads(r, name)).map(|r| &*r.id);
        if places || rule.is_some() {
            let by =
                rule.map_or_else(|| "the choice of the pack".to_owned(), |id| format!("{id} of the place"));
            let text = format!("{name} is read by {by}, and would give somebody a colour");
            let d = Diagnostic::new("pack.site_form", span.clone(), text);
            c.wrong(PACK, d.help("leave it out, or let the place ask it"));
        }
    }
}

fn reads(rule: &Rule, field: &str) -> bool {
    let ty = Kind::Declaration.slot(field).map(|slot| Kind::Declaration.schema()[slot].ty);
    let is_place = matches!(ty, Some(Type::Division | Type::Divisions));
    let of_fact =
        rule.on == Kind::Declaration && (rule.when.reads().contains(&field) || rule.standing && is_place);
    let Then::Open { stages, .. } = &rule.then else { return of_fact };
    of_fact
        || stages.iter().map(|s| &s.release).any(|release| {
            let counts = release.days_from.as_deref().and_then(|from| from.strip_prefix("fact."));
            let of_opening = counts == Some(field) || release.area_below.is_some() && is_place;
            let later = release.fact.as_ref().and_then(|awaited| awaited.expr.as_deref());
            let of_later =
                later.is_some_and(|e| e.kind() == Some(Kind::Declaration) && e.reads().contains(&field));
            rule.on == Kind::Declaration && of_opening || of_later
        })
}
