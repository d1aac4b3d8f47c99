//! Every pack that ships: it loads, its cases pass and reach everything, and damage is refused
//! with a place and never with a panic.

use crate::shipped::shipped as packs;
use kangma_core::rules::cases::run_cases;
use kangma_core::rules::pack::{Library, Pack, PackFiles};
use kangma_core::rules::publication::load_with_parents;
use proptest::prelude::*;

fn hangzhou() -> PackFiles {
    packs().into_iter().find(|p| p.0["pack.toml"].contains("hangzhou-2020-02-11")).unwrap()
}

#[test]
fn every_pack_loads_and_its_cases_pass_and_reach_every_rule_and_stage() {
    let library = Library::new(packs());
    for files in packs() {
        let pack = Pack::load_with(&files, &library).unwrap_or_else(|e| panic!("{e}"));
        let report = run_cases(&pack, &files);
        let failed: Vec<_> = report.cases.iter().filter(|c| !c.wrong.is_empty()).collect();
        assert!(report.passed(), "{}: {failed:#?} {:?}", pack.id, report.unreached);
        assert!(report.cases.len() >= 30, "{} has {} cases", pack.id, report.cases.len());
        let mut names: Vec<&str> = report.cases.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), report.cases.len(), "{}: each case has a sentence of its own", pack.id);
    }
}

/// One slip each: the code that it gets, and the place that is shown.
#[test]
fn a_slip_in_a_pack_is_told_with_its_place() {
    let slips = [
        ("pack.toml", "zone = \"Asia/Shanghai\"", "zone = \"Asia/Hangzhou\"", "pack.zone", "pack.toml:9:"),
        ("pack.toml", "division = \"3301\"", "division = \"9901\"", "pack.division", "pack.toml:8:"),
        ("pack.toml", "renew_s = 60", "renew_s = 1", "pack.pass", "pack.toml:13:"),
        (
            "pack.toml",
            "[check_in]",
            "[appeals]\ndue_hours = { street = 4 }\n\n[check_in]",
            "pack.appeals",
            "pack.toml:",
        ),
        ("pack.toml", "field = \"contact\"", "field = \"contcat\"", "pack.form", "pack.toml:"),
        (
            "pack.toml",
            "on_abnormal = \"restart\"",
            "on_abnormal = \"punish\"",
            "pack.format",
            "pack.toml:22:",
        ),
        (
            "pack.toml",
            "fact.temperature_c < 37.3",
            "fact.temperature < 37.3",
            "rule.unknown_name",
            "pack.toml:20:",
        ),
        (
            "rules.toml",
            "fact.under_measure != \"none\"",
            "fact.under_measure != \"non\"",
            "rule.choice",
            "rules.toml:6:",
        ),
        ("rules.toml", "area(v, \"key\")", "area(v, \"kye\")", "rule.area", "rules.toml:"),
        (
            "rules.toml",
            "id = \"HZ-RED-CONTACT\"",
            "id = \"HZ-RED-MEASURE\"",
            "pack.rule_twice",
            "rules.toml:11:",
        ),
        (
            "rules.toml",
            "title = \"Zhejiang, 17 February 2020: confirmed, suspected, under medical observation\"",
            "title = \" \"",
            "pack.source",
            "rules.toml:4:",
        ),
        ("rules.toml", "grade = \"B\"", "grade = \"E\"", "pack.source", "rules.toml:4:"),
        ("rules.toml", "on = \"finding\"", "on = \"rumour\"", "pack.rule_on", "rules.toml:"),
        ("rules.toml", "{ check_ins_in_a_row = 14, days = 14 }", "{ }", "pack.stage", "rules.toml:7:"),
        ("rules.toml", "colour = \"red\"", "colour = \"green\"", "pack.stage", "rules.toml:7:"),
        ("rules.toml", "days = 14", "days = 1400", "pack.stage", "rules.toml:7:"),
        ("words/en.toml", "[rules.HZ-RED-LIST]", "[rules.HZ-RED-LSIT]", "pack.words", "words/en.toml"),
        ("words/zh.toml", "fever = \"发热\"\n", "", "pack.words", "words/zh.toml"),
        ("words/zh.toml", "yes = \"是\"", "yes = ", "pack.format", "words/zh.toml:"),
    ];
    for (file, from, to, code, place) in slips {
        let mut files = hangzhou();
        let text = files.0[file].clone();
        assert!(text.contains(from), "{file} no longer has {from}");
        files.0.insert(file.into(), text.replacen(from, to, 1));
        let errors = Pack::load(&files).expect_err(from);
        let shown = errors.to_string();
        assert!(errors.iter().any(|(f, d)| f == file && d.code == code), "{from} → {to}: {shown}");
        assert!(shown.contains(place), "{from} → {to}: {place} in {shown}");
    }
}

