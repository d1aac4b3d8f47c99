//! A rule as sentences that a health officer can read, in Chinese and in English. They are made from
//! what the engine runs, never from prose that stands beside it, so they cannot say something else.

use crate::decision::Colour;
use crate::fact::Kind;
use crate::rules::expr::{Clause, Expr, area, date, quoted, row, value_word};
use crate::rules::flag::Task;
use crate::rules::lapse::{Lapse, Span};
use crate::rules::nouns;
use crate::rules::order::Orderable;
use crate::rules::pack::{OnAbnormal, OnMissed, Pack, Release, Repeat, Rule, Stage, Then};
use crate::rules::release::FirstDay;
use crate::rules::words::Lang;

/// A rule in full sentences: on which fact, when, what it does, how that ends, and whatever else it
/// says.
#[must_use]
pub fn sentence(pack: &Pack, rule: &Rule, lang: Lang) -> String {
    let of = Of { pack, rule, lang };
    let mut said = vec![match &rule.lapse {
        Some(lapse) => of.lapse(lapse),
        None => of.opening(),
    }];
    match &rule.then {
        Then::Review => said.push(
            of.t(
                "审核通过前，该申报不作为判定依据；没有其他情形的为灰码。",
                "Until it is approved it opens nothing, and a code without another reason is grey.",
            )
            .to_owned(),
        ),
        Then::Open { stages, repeat } => {
            said.extend(of.ends(stages));
            said.extend(of.again(*repeat));
        }
        Then::Release { .. } => {
            said.push(of.t("此后再次出现的情形另行判定。", "What happens later is judged anew.").to_owned())
        }
        Then::Expire => {
            said.push(of.t("再次完成后恢复。", "It is green again once the duty is done.").to_owned());
        }
    }
    said.extend(rule.order.map(|order| of.order(order)));
    if rule.standing {
        said.push(
            of.t(
                "在下一次申报之前，地区名单每有变动，都按最近一次申报重新判定。",
                "As long as the declaration is the last, it is looked at again whenever a list of areas changes.",
            )
            .to_owned(),
        );
    }
    said.join(of.t("", " "))
}

/// The parts of a rule in words, each with its name: what a change of it is told by.
#[must_use]
pub fn members(pack: &Pack, rule: &Rule, lang: Lang) -> Vec<(&'static str, String)> {
    let of = Of { pack, rule, lang };
    let mut all = vec![
        (of.t("判定对象", "looks at"), nouns::kind(rule.on, lang).to_owned()),
        (
            of.t("条件", "condition"),
            match rule.when.is_always() {
                true => of.t("一律适用", "always").to_owned(),
                false => rule.when.say(pack, lang),
            },
        ),
        (of.t("结果", "does"), of.does()),
    ];
    if let Then::Open { stages, repeat } = &rule.then {
        all.extend(of.ends(stages).map(|text| (of.t("解除", "ends"), text)));
        all.extend(of.again(*repeat).map(|text| (of.t("再次出现", "again"), text)));
    }
    all.extend(rule.lapse.as_ref().map(|l| (of.t("逾期", "lapse"), of.lapse(l))));
    all.extend(rule.order.map(|o| (of.t("处置令", "order"), of.order(o))));
    if rule.standing {
        all.push((of.t("持续有效", "standing"), of.t("是", "yes").to_owned()));
    }
    let source = &rule.source;
    all.push((of.t("来源", "source"), format!("{} ({} {})", source.title, source.grade, source.url)));
    all
}

