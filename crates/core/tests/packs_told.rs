//! What is told of a pack: which branches its cases leave out, what changes to another, and what became
//! of one person and why; and what a pack says of its languages and of how long facts are needed.

use std::collections::BTreeSet;

use crate::common::{files, load};
use kangma_core::rules::cases::{CaseReport, run_cases};
use kangma_core::rules::diff::{Part, diff};
use kangma_core::rules::explain::tell;
use kangma_core::rules::json;
use kangma_core::rules::pack::{Pack, PackFiles};
use kangma_core::rules::words::Lang;

const HEAD: &str = r#"
id = "test"
version = "1"
division = "3301"
zone = "Asia/Shanghai"
effective = "2020-02-11T00:00:00+08:00"
on_new_version = "keep"
"#;

const REST: &str = r#"
[pass]
renew_s = 60
fresh_s = 600
lifetime_s = 3600
[check_in]
normal = 'fact.temperature_c < 37.3'
on_missed_day = "restart"
on_abnormal = "restart"
opening_day_counts = true
[form]
commitment = "1"
fields = [{ field = "subject", required = true }]
[areas]
key = [{ code = "42", from = "2020-02-20" }]
"#;

const SOURCE: &str = "source = { title = \"T\", url = \"https://example.org\", grade = \"B\" }";

fn pack(more: &str) -> String {
    format!("{HEAD}{more}{REST}")
}

fn rule(id: &str, on: &str, when: &str, then: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\non = \"{on}\"\nwhen = '{when}'\n{then}\n{SOURCE}\n")
}

const RED: &str = "stages = [{ colour = \"red\", release = { days = 14, check_ins_in_a_row = 14 } }]";

fn with_cases(rules: &str, cases: &str) -> (Pack, PackFiles, CaseReport) {
    let mut files = files(&pack(""), rules);
    files.0.insert("cases/a.toml".into(), cases.into());
    let pack = Pack::load(&files).unwrap_or_else(|e| panic!("{e}"));
    let report = run_cases(&pack, &files);
    (pack, files, report)
}

/// Puts what is suggested into the cases until nothing is left, and gives back what was left out first.
fn completed(rules: &str, cases: &str) -> BTreeSet<String> {
    let (.., report) = with_cases(rules, cases);
    let left: BTreeSet<String> = report.branches.iter().map(|b| format!("{} {}", b.rule, b.what)).collect();
    let mut text = cases.to_owned();
    for branch in &report.branches {
        text.push_str(branch.suggested.as_deref().unwrap_or_else(|| panic!("nothing for {branch:?}")));
    }
    let (.., report) = with_cases(rules, &text);
    assert!(report.cases.iter().all(|c| c.wrong.is_empty()), "{text}\n{report:#?}");
    assert_eq!(report.branches, [], "{text}");
    left
}

#[test]
fn each_side_of_a_condition_is_looked_for_and_a_case_that_shows_it_is_suggested() {
    let rules = rule(
        "R",
        "declaration",
        r#"fact.overseas || fact.contact == "confirmed" && size(fact.symptoms) > 0"#,
        RED,
    );
    let cases = r#"
[defaults.declaration]
overseas = false
contact = "none"
symptoms = []
[[case]]
name = "a"
facts = [{ kind = "declaration", at = "2020-02-11 10:00", overseas = true }]
check_ins = [{ from = "2020-02-11", days = 14, time = "11:00" }]
expect = [{ at = "2020-02-25 00:00", colour = "green" }]
"#;
    // The check-ins lack a temperature, so it stays red: what is expected is not what is looked at here.
    let cases = cases.replace("colour = \"green\"", "colour = \"red\"");
    let left = completed(&rules, &cases);
    let found: Vec<&str> = left.iter().map(|l| l.split(':').next().unwrap()).collect();
    assert_eq!(found, ["R side 1 of 2 always held", "R side 2 of 2 never held"]);
}

