//! What changes between two packs, for whom, in words: part by part, and by the people of their cases,
//! decided under both.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;

use crate::decision::{Decision, Status};
use crate::declaration::FormField;
use crate::division::divisions;
use crate::rules::cases::timelines;
use crate::rules::decide::{Context, decide};
use crate::rules::expr::{Area, date, quoted, row};
use crate::rules::nouns;
use crate::rules::pack::{OnNewVersion, Pack, PackFiles, Site};
use crate::rules::sentence::{check_ins, colour, members, sentence};
use crate::rules::words::Lang;

/// Most people that are told.
pub const PEOPLE_MAX: usize = 20;

/// What a change is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A rule.
    Rule,
    /// A setting of `pack.toml`.
    Setting,
    /// A question of the form.
    Question,
    /// A list of areas.
    Area,
    /// A text that somebody reads.
    Words,
}

/// One thing that changes. Without `before` it is new, without `after` it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is of.
    pub part: Part,
    /// Which one: the rule's id, the setting's name.
    pub what: String,
    /// In the first pack.
    pub before: Option<String>,
    /// In the second.
    pub after: Option<String>,
}

/// Somebody for whom another pack means something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// Who: the sentence of the case.
    pub who: String,
    /// When, on the clocks of the place.
    pub at: String,
    /// What the first pack makes of them.
    pub before: String,
    /// What the second does.
    pub after: String,
}

/// What changes from one pack to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Part by part.
    pub changes: Vec<Change>,
    /// People of the cases for whom it is another answer, at most [`PEOPLE_MAX`].
    pub people: Vec<Affected>,
    /// How many cases there are of whom it is so.
    pub affected: usize,
    /// How many cases were tried.
    pub tried: usize,
}

impl Diff {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.people.is_empty()
    }

    /// As text that people read.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let t = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
        if self.is_empty() {
            return t("两个规则包相同。\n", "The two packs are the same.\n").to_owned();
        }
        let mut out = String::new();
        let heads = [
            (Part::Rule, t("规则", "Rules")),
            (Part::Setting, t("设置", "Settings")),
            (Part::Question, t("申报表问题", "Questions of the form")),
            (Part::Area, t("地区名单", "Areas")),
            (Part::Words, t("文字", "Words")),
        ];
        for (part, head) in heads {
            let of: Vec<&Change> = self.changes.iter().filter(|c| c.part == part).collect();
            if of.is_empty() {
                continue;
            }
            out.push_str(&format!("{head}\n"));
            for change in of {
                match (&change.before, &change.after) {
                    (None, Some(after)) => {
                        out.push_str(&format!("  + {} {}\n      {after}\n", t("新增", "new:"), change.what));
                    }
                    (Some(before), None) => {
                        out.push_str(&format!(
                            "  - {} {}\n      {before}\n",
                            t("取消", "gone:"),
                            change.what
                        ));
                    }
                    (before, after) => {
                        let (before, after) =
                            (before.as_deref().unwrap_or(""), after.as_deref().unwrap_or(""));
                        out.push_str(&format!(
                            "  ~ {}\n      {} {before}\n      {} {after}\n",
                            change.what,
                            t("原：", "before:"),
                            t("现：", "now:   ")
                        ));
                    }
                }
            }
            out.push('\n');
        }
        match lang {
            Lang::Zh => out.push_str(&format!(
                "两个规则包的用例共 {} 个，其中 {} 个的结果不同",
                self.tried, self.affected
            )),
            Lang::En => out.push_str(&format!(
                "Of {} cases of both packs, {} come to something else",
                self.tried, self.affected
            )),
        }
        out.push_str(t(
            if self.people.is_empty() { "。\n" } else { "：\n" },
            if self.people.is_empty() { ".\n" } else { ":\n" },
        ));
        for p in &self.people {
            let line = match lang {
                Lang::Zh => format!("  {}\n      {}：原为{}；现为{}。\n", p.who, p.at, p.before, p.after),
                Lang::En => format!("  {}\n      {}: before {}; now {}.\n", p.who, p.at, p.before, p.after),
            };
            out.push_str(&line);
        }
        out
    }
}

