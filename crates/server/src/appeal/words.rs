//! Words of offices and reasons, in both languages.

use kangma_core::appeal::{Level, office};
use kangma_core::division::divisions;

use crate::lang::Lang;

/// An office in words: its division, and its level.
pub fn office_name(county: u32, level: Level, lang: Lang) -> String {
    if county == 0 {
        return (if lang == Lang::Zh { "全国" } else { "national office" }).to_owned();
    }
    let code = office(county, level);
    // Where only the city is known, the county's digits are zeros.
    let known = divisions().get(&code).or_else(|| divisions().get(code.get(..4).unwrap_or(&code)));
    let place = known.map_or("", |d| d.name);
    let (zh, en) = match level {
        Level::Province => ("省级", "province office"),
        Level::City => ("市级", "city office"),
        Level::County => ("区县级", "county office"),
        Level::Street => ("街道（乡镇）级", "street office"),
    };
    match lang {
        Lang::Zh => format!("{place}（{zh}）"),
        Lang::En => format!("{place}, {en}"),
    }
}

/// Reasons that an officer gives: code, Chinese, English. `other` is the officer's own words.
pub const REASONS: &[(&str, &[&str], &str, &str)] = &[
    ("as_declared", &["approve"], "与申报一致", "It is as declared"),
    ("checked_by_phone", &["approve", "return"], "已电话核实", "Checked by phone"),
    ("documents_seen", &["approve", "correct"], "已核对证明材料", "Documents were seen"),
    ("incomplete", &["return"], "填写不完整", "The declaration is incomplete"),
    ("contradictory", &["return"], "内容前后矛盾", "The answers contradict one another"),
    ("unreachable", &["return"], "无法联系本人核实", "The person could not be reached"),
    ("contradicted_by_records", &["false"], "与有关部门记录不符", "Records say otherwise"),
    ("admitted", &["false"], "本人承认填报不实", "The person admitted it"),
    ("rule_applies", &["uphold"], "符合规则规定的情形", "The rule applies"),
    ("evidence_insufficient", &["uphold"], "材料不足以证明", "The evidence does not show it"),
    ("fact_wrong", &["correct"], "依据的信息有误", "What the decision rested on was wrong"),
    ("another_person", &["correct"], "信息属于他人", "It was about another person"),
    ("source_withdrew", &["correct"], "来源部门已撤回", "Its source has withdrawn it"),
    ("notice_verified", &["confirm"], "解除证明已核实", "The notice of release was verified"),
    ("conditions_met", &["confirm"], "已满足解除条件", "The conditions of release are met"),
    ("not_yet_met", &["refuse"], "尚不满足解除条件", "The conditions of release are not met yet"),
    ("notice_not_verified", &["refuse"], "解除证明未能核实", "The notice of release could not be verified"),
    ("beyond_office", &["escalate"], "超出本级权限", "It is beyond this office"),
    ("conflict_of_interest", &["escalate"], "本级人员应当回避", "This office's officers have a part in it"),
    (
        "other",
        &["approve", "return", "false", "uphold", "correct", "confirm", "refuse", "escalate"],
        "其他",
        "Other",
    ),
];

/// A reason's code in words; empty where it is the officer's own.
pub fn reason_text(code: &str, lang: Lang) -> &'static str {
    REASONS.iter().find(|(c, ..)| *c == code && code != "other").map_or("", |(_, _, zh, en)| match lang {
        Lang::Zh => zh,
        Lang::En => en,
    })
}