#[test]
fn places_days_missing_values_and_named_conditions_are_found_too() {
    let rules = format!(
        "[conditions.declaration]\nnear = 'area(fact.residence, \"key\") || fact.visited.exists(v, area(v, \"key\"))'\n{}{}",
        rule("A", "declaration", "near && days_between(fact.left_on, day) <= 14", RED),
        rule("B", "declaration", "near && !has(fact.destination)", &RED.replace("red", "yellow")),
    );
    let cases = "[defaults.declaration]\ndestination = \"330106\"\n[[case]]\nname = \"a\"\nfacts = [{ kind = \"declaration\", at = \"2020-02-11 10:00\" }]\nexpect = [{ at = \"2020-02-11 10:00\", colour = \"green\" }]\n";
    let left = completed(&rules, cases);
    for what in [
        "A side 1 of 2 never held",
        "A side 2 of 2 never held",
        "A near, side 1 of 2 never held",
        "A near, side 2 of 2 never held",
        "B side 2 of 2 never held",
    ] {
        assert!(left.iter().any(|l| l.starts_with(what)), "{what} in {left:?}");
    }
}

#[test]
fn a_table_that_means_its_gaps_wants_a_fact_that_no_row_matches() {
    let table = format!(
        "rule = []\n[[table]]\nid = \"T\"\non = \"test\"\nhit = \"first\"\notherwise = \"nothing\"\ninputs = {{ result = \"fact.result\" }}\n{SOURCE}\n[[table.row]]\nid = \"ROW\"\nwhen = {{ result = \"positive\" }}\n{RED}\n"
    );
    let cases = "[[case]]\nname = \"a\"\nfacts = [{ kind = \"test\", at = \"2020-02-11 10:00\", result = \"positive\" }]\nexpect = [{ at = \"2020-02-11 10:00\", colour = \"red\" }]\n";
    let mut files = files(&pack(""), &table);
    for lang in ["zh", "en"] {
        files
            .0
            .get_mut(&format!("words/{lang}.toml"))
            .unwrap()
            .push_str("[rules.ROW]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\n");
    }
    files.0.insert("cases/a.toml".into(), cases.into());
    let pack = Pack::load(&files).unwrap_or_else(|e| panic!("{e}"));
    let report = run_cases(&pack, &files);
    let otherwise = report.branches.iter().find(|b| b.rule == "T").expect("it is looked for");
    let more = format!("{cases}{}", otherwise.suggested.as_deref().unwrap());
    files.0.insert("cases/a.toml".into(), more.clone());
    let report = run_cases(&pack, &files);
    assert!(
        report.branches.is_empty() && report.cases.iter().all(|c| c.wrong.is_empty()),
        "{more} {report:#?}"
    );
}