/// Compares two packs.
#[must_use]
pub fn diff(before: (&Pack, &PackFiles), after: (&Pack, &PackFiles), lang: Lang) -> Diff {
    let (a, b) = (before.0, after.0);
    let mut diff = Diff::default();
    rules(a, b, lang, &mut diff.changes);
    named(Part::Setting, settings(a, lang), settings(b, lang), &mut diff.changes);
    named(Part::Question, questions(a, lang), questions(b, lang), &mut diff.changes);
    areas(a, b, lang, &mut diff.changes);
    words(a, b, &mut diff.changes);
    people(before, after, lang, &mut diff);
    diff
}

fn rules(a: &Pack, b: &Pack, lang: Lang, changes: &mut Vec<Change>) {
    let title = |pack: &Pack, id: &str| match pack.rule_title(id, lang) {
        "" => id.to_owned(),
        title => format!("{id} {}", quoted(title)),
    };
    for rule in &b.rules {
        let Some(old) = a.rule(&rule.id) else {
            changes.push(Change {
                part: Part::Rule,
                what: title(b, &rule.id),
                before: None,
                after: Some(sentence(b, rule, lang)),
            });
            continue;
        };
        let (was, is) = (members(a, old, lang), members(b, rule, lang));
        let before = changes.len();
        let names: Vec<&str> = was.iter().chain(&is).map(|(name, _)| *name).collect();
        let mut seen = BTreeSet::new();
        for name in names.into_iter().filter(|name| seen.insert(*name)) {
            let find =
                |all: &[(&str, String)]| all.iter().find(|(n, _)| *n == name).map(|(_, text)| text.clone());
            let (was, is) = (find(&was), find(&is));
            if was != is {
                let what = format!("{} · {name}", title(b, &rule.id));
                let none = || Some(if lang == Lang::Zh { "无".to_owned() } else { "none".to_owned() });
                changes.push(Change {
                    part: Part::Rule,
                    what,
                    before: was.or_else(none),
                    after: is.or_else(none),
                });
            }
        }
        // The same words, and yet computed otherwise: other working days, or other lists of words.
        if changes.len() == before && !old.when.is_same(&rule.when) {
            let (zh, en) =
                ("同样的文字，但工作日历或词表不同", "the same words, but another calendar or vocabulary");
            let text = if lang == Lang::Zh { zh } else { en };
            changes.push(Change {
                part: Part::Rule,
                what: title(b, &rule.id),
                before: Some(old.when.say(a, lang)),
                after: Some(format!("{} ({text})", rule.when.say(b, lang))),
            });
        }
    }
    for rule in a.rules.iter().filter(|r| b.rule(&r.id).is_none()) {
        changes.push(Change {
            part: Part::Rule,
            what: title(a, &rule.id),
            before: Some(sentence(a, rule, lang)),
            after: None,
        });
    }
}

/// What differs of two rows of names and texts, in the order of the second.
fn named(part: Part, a: Vec<(String, String)>, b: Vec<(String, String)>, changes: &mut Vec<Change>) {
    let find =
        |all: &[(String, String)], name: &str| all.iter().find(|(n, _)| n == name).map(|(_, t)| t.clone());
    for (name, after) in &b {
        let before = find(&a, name);
        if before.as_ref() != Some(after) {
            changes.push(Change { part, what: name.clone(), before, after: Some(after.clone()) });
        }
    }
    for (name, before) in a.iter().filter(|(name, _)| find(&b, name).is_none()) {
        changes.push(Change { part, what: name.clone(), before: Some(before.clone()), after: None });
    }
}