/// What a check-in has to be to count as normal, and what a missed or abnormal one does.
#[must_use]
pub fn check_ins(pack: &Pack, lang: Lang) -> String {
    let terms = &pack.check_in;
    let normal = terms.normal.say(pack, lang);
    let missed = match (terms.on_missed_day, lang) {
        (OnMissed::Restart, Lang::Zh) => "漏打一天，连续天数从头计算".to_owned(),
        (OnMissed::Restart, Lang::En) => "a missed day starts the run again".to_owned(),
        (OnMissed::Pause, Lang::Zh) => "漏打的天数不计，连续天数保留".to_owned(),
        (OnMissed::Pause, Lang::En) => "missed days stand still".to_owned(),
        (OnMissed::Grace(1), Lang::Zh) => "漏打一天的，天数保留；连续漏打更多的从头计算".to_owned(),
        (OnMissed::Grace(1), Lang::En) => {
            "one missed day stands still, more in a row start the run again".to_owned()
        }
        (OnMissed::Grace(n), Lang::Zh) => format!("连续漏打不超过 {n} 天的，天数保留；超过的从头计算"),
        (OnMissed::Grace(n), Lang::En) => {
            format!("up to {n} missed days in a row stand still, more start the run again")
        }
    };
    let abnormal = match (terms.on_abnormal, lang) {
        (OnAbnormal::Restart, Lang::Zh) => "打卡异常的，连续天数从头计算",
        (OnAbnormal::Restart, Lang::En) => "one that is not normal starts it again",
        (OnAbnormal::Ignore, Lang::Zh) => "打卡异常的当天不计",
        (OnAbnormal::Ignore, Lang::En) => "one that is not normal does not count",
    };
    let first = match (terms.opening_day_counts, lang) {
        (true, Lang::Zh) => "情形发生当天的打卡计入",
        (true, Lang::En) => "one on the day of opening counts",
        (false, Lang::Zh) => "情形发生当天的打卡不计",
        (false, Lang::En) => "one on the day of opening does not count",
    };
    match lang {
        Lang::Zh => format!("打卡时{normal}的为正常；{missed}；{abnormal}；{first}。"),
        Lang::En => format!("A check-in is normal if {normal}; {missed}; {abnormal}; {first}."),
    }
}

/// What ends a stage, in words; nothing where only an order's end does.
#[must_use]
pub fn release(pack: &Pack, release: &Release, on: Kind, lang: Lang) -> Option<String> {
    let parts = conditions(pack, release, on, lang);
    // A number stands apart from the character before it.
    let parts = parts.join(if lang == Lang::Zh { "，且" } else { " and " });
    let apart = |text: String, n: char| text.replace(&format!("且{n}"), &format!("且 {n}"));
    let parts = ('0'..='9').fold(parts, apart);
    (!parts.is_empty()).then_some(parts)
}

/// What clears a flag, in words.
#[must_use]
pub fn task(task: Task, lang: Lang) -> &'static str {
    let (zh, en) = match task {
        Task::Test => ("做检测", "a test"),
        Task::Register => ("向社区、单位或酒店报备", "registering with the community"),
        Task::Declare => ("重新申报", "declaring again"),
        Task::CheckIn => ("打卡", "a check-in"),
        Task::Wait => ("到期自动消失，本人无需办理", "nothing but time"),
        Task::Staff => ("由主管部门解除", "the authority"),
    };
    if lang == Lang::Zh { zh } else { en }
}

/// A colour as the pack shows it.
#[must_use]
pub fn colour(pack: &Pack, colour: Colour, lang: Lang) -> String {
    match lang {
        Lang::Zh => pack.colour_word(colour, lang).to_owned(),
        Lang::En => pack.display.shown(colour).to_owned(),
    }
}

struct Of<'p> {
    pack: &'p Pack,
    rule: &'p Rule,
    lang: Lang,
}