#[test]
fn what_changes_is_told_part_by_part_and_by_the_people_of_the_cases() {
    let cases = "[[case]]\nname = \"somebody from abroad\"\nfacts = [{ kind = \"declaration\", at = \"2020-02-11 10:00\", overseas = true }]\nexpect = [{ at = \"2020-02-11 10:00\", colour = \"red\" }]\n";
    let before = rule("R", "declaration", "fact.overseas", RED)
        + &rule("GONE", "test", r#"fact.result == "positive""#, RED);
    let after = rule("R", "declaration", "fact.overseas && fact.in_city", &RED.replace("red", "yellow"))
        + &rule("NEW", "listed", r#"fact.list == "confirmed""#, RED);
    let (a, a_files, _) = with_cases(&before, cases);
    let (b, b_files, _) =
        with_cases(&after, &cases.replace("overseas = true", "overseas = true, in_city = true"));
    for lang in Lang::ALL {
        let none = diff((&a, &a_files), (&a, &a_files), lang);
        assert!(none.is_empty() && none.tried == 1, "{none:?}");
        let found = diff((&a, &a_files), (&b, &b_files), lang);
        let rules: Vec<_> = found.changes.iter().filter(|c| c.part == Part::Rule).collect();
        assert!(rules.iter().any(|c| c.what.starts_with("NEW") && c.before.is_none() && c.after.is_some()));
        assert!(rules.iter().any(|c| c.what.starts_with("GONE") && c.before.is_some() && c.after.is_none()));
        let of_r: Vec<_> = rules.iter().filter(|c| c.what.starts_with("R ")).collect();
        assert_eq!(of_r.len(), 2, "its condition and what it does: {of_r:#?}");
        assert_eq!(found.changes.iter().filter(|c| c.part != Part::Rule && c.part != Part::Words).count(), 0);
        assert_eq!((found.tried, found.affected), (2, 2), "{found:#?}");
        let text = found.text(lang);
        let who = found.people.iter().find(|p| p.after.contains("yellow")).unwrap();
        assert!(text.contains(&who.before) && text.contains(&who.after), "{text}");
    }
    let en = diff((&a, &a_files), (&b, &b_files), Lang::En);
    let moved = en.people.iter().find(|p| p.after.starts_with("yellow")).unwrap();
    assert_eq!(moved.before, "red (R; until 25 February 2020 at the earliest)");
    assert_eq!(moved.after, "yellow (R; until 25 February 2020 at the earliest)");
}

#[test]
fn settings_questions_areas_words_and_the_calendar_are_told_apart() {
    let rules = rule("R", "declaration", "is_working_day(day) && fact.overseas", RED);
    let a_files = files(&pack(""), &rules);
    let mut b_files = files(
        &pack("")
            .replace("renew_s = 60", "renew_s = 30")
            .replace("required = true }]", "required = false }]")
            .replace("code = \"42\"", "code = \"43\""),
        &rules,
    );
    let words = b_files.0["words/zh.toml"].replace("name = \"A pack\"", "name = \"B\"");
    b_files.0.insert("words/zh.toml".into(), words);
    b_files.0.get_mut("pack.toml").unwrap().push_str("[calendar]\nholidays = [\"2020-02-12\"]\n");
    let load = |files: &PackFiles| Pack::load(files).unwrap_or_else(|e| panic!("{e}"));
    let (a, b) = (load(&a_files), load(&b_files));
    let found = diff((&a, &a_files), (&b, &b_files), Lang::En);
    let parts: Vec<(Part, &str)> = found.changes.iter().map(|c| (c.part, c.what.as_str())).collect();
    assert_eq!(
        parts,
        [
            (Part::Rule, "R “R”"),
            (Part::Setting, "passes"),
            (Part::Question, "subject"),
            (Part::Area, "key"),
            (Part::Words, "zh.name"),
        ]
    );
}

#[test]
fn an_account_tells_what_happened_what_failed_and_what_comes_next() {
    let rules = rule("R", "declaration", "fact.overseas && fact.contact != \"none\"", RED)
        + &rule("HOT", "check_in", "fact.temperature_c >= 38.0", &RED.replace("red", "yellow"));
    let pack = load(&pack(""), &rules).unwrap_or_else(|e| panic!("{e}"));
    let told = |facts: &str, at: &str, lang| {
        let facts =
            json::facts_in(&format!("{{\"facts\": [{facts}]}}"), &pack.zone, &pack.vocabulary).unwrap();
        tell(&pack, &facts, json::instant(at, &pack.zone).unwrap(), lang)
    };
    let declared = r#"{"kind": "declaration", "id": "d", "at": "2020-02-11 10:00", "overseas": true, "contact": "confirmed"}"#;
    let check =
        |day: u32| format!(r#",{{"kind": "check_in", "at": "2020-02-{day} 11:00", "temperature_c": 36.5}}"#);
    let whole = format!("{declared}{}{}", check(11), check(12));
    let en = told(&whole, "2020-02-12 12:00", Lang::En);
    for line in [
        "2020-02-12 12:00: red",
        "✓ R “R”: the person was abroad and contact is “confirmed case”, “suspected case” or “close contact”",
        "2020-02-11 10:00  → begins: R “R”",
        "2020-02-11 11:00 to 2020-02-12 11:00  2 check-ins, all normal",
        "This stage ends once 14 days in a row have a normal check-in and 14 days are over",
        "If nothing more is recorded, the colour stays.",
    ] {
        assert!(en.contains(line), "{line} in\n{en}");
    }
    let zh = told(&whole, "2020-02-12 12:00", Lang::Zh);
    for line in ["经过", "→ 开始：R “R”", "健康打卡 2 次，均正常", "本阶段解除条件：连续 14 天正常打卡"]
    {
        assert!(zh.contains(line), "{line} in\n{zh}");
    }
    // What failed, and what was not known.
    let other = r#"{"kind": "declaration", "at": "2020-02-11 10:00", "overseas": false}"#;
    let en = told(other, "2020-02-12 12:00", Lang::En);
    assert!(
        en.contains("✗ R “R”: not so: the person was abroad (travel abroad: no); unknown: contact is"),
        "{en}"
    );
    assert!(en.contains("(not known: contact)"), "{en}");
    // What was withdrawn counts for nothing, and neither does what lies ahead.
    let gone = format!(r#"{declared}, {{"kind": "correction", "at": "2020-02-11 12:00", "of": "d"}}"#);
    assert!(told(&gone, "2020-02-12 12:00", Lang::En).contains("Withdrawn by a correction"));
    assert!(told(declared, "2020-02-10 12:00", Lang::En).contains("It lies ahead"));
    assert!(told("", "2020-02-10 12:00", Lang::En).contains("Nothing is on record."));
}

/// One slip each, and the code that it gets.
#[test]
fn languages_and_retention_are_checked() {
    let rules = rule("R", "declaration", "fact.overseas", RED);
    let errors = |more: &str, change: &dyn Fn(&mut PackFiles)| {
        let mut files = files(&pack(more), &rules);
        change(&mut files);
        Pack::load(&files).map(|_| ()).map_err(|e| e.to_string())
    };
    let nothing = |_: &mut PackFiles| {};
    let tibetan = |files: &mut PackFiles| {
        let words = format!("language = \"བོད་ཡིག\"\n{}", files.0["words/en.toml"]);
        files.0.insert("words/bo.toml".into(), words);
    };
    let named = "languages = [\"zh\", \"en\", \"bo\"]\n";
    assert_eq!(errors(named, &tibetan), Ok(()));
    let refused = [
        (errors(named, &nothing), "the pack has no words/bo.toml"),
        (errors("", &tibetan), "languages in pack.toml does not name bo"),
        (errors("languages = [\"zh\"]\n", &nothing), "every pack ships en"),
        (errors("languages = [\"zh\", \"en\", \"zh\"]\n", &nothing), "zh is named twice"),
        (errors("languages = [\"zh\", \"en\", \"Bo!\"]\n", &nothing), "is not the name of a language"),
        (
            errors(named, &|files| {
                tibetan(files);
                let words = files.0["words/bo.toml"].replace("abnormal = \"a {day}\"", "");
                files.0.insert("words/bo.toml".into(), words);
            }),
            "the text broken.abnormal is missing",
        ),
    ];
    for (found, told) in refused {
        let found = found.unwrap_err();
        assert!(found.contains(told), "{told} in {found}");
    }
    let kept = |text: &str| {
        let files = files(&format!("{}\n[retention]\n{text}\n", pack("")), &rules);
        Pack::load(&files).map(|p| p.retention.len()).map_err(|e| e.to_string())
    };
    assert_eq!(kept("declaration = 30\ncheck_in = 14"), Ok(2));
    for (text, told) in [
        ("declaration = 13", "R needs a declaration for 14 days"),
        ("check_in = 7", "R needs a check_in for 14 days"),
        ("identity = 30", "are not destroyed by age"),
        ("rumour = 30", "are not destroyed by age"),
        ("declaration = 0", "out of range"),
        ("declaration = 9999", "out of range"),
    ] {
        let found = kept(text).unwrap_err();
        assert!(found.contains("pack.retention") && found.contains(told), "{told} in {found}");
    }
}