/// It was signed when rules said less of what they have to have: it binds people, and a later service has to load it.
#[test]
fn what_was_published_loads_whatever_is_asked_of_new_texts() {
    for (from, to, code) in [
        ("grade = \"B\"", "grade = \"b\"", "pack.source"),
        (
            "title = \"Zhejiang, 17 February 2020: confirmed, suspected, under medical observation\"",
            "title = \"\"",
            "pack.source",
        ),
        ("HZ-RED-CONTACT", "SITE-RED-CONTACT", "pack.rule_id"),
    ] {
        let mut files = hangzhou();
        files.0.values_mut().for_each(|text| *text = text.replace(from, to));
        let errors = Pack::load(&files).expect_err(from);
        assert!(errors.iter().all(|(_, d)| d.code == code), "{errors}");
        load_with_parents(&files).unwrap_or_else(|e| panic!("{from}: {e}"));
    }
    // Days of a kind that is not erased by age any more count for nothing, and no fewer than are needed.
    for (days, kept) in [("order = 90", None), ("test = 7", Some(14)), ("listed = 30", Some(30))] {
        let mut files = hangzhou();
        let head = files.0["pack.toml"].replace("\n[areas]", &format!("\n[retention]\n{days}\n\n[areas]"));
        files.0.insert("pack.toml".into(), head);
        let told = Pack::load(&files).map_err(|e| e.to_string());
        assert!(kept == Some(30) || told.is_err_and(|e| e.contains("pack.retention")), "{days}");
        let pack = load_with_parents(&files).unwrap_or_else(|e| panic!("{days}: {e}"));
        assert_eq!(pack.retention.values().next().copied(), kept, "{days}");
    }
    let mut files = hangzhou();
    files.0.values_mut().for_each(|text| *text = text.replace("HZ-RED-CONTACT", "hz-red-contact"));
    assert!(load_with_parents(&files).is_err_and(|e| e.to_string().contains("pack.rule_id")));
}

#[test]
fn a_missing_file_and_a_huge_one_are_refused() {
    for file in ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"] {
        let mut files = hangzhou();
        files.0.remove(file);
        assert!(Pack::load(&files).unwrap_err().to_string().contains(file));
    }
    let mut files = hangzhou();
    files.0.insert("cases/huge.toml".into(), "#".repeat(300 * 1024));
    assert!(Pack::load(&files).unwrap_err().to_string().contains("pack.limit"));
}

#[test]
fn the_digest_follows_the_rules_and_not_the_cases() {
    let files = hangzhou();
    let digest = |files: &PackFiles| Pack::load(files).unwrap().digest.to_string();
    let mut other = files.clone();
    other.0.insert("cases/more.toml".into(), "case = []".into());
    assert_eq!(digest(&files), digest(&other));
    other.0.insert("rules.toml".into(), files.0["rules.toml"].replace("days = 14", "days = 15"));
    assert_ne!(digest(&files), digest(&other));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var_os("KANGMA_DRILL").is_some() { 100_000 } else { 1_500 }, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_pack_is_refused_or_loads_and_never_panics(
        which in 0..4_usize, at in any::<prop::sample::Index>(), len in 0..12_usize, with in ".{0,8}",
    ) {
        let mut files = hangzhou();
        let file = ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"][which];
        let text = files.0[file].clone();
        let places: Vec<usize> = text.char_indices().map(|(i, _)| i).collect();
        let from = at.index(places.len());
        let until = (from + len).min(places.len() - 1);
        let damaged = format!("{}{with}{}", &text[..places[from]], &text[places[until]..]);
        files.0.insert(file.into(), damaged);
        if let Err(errors) = Pack::load(&files) {
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}