fn settings(pack: &Pack, lang: Lang) -> Vec<(String, String)> {
    let zh = lang == Lang::Zh;
    let t = |zh_text: &'static str, en: &'static str| if zh { zh_text } else { en };
    let place = divisions().path_name(&pack.division).unwrap_or_default();
    let hours = &pack.appeals.due_hours;
    let pass = pack.pass;
    let mut all = vec![
        (t("适用地区", "division"), format!("{place} {}", pack.division).trim().to_owned()),
        (t("时区", "time zone"), pack.zone_name().to_owned()),
        (t("生效时间", "in force from"), pack.effective.to_string()),
        (
            t("已有判定", "open reasons under a new version"),
            match pack.on_new_version {
                OnNewVersion::Keep => t("按原条款继续", "run on under the terms that opened them"),
                OnNewVersion::Convert => t("改按新条款", "run on under the new terms"),
            }
            .to_owned(),
        ),
        (
            t("通行凭证", "passes"),
            match zh {
                true => format!(
                    "每 {} 秒更新，{} 秒内为最新，{} 秒后失效",
                    pass.renew_s, pass.fresh_s, pass.lifetime_s
                ),
                false => format!(
                    "renewed every {} s, fresh for {} s, void after {} s",
                    pass.renew_s, pass.fresh_s, pass.lifetime_s
                ),
            },
        ),
        (t("打卡", "check-ins"), check_ins(pack, lang)),
        (
            t("申诉时限（小时）", "hours for appeals"),
            match zh {
                true => format!(
                    "目标 {}；街道 {}、区县 {}、市 {}、省 {}",
                    pack.appeals.target_hours, hours[0], hours[1], hours[2], hours[3]
                ),
                false => format!(
                    "target {}; street {}, county {}, city {}, province {}",
                    pack.appeals.target_hours, hours[0], hours[1], hours[2], hours[3]
                ),
            },
        ),
        (t("承诺书版本", "version of the commitment"), pack.form.commitment.clone()),
        (
            t("颜色显示", "colours shown"),
            [crate::decision::Colour::Green, crate::decision::Colour::Yellow, crate::decision::Colour::Red]
                .map(|c| format!("{} = {}", c.name(), pack.display.shown(c)))
                .join(", "),
        ),
        (t("症状", "symptoms"), pack.vocabulary.symptoms.join(", ")),
        (t("检测方法", "methods"), pack.vocabulary.methods.join(", ")),
        (t("疫苗", "vaccines"), pack.vocabulary.vaccines.join(", ")),
    ];
    if let Some(sunset) = pack.sunset {
        all.push((t("失效时间", "in force until"), sunset.to_string()));
    }
    if let Some(site) = pack.site {
        let of = match site {
            Site::Campus => t("校园", "a campus"),
            Site::Enterprise => t("企业", "an enterprise"),
        };
        all.push((t("校园或企业", "site"), of.to_owned()));
    }
    if !pack.parents.is_empty() {
        all.push((t("上级规则包", "extends"), pack.parents.join(", ")));
    }
    let kept = pack.retention.iter().map(|(kind, days)| match zh {
        true => format!("{} {days} 天", nouns::bare(*kind, lang)),
        false => format!("{} {days} days", nouns::bare(*kind, lang)),
    });
    let kept: Vec<String> = kept.collect();
    if !kept.is_empty() {
        all.push((t("保存期限", "retention"), kept.join(t("；", "; "))));
    }
    let more: Vec<&str> = pack.languages().filter(|l| Lang::ALL.iter().all(|k| k.name() != *l)).collect();
    if !more.is_empty() {
        all.push((t("其他语言", "more languages"), more.join(", ")));
    }
    let countries = pack.certificates.countries();
    if !countries.is_empty() {
        all.push((t("电子证明规则", "rules for certificates of"), countries.join(", ")));
    }
    all.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

fn questions(pack: &Pack, lang: Lang) -> Vec<(String, String)> {
    pack.form.fields.iter().map(|f| (f.field.clone(), question(pack, f, lang))).collect()
}

fn question(pack: &Pack, field: &FormField, lang: Lang) -> String {
    let zh = lang == Lang::Zh;
    let view = field.view();
    let mut more = vec![match (field.required, zh) {
        (true, true) => "必填".to_owned(),
        (true, false) => "has to be answered".to_owned(),
        (false, true) => "选填".to_owned(),
        (false, false) => "may be left out".to_owned(),
    }];
    if !view.options.is_empty() {
        let options: Vec<String> =
            view.options.iter().map(|o| pack.option_label(&field.field, o, lang)).collect();
        let options = row(&options, true, lang);
        more.push(if zh { format!("选项：{options}") } else { format!("one of {options}") });
    }
    if let Some(shown) = &field.shown_when {
        let of: Vec<String> =
            shown.one_of.iter().map(|o| quoted(&pack.option_label(&shown.field, o, lang))).collect();
        let (of, other) = (row(&of, true, lang), quoted(&pack.field_label(&shown.field, lang)));
        more.push(if zh {
            format!("{other}选{of}时才问")
        } else {
            format!("asked only where {other} is {of}")
        });
    }
    let bounds = [
        ("min", field.min.map(|n| n.to_string())),
        ("max", field.max.map(|n| n.to_string())),
        ("days_back_max", field.days_back_max.map(|n| n.to_string())),
        ("future_days_max", field.future_days_max.map(|n| n.to_string())),
        ("min_level", field.min_level.map(|n| n.to_string())),
        ("count_max", field.count_max.map(|n| n.to_string())),
        ("length_max", field.length_max.map(|n| n.to_string())),
    ];
    more.extend(bounds.into_iter().filter_map(|(name, n)| Some(format!("{name} {}", n?))));
    format!("{} ({})", quoted(&pack.field_label(&field.field, lang)), more.join("; "))
}

fn areas(a: &Pack, b: &Pack, lang: Lang, changes: &mut Vec<Change>) {
    let lists = |pack: &Pack| -> BTreeMap<String, Vec<Area>> { pack.areas().clone().into() };
    let (was, is) = (lists(a), lists(b));
    let keys: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for key in keys {
        let text = |lists: &BTreeMap<String, Vec<Area>>| -> Option<BTreeSet<String>> {
            Some(lists.get(key)?.iter().map(|area| listed(area, lang)).collect())
        };
        let (was, is) = (text(&was), text(&is));
        if was == is {
            continue;
        }
        let (was_all, is_all) = (was.clone().unwrap_or_default(), is.clone().unwrap_or_default());
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
            let rest: Vec<&str> = a.difference(b).map(String::as_str).collect();
            match (rest.is_empty(), lang) {
                (true, Lang::Zh) => "（无）".to_owned(),
                (true, Lang::En) => "(none)".to_owned(),
                (false, Lang::Zh) => rest.join("；"),
                (false, Lang::En) => rest.join("; "),
            }
        };
        changes.push(Change {
            part: Part::Area,
            what: key.clone(),
            before: was.map(|_| only(&was_all, &is_all)),
            after: is.map(|_| only(&is_all, &was_all)),
        });
    }
}