impl<'p> Of<'p> {
    fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        if self.lang == Lang::Zh { zh } else { en }
    }

    fn colour(&self, of: Colour) -> String {
        colour(self.pack, of, self.lang)
    }

    /// The name of a stage, where it has one.
    fn name(&self, stage: &Stage) -> Option<&'p str> {
        let texts = self.pack.words(self.lang).rules.get(&*self.rule.id)?;
        texts.stages.get(stage.name.as_ref()?).map(String::as_str)
    }

    fn is_flag(&self) -> bool {
        self.rule.is_flag()
    }

    /// What it does, for Chinese at the end of "……的，", for English after its subject.
    fn does(&self) -> String {
        match (&self.rule.then, self.lang) {
            (Then::Review, Lang::Zh) => "转人工审核".into(),
            (Then::Review, Lang::En) => "waits for a reviewer".into(),
            (Then::Expire, Lang::Zh) => "绿码过期，转为灰码".into(),
            (Then::Expire, Lang::En) => "a green code turns grey".into(),
            (Then::Release { rules }, lang) => {
                let title = |id: &str| match self.pack.rule_title(id, lang) {
                    "" => quoted(id),
                    title => quoted(title),
                };
                let mut titles: Vec<String> = Vec::new();
                for title in rules.iter().map(|id| title(id)) {
                    if !titles.contains(&title) {
                        titles.push(title);
                    }
                }
                match lang {
                    Lang::Zh => format!("自复签时起解除因{}所作的判定", row(&titles, false, lang)),
                    Lang::En => {
                        format!(
                            "ends, from its signature on, what was opened by {}",
                            row(&titles, false, lang)
                        )
                    }
                }
            }
            (Then::Open { stages, .. }, lang) if self.is_flag() => {
                let what = stages.first().and_then(|s| s.task).map_or("", |t| task(t, lang));
                match lang {
                    Lang::Zh => format!("显示弹窗（颜色不变），消除办法：{what}"),
                    Lang::En => {
                        format!("shows a pop-up that leaves the colour as it is and is cleared by {what}")
                    }
                }
            }
            (Then::Open { stages, .. }, lang) => {
                let first = stages.first().map_or(Colour::Green, |s| s.colour);
                match lang {
                    Lang::Zh => format!("赋{}", self.colour(first)),
                    Lang::En => format!("makes the code {}", self.colour(first)),
                }
            }
        }
    }

    fn opening(&self) -> String {
        let on = nouns::kind(self.rule.on, self.lang);
        let does = self.does();
        if self.rule.when.is_always() {
            return match self.lang {
                Lang::Zh => format!("凡有{on}的，一律{does}。"),
                Lang::En => format!("Every {} {does}.", nouns::bare(self.rule.on, self.lang)),
            };
        }
        let clause = self.rule.when.clause(self.pack, self.lang);
        let short = clause.inline(self.lang);
        match (self.lang, clause.is_long(), &clause) {
            (Lang::Zh, true, Clause::Any(_)) => {
                format!("{on}有下列情形之一的，{does}：{}。", clause.list(self.lang))
            }
            (Lang::Zh, true, _) => {
                format!("{on}同时符合下列条件的，{does}：{}。", clause.list(self.lang))
            }
            (Lang::Zh, false, _) => format!("{on}显示{short}的，{does}。"),
            (Lang::En, true, Clause::Any(_)) => {
                format!("{} {does} if one of these holds: {}.", capital(on), clause.list(self.lang))
            }
            (Lang::En, true, _) => {
                format!("{} {does} if all of these hold: {}.", capital(on), clause.list(self.lang))
            }
            (Lang::En, false, _) => format!("{} {does} if {short}.", capital(on)),
        }
    }

    fn lapse(&self, lapse: &Lapse) -> String {
        let span = match (lapse.span(), self.lang) {
            (Span::Days(n), Lang::Zh) => format!("{n} 天内（当天计入）"),
            (Span::Days(n), Lang::En) => format!("within {n} days, its own day counted"),
            (Span::Seconds(s), Lang::Zh) => format!("{} 小时内", s / 3600),
            (Span::Seconds(s), Lang::En) => format!("within {} hours", s / 3600),
        };
        let on = nouns::kind(self.rule.on, self.lang);
        let also: Vec<String> = lapse.also.iter().map(|k| nouns::kind(*k, self.lang).to_owned()).collect();
        let which = (!self.rule.when.is_always()).then(|| self.rule.when.say(self.pack, self.lang));
        let since = date(self.pack.zone.day_of(lapse.since), self.lang);
        let does = self.does();
        let keeps = self.rule.keeps_green();
        match self.lang {
            Lang::Zh => {
                let which = which.map_or_else(String::new, |w| format!("（{w}）"));
                let also = match also.is_empty() {
                    true => String::new(),
                    false => format!("{}也算；", row(&also, true, self.lang)),
                };
                let green = if keeps { "其他情形解除后，自转绿之时重新起算；" } else { "" };
                format!("{on}{which}之后 {span}没有新的同类记录的，{does}（{also}{green}自{since}起施行）。")
            }
            Lang::En => {
                let which = which.map_or_else(String::new, |w| format!(" (one where {w})"));
                let also = match also.is_empty() {
                    true => String::new(),
                    false => format!(" {} counts as well.", capital(&row(&also, true, self.lang))),
                };
                let green = match keeps {
                    true => " Once another reason ends, the time counts from there.",
                    false => "",
                };
                let outcome = match &self.rule.then {
                    Then::Expire => does,
                    Then::Open { .. } if self.is_flag() => format!("the person's code {does}"),
                    _ => does.replace("makes the code", "the code turns"),
                };
                format!(
                    "Where {on}{which} is not followed by another {span}, {outcome}.{also}{green} This holds from {since} on."
                )
            }
        }
    }

    /// How the stages follow one another.
    fn ends(&self, stages: &[Stage]) -> Option<String> {
        let (on, lang) = (self.rule.on, self.lang);
        let ends: Vec<Option<String>> =
            stages.iter().map(|s| release(self.pack, &s.release, on, lang)).collect();
        if let [end] = ends.as_slice() {
            let gone = match (self.is_flag(), lang) {
                (true, Lang::Zh) => "弹窗消失",
                (true, Lang::En) => "It goes once",
                (false, Lang::Zh) => "解除",
                (false, Lang::En) => "It ends once",
            };
            return Some(match (end, lang) {
                (Some(end), Lang::Zh) => format!("{end}后{gone}。"),
                (Some(end), Lang::En) => format!("{gone} {end}."),
                (None, Lang::Zh) => "到处置令期满为止。".into(),
                (None, Lang::En) => "It ends with the order.".into(),
            });
        }
        let mut text = String::new();
        for (i, (stage, end)) in stages.iter().zip(&ends).enumerate() {
            let name = self.name(stage);
            let colour = self.colour(stage.colour);
            let last = i + 1 == stages.len();
            let end = end.as_deref().unwrap_or(self.t("处置令期满", "the order ends"));
            match lang {
                Lang::Zh => {
                    let stage = match name {
                        Some(name) => format!("“{name}”阶段（{colour}）"),
                        None => format!("{colour}阶段"),
                    };
                    let then = if last { "解除。" } else { "转入下一阶段；" };
                    text.push_str(&format!("第 {} 阶段为{stage}，{end}后{then}", i + 1));
                }
                Lang::En => {
                    let stage = match name {
                        Some(name) => format!("“{name}” ({colour})"),
                        None => colour,
                    };
                    let join = if i == 0 { "It is " } else { "; then " };
                    text.push_str(&format!("{join}{stage} until {end}"));
                }
            }
        }
        if lang == Lang::En {
            text.push('.');
        }
        Some(text)
    }

    fn again(&self, repeat: Repeat) -> Option<String> {
        if self.rule.order.is_some() || self.rule.lapse.is_some() {
            return None;
        }
        Some(
            match repeat {
                Repeat::Keep => self
                    .t("未解除期间再次出现的，不重新起算。", "While it stands, another one changes nothing."),
                Repeat::Restart => self.t(
                    "未解除期间再次出现的，从最近一次重新起算。",
                    "While it stands, another one starts it again.",
                ),
            }
            .to_owned(),
        )
    }

    fn order(&self, order: Orderable) -> String {
        let days = order.days_max;
        match (self.lang, order.urgent) {
            (Lang::Zh, false) => format!("处置令经另一单位复签后生效，自作出之时起最长 {days} 天。"),
            (Lang::Zh, true) => format!(
                "处置令经另一单位复签后生效，自作出之时起最长 {days} 天；紧急的可先行生效，最长 2 小时。"
            ),
            (Lang::En, false) => format!(
                "An order acts once a second office signs it, and ends at most {days} days after it was written."
            ),
            (Lang::En, true) => format!(
                "An order acts once a second office signs it, and ends at most {days} days after it was written; an urgent one acts for 2 hours before that."
            ),
        }
    }
}

