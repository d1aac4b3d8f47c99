use std::collections::BTreeSet;

use kangma_core::rules::pack::PackFiles;

use super::typed::{Turn, Typed, TypedRule};

fn hangzhou() -> PackFiles {
    crate::built_in::pack("hangzhou-2020-02-11").unwrap()
}

fn typed(files: &PackFiles) -> Typed {
    super::typed::typed(files, &crate::built_in::library().unwrap())
}

fn rule<'t>(typed: &'t Typed, id: &str) -> &'t TypedRule {
    typed.rules.iter().find(|r| r.id == id).unwrap()
}

/// Writes a value of a rule at the place that was named, as the editor does.
fn write(files: &PackFiles, id: &str, path: &str, text: &str) -> PackFiles {
    let told = typed(files);
    let rule = rule(&told, id);
    let place = rule.values.iter().find(|v| v.path == path).unwrap();
    let mut files = files.clone();
    files.0.get_mut(rule.file.as_ref().unwrap()).unwrap().replace_range(place.from..place.to, text);
    files
}

#[test]
fn what_is_written_at_a_place_that_was_named_changes_that_value_and_no_other_byte() {
    let before = hangzhou();
    let fine = typed(&before);
    assert!(fine.ok && fine.diagnostics.is_empty(), "{fine:?}");
    assert!(fine.cases.iter().all(|c| c.passed) && fine.coverage.unreached.is_empty());
    assert_eq!(fine.coverage.cases, fine.coverage.passed);
    let contact = rule(&fine, "HZ-RED-CONTACT");
    assert_eq!((contact.on.as_deref(), contact.does), (Some("declaration"), Some("colour")));
    let text = &before.0["rules.toml"];
    let own = &text[contact.from.unwrap()..contact.to.unwrap()];
    assert!(own.starts_with("[[rule]]\nid = \"HZ-RED-CONTACT\"") && own.contains("ours = "), "{own}");

    let after = write(&before, "HZ-RED-CONTACT", "stages.0.release.days", "10");
    let after = write(&after, "HZ-RED-CONTACT", "stages.0.release.check_ins_in_a_row", "10");
    let same = |(a, b): &(&str, &str)| a == b;
    let lines = after.0["rules.toml"].lines().zip(text.lines());
    let changed: Vec<(&str, &str)> = lines.filter(|pair| !same(pair)).collect();
    let stage = "stages = [{ colour = \"red\", release = { check_ins_in_a_row = 10, days = 10 } }]";
    assert_eq!(changed, [(stage, stage.replace("10", "14").as_str())]);
    let told = typed(&after);
    let failed: Vec<_> = told.cases.iter().filter(|c| !c.passed).collect();
    assert!(!failed.is_empty() && told.coverage.passed + failed.len() == told.coverage.cases);
    for case in failed {
        let text = &after.0[&case.file][case.from..];
        assert!(text.starts_with("[[case]]") && text.contains(&case.name), "{text}");
        assert!(case.why[0].contains("expected"), "{case:?}");
    }
}

#[test]
fn text_that_does_not_load_says_where_and_keeps_its_outline() {
    let mut files = hangzhou();
    files.0.get_mut("rules.toml").unwrap().push_str("\n[[rule]]\nid = \"X\"\non = \"moon\"\n");
    let told = typed(&files);
    assert!(!told.ok && told.cases.is_empty() && told.digest.is_none());
    let first = serde_json::to_value(&told.diagnostics[0]).unwrap();
    assert_eq!(first["file"], "rules.toml", "{first}");
    assert!(rule(&told, "X").sentence.is_none());
    let place = rule(&told, "HZ-RED-CONTACT").values.iter().find(|v| v.path == "source.grade").unwrap();
    assert_eq!(&files.0["rules.toml"][place.from..place.to], "\"B\"");
    assert!(typed(&PackFiles::default()).rules.is_empty());
}

#[test]
fn an_inherited_rule_is_told_with_the_pack_that_it_comes_from() {
    let mut child = hangzhou();
    child.0.retain(|path, _| {
        ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"].contains(&path.as_str())
    });
    child.0.insert(
        "pack.toml".into(),
        "id = \"child\"\nextends = \"hangzhou-2020-02-11\"\nversion = \"1\"\ndivision = \"330106\"\n\
         effective = \"2026-01-01T00:00:00+08:00\"\n"
            .into(),
    );
    child.0.insert(
        "rules.toml".into(),
        "[[off]]\nrule = \"HZ-YELLOW-OVERSEAS\"\nreason = \"no flights\"\n".into(),
    );
    for lang in ["zh", "en"] {
        child.0.insert(format!("words/{lang}.toml"), "name = \"child\"\n".into());
    }
    let told = typed(&child);
    assert!(told.ok, "{:?}", told.diagnostics);
    assert_eq!(told.rules[0].how, "off");
    let contact = rule(&told, "HZ-RED-CONTACT");
    assert_eq!((contact.how, contact.pack.as_deref()), ("inherited", Some("hangzhou-2020-02-11")));
    assert!(contact.file.is_none() && contact.values.is_empty() && contact.sentence.is_some());
    let ids: BTreeSet<&str> = told.rules.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids.len(), told.rules.len(), "each once");
}

#[test]
fn an_officer_has_one_text_tried_at_a_time_and_another_officer_their_own() {
    let first = Turn::take("turn-a");
    assert!(first.is_some() && Turn::take("turn-a").is_none() && Turn::take("turn-b").is_some());
    drop(first);
    assert!(Turn::take("turn-a").is_some());
}