fn listed(area: &Area, lang: Lang) -> String {
    let name = divisions().path_name(&area.code).unwrap_or_default();
    let mut text = format!("{name} {}", area.code).trim().to_owned();
    if let Some(from) = area.from {
        let from = date(from, lang);
        text.push_str(&if lang == Lang::Zh { format!("，自{from}起") } else { format!(", from {from}") });
    }
    if let Some(until) = area.until {
        let until = date(until, lang);
        text.push_str(&if lang == Lang::Zh {
            format!("，至{until}前")
        } else {
            format!(", until before {until}")
        });
    }
    text
}

fn words(a: &Pack, b: &Pack, changes: &mut Vec<Change>) {
    let languages: BTreeSet<&str> = a.languages().chain(b.languages()).collect();
    for lang in languages {
        let texts = |pack: &Pack| {
            let mut all = Vec::new();
            let words = pack.words_in(lang).and_then(|w| serde_json::to_value(w).ok());
            flatten(lang, &words.unwrap_or(Json::Null), &mut all);
            let pages = pack.page_texts(lang).and_then(|p| serde_json::to_value(p).ok());
            flatten(&format!("{lang}.pages"), &pages.unwrap_or(Json::Null), &mut all);
            all
        };
        named(Part::Words, texts(a), texts(b), changes);
    }
    // What is said of a rule that is new or gone is told with the rule.
    let one_sided = |what: &str| {
        let id = what.split('.').skip_while(|part| *part != "rules").nth(1);
        id.is_some_and(|id| a.rule(id).is_some() != b.rule(id).is_some())
    };
    changes.retain(|c| c.part != Part::Words || !one_sided(&c.what));
}

fn flatten(key: &str, value: &Json, all: &mut Vec<(String, String)>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(k, v)| flatten(&format!("{key}.{k}"), v, all)),
        Json::String(text) if !text.is_empty() => all.push((key.to_owned(), text.clone())),
        _ => {}
    }
}