/// What a release asks for, one clause each. Chinese ones end where "后解除" can follow; English ones
/// stand after "once".
fn conditions(pack: &Pack, release: &Release, on: Kind, lang: Lang) -> Vec<String> {
    let zh = lang == Lang::Zh;
    let mut all = Vec::new();
    if let Some(n) = release.check_ins_in_a_row {
        all.push(match zh {
            true if n == 1 => "有 1 天正常打卡".to_owned(),
            true => format!("连续 {n} 天正常打卡"),
            false if n == 1 => "a day has a normal check-in".to_owned(),
            false => format!("{n} days in a row have a normal check-in"),
        });
    }
    let from = counted_from(release, on, lang);
    if let Some(n) = release.days {
        all.push(match zh {
            true => format!("{from}满 {n} 天"),
            false if n == 1 => format!("1 day is over ({from})"),
            false => format!("{n} days are over ({from})"),
        });
    }
    if let Some(n) = release.tests() {
        all.push(tests(pack, release, n, &from, lang));
    }
    if let Some(level) = &release.confirmed_by {
        let who = nouns::level(level, lang).unwrap_or(level);
        all.push(if zh { format!("经{who}确认") } else { format!("{who} confirms it") });
    }
    if let Some(awaited) = &release.fact
        && let Some(expr) = &awaited.expr
    {
        let kind = expr.kind().map_or("", |k| nouns::kind(k, lang));
        all.push(awaits(pack, expr, kind, lang));
    }
    if let Some(lists) = &release.area_below {
        let names: Vec<String> = lists.iter().map(|key| area(pack, key, lang)).collect();
        let names = row(&names, true, lang);
        all.push(match zh {
            true => format!("所涉地点不再属于{names}"),
            false => format!("the places concerned no longer lie in {names}"),
        });
    }
    all
}