/// What a pack makes of somebody, as far as it matters to them.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Answer {
    shade: String,
    rules: Vec<String>,
    flags: Vec<String>,
    until: Option<String>,
}

impl Answer {
    fn of(pack: &Pack, decision: &Decision, lang: Lang) -> Answer {
        let title = |id: &str| match pack.rule_title(id, lang) {
            "" => id.to_owned(),
            title => title.to_owned(),
        };
        let severest = decision.episodes.first();
        let shade = match (decision.status, decision.colour) {
            (Status::Active, Some(of)) => colour(pack, of, lang),
            _ if lang == Lang::Zh => format!("灰码（{}）", pack.word(decision.status, None, lang)),
            _ => format!("grey ({})", pack.word(decision.status, None, lang)),
        };
        Answer {
            shade,
            rules: decision.episodes.iter().map(|e| title(&e.rule)).collect(),
            flags: decision.flags.iter().map(|f| title(&f.episode.rule)).collect(),
            until: severest.map(|e| match (e.earliest_end, lang) {
                (Some(at), Lang::Zh) => format!("最早到{}", date(pack.zone.day_of(at), lang)),
                (Some(at), Lang::En) => format!("until {} at the earliest", date(pack.zone.day_of(at), lang)),
                (None, Lang::Zh) => "到有关条件满足为止".to_owned(),
                (None, Lang::En) => "until somebody has acted".to_owned(),
            }),
        }
    }

    /// What alters for the person; the names of the rules do not.
    fn effect(&self) -> (&str, &Option<String>, &[String]) {
        (&self.shade, &self.until, &self.flags)
    }

    fn text(&self, lang: Lang) -> String {
        let mut parts: Vec<String> = Vec::new();
        if !self.rules.is_empty() {
            parts.push(row(&self.rules, false, lang));
        }
        parts.extend(self.until.clone());
        if !self.flags.is_empty() {
            let flags = row(&self.flags, false, lang);
            parts.push(if lang == Lang::Zh {
                format!("弹窗：{flags}")
            } else {
                format!("pop-ups: {flags}")
            });
        }
        match (parts.is_empty(), lang) {
            (true, _) => self.shade.clone(),
            (false, Lang::Zh) => format!("{}（{}）", self.shade, parts.join("；")),
            (false, Lang::En) => format!("{} ({})", self.shade, parts.join("; ")),
        }
    }
}

fn people((a, a_files): (&Pack, &PackFiles), (b, b_files): (&Pack, &PackFiles), lang: Lang, diff: &mut Diff) {
    let mut cases = timelines(a, a_files);
    let known: BTreeSet<String> = cases.iter().map(|c| c.name.clone()).collect();
    // A case that both have is one person.
    let same = |one: &crate::rules::cases::Timeline| {
        known.contains(&one.name) && cases.iter().any(|c| c.name == one.name && c.facts == one.facts)
    };
    let others: Vec<_> = timelines(b, b_files).into_iter().filter(|c| !same(c)).collect();
    cases.extend(others);
    diff.tried = cases.len();
    let answer = |pack: &Pack, facts, at| {
        Answer::of(pack, &decide(pack, facts, &Context { areas: pack.areas() }, at), lang)
    };
    let mut seen = BTreeSet::new();
    let (mut first, mut more) = (Vec::new(), Vec::new());
    for case in &cases {
        let found = case.at.iter().find_map(|at| {
            let (was, is) = (answer(a, &case.facts, *at), answer(b, &case.facts, *at));
            (was.effect() != is.effect()).then_some((*at, was, is))
        });
        let Some((at, was, is)) = found else { continue };
        diff.affected += 1;
        let at = format!("{} {}", a.zone.day_of(at), a.zone.hh_mm(at));
        let one = Affected { who: case.name.clone(), at, before: was.text(lang), after: is.text(lang) };
        // Each kind of change gets its turn before any gets a second one.
        let kind = (was.shade, was.rules, was.flags, is.shade, is.rules, is.flags);
        if seen.insert(kind) { first.push(one) } else { more.push(one) }
    }
    first.extend(more);
    first.truncate(PEOPLE_MAX);
    diff.people = first;
}