fn awaits(pack: &Pack, expr: &Expr, kind: &str, lang: Lang) -> String {
    match (expr.is_always(), lang) {
        (true, Lang::Zh) => format!("此后有新的{kind}"),
        (true, Lang::En) => format!("there is {kind} after it"),
        (false, Lang::Zh) => format!("此后的{kind}中{}", expr.say(pack, lang)),
        (false, Lang::En) => format!("there is {kind} after it where {}", expr.say(pack, lang)),
    }
}

/// From which day days count.
fn counted_from(release: &Release, on: Kind, lang: Lang) -> String {
    let next = release.first_day == Some(FirstDay::Next);
    let from = match release.days_from.as_deref() {
        None | Some("stage") => None,
        Some("opening") => Some(if lang == Lang::Zh { "情形发生之日" } else { "the day of opening" }),
        Some(field) => Some(nouns::field(on, field.strip_prefix("fact.").unwrap_or(field), lang)),
    };
    match (lang, from, next) {
        (Lang::Zh, None, false) => "自当天起".into(),
        (Lang::Zh, None, true) => "自次日起".into(),
        (Lang::Zh, Some(from), false) => format!("自{from}起（当天计入）"),
        (Lang::Zh, Some(from), true) => format!("自{from}的次日起"),
        (Lang::En, None, false) => "that day being the first".into(),
        (Lang::En, None, true) => "the next day being the first".into(),
        (Lang::En, Some(from), false) => format!("counted from {from}"),
        (Lang::En, Some(from), true) => format!("counted from the day after {from}"),
    }
}

fn tests(pack: &Pack, release: &Release, n: u32, from: &str, lang: Lang) -> String {
    let method = release.test_method.as_deref();
    let method = method.map(|m| value_word(pack, Some(Kind::Test), "method", m, lang));
    let apart = release.hours_apart.filter(|h| *h > 0 && n > 1);
    match lang {
        Lang::Zh => {
            let method = method.unwrap_or_else(|| "检测".into());
            let mut text = match (&release.tests_on, release.on_sampling) {
                (Some(on), sampling) => {
                    let days: Vec<String> = on.iter().map(u32::to_string).collect();
                    let days = days.join("、");
                    match sampling {
                        true => format!("{from}第 {days} 天各完成一次{method}采样"),
                        false => format!("{from}第 {days} 天各做一次{method}且均为阴性"),
                    }
                }
                (None, true) if n == 1 => format!("完成{method}采样"),
                (None, true) => format!("完成 {n} 次{method}采样"),
                (None, false) if n == 1 => format!("1 次{method}为阴性"),
                (None, false) => format!("{n} 次{method}均为阴性"),
            };
            let within = release.within_days.map(|w| format!("{w} 天内完成"));
            let apart = apart.map(|h| format!("每次至少间隔 {h} 小时"));
            let more: Vec<String> = apart.into_iter().chain(within).collect();
            if !more.is_empty() {
                text.push_str(&format!("（{}）", more.join("，")));
            }
            text
        }
        Lang::En => {
            let method = method.map_or_else(String::new, |m| format!("{m} "));
            let noun = match (release.on_sampling, n) {
                (true, 1) => "sample",
                (true, _) => "samples",
                (false, 1) => "test",
                (false, _) => "tests",
            };
            let mut more = Vec::new();
            if let Some(on) = &release.tests_on {
                let days: Vec<String> = on.iter().map(u32::to_string).collect();
                let days = row(&days, false, lang);
                let s = if on.len() == 1 { "" } else { "s" };
                more.push(format!("on day{s} {days}, {from}"));
            }
            more.extend(apart.map(|h| format!("at least {h} hours apart")));
            more.extend(release.within_days.map(|w| format!("within {w} days")));
            let more = match more.is_empty() {
                true => String::new(),
                false => format!(" ({})", more.join(", ")),
            };
            match (release.on_sampling, n) {
                (true, 1) => format!("a {method}{noun} is taken{more}"),
                (true, _) => format!("{n} {method}{noun} are taken{more}"),
                (false, 1) => format!("a {method}{noun} is negative{more}"),
                (false, _) => format!("{n} {method}{noun} in a row are negative{more}"),
            }
        }
    }
}

/// With a capital at the beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
