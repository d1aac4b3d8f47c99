//! What a pack's author is told: code, place, sentence and help.

use kangma_core::fact::Kind;
use kangma_core::rules::expr::{Areas, Diagnostic, Scope, compile, render};

fn wrong(source: &str, kind: Kind) -> Vec<Diagnostic> {
    let areas: Areas = serde_json::from_str(r#"{"high":[{"code":"42"}],"medium":[]}"#).unwrap();
    match compile(source, &Scope::of(kind).with_areas(&areas)) {
        Ok(_) => panic!("accepted: {source}"),
        Err(diagnostics) => diagnostics,
    }
}

#[test]
fn every_mistake_has_its_code_and_its_place() {
    for (source, code, place) in [
        ("", "rule.syntax", ""),
        ("  // nothing", "rule.syntax", "  // nothing"),
        ("fact.in_city &&", "rule.syntax", ""),
        ("(fact.in_city", "rule.syntax", ""),
        ("fact.in_city)", "rule.syntax", ")"),
        ("fact.in_city fact.overseas", "rule.syntax", "fact"),
        ("fact.in_city and fact.overseas", "rule.syntax", "and"),
        ("fact.contact = 'none'", "rule.syntax", "="),
        ("fact.in_city & fact.overseas", "rule.syntax", "&"),
        ("fact.contact == “none”", "rule.syntax", "“"),
        ("（fact.in_city）", "rule.syntax", "（"),
        ("fact.contact == 'none", "rule.syntax", "'none"),
        ("fact.contact == 'no\\ne\\q'", "rule.syntax", "\\q"),
        ("fact.contact == '\\ud800'", "rule.syntax", "\\ud800"),
        ("fact.temperature_c > 37.", "rule.syntax", "37."),
        ("fact.temperature_c > 37c", "rule.syntax", "37c"),
        ("9223372036854775808 > 0", "rule.syntax", "9223372036854775808"),
        ("1e999 > 0.0", "rule.syntax", "1e999"),
        ("fact.temperature_c * 2.0 > 70.0", "rule.unsupported", "*"),
        ("36 < fact.temperature_c < 38", "rule.unsupported", "<"),
        ("fact.symptoms[0] == 'fever'", "rule.unsupported", "["),
        ("fact.contact == null", "rule.unsupported", "null"),
        ("1u == 1", "rule.unsupported", "1u"),
        ("b'x' == b'x'", "rule.unsupported", "b"),
        ("fact.symptoms.contains('fever')", "rule.unsupported", "contains"),
        ("fact.symptoms.map(s, s) == []", "rule.unsupported", "map"),
        ("fact.in_city in [fact.overseas]", "rule.unsupported", "fact.overseas"),
        ("if", "rule.unsupported", "if"),
        ("fact.contacts == 'none'", "rule.unknown_name", "contacts"),
        ("fact.list == 'confirmed'", "rule.unknown_name", "list"),
        ("person.name == 'x'", "rule.unknown_name", "name"),
        ("person.agee > 3", "rule.unknown_name", "agee"),
        ("contact == 'none'", "rule.unknown_name", "contact"),
        ("dya > day", "rule.unknown_name", "dya"),
        ("hass(fact.contact)", "rule.unknown_name", "hass"),
        ("exists(fact.symptoms)", "rule.unknown_name", "exists"),
        ("fact.address == 'x'", "rule.not_readable", "address"),
        ("has(fact.address)", "rule.not_readable", "address"),
        ("fact.temperature_c", "rule.type", "fact.temperature_c"),
        ("fact.symptoms", "rule.type", "fact.symptoms"),
        ("!fact.contact", "rule.type", "fact.contact"),
        ("fact == 3", "rule.type", "fact"),
        ("fact.temperature_c > '37'", "rule.type", "fact.temperature_c > '37'"),
        ("fact.temperature_c + 1 > 37.0", "rule.type", "fact.temperature_c + 1"),
        ("fact.in_city == 'true'", "rule.type", "fact.in_city == 'true'"),
        ("fact.left_on > '2020-01-23'", "rule.type", "fact.left_on > '2020-01-23'"),
        ("day + day > day", "rule.type", "day + day"),
        ("day == happened", "rule.type", "day == happened"),
        ("fact.symptoms == 'fever'", "rule.type", "fact.symptoms == 'fever'"),
        ("'fever' in fact.contact", "rule.type", "fact.contact"),
        ("fact.contact < 'none'", "rule.type", "fact.contact < 'none'"),
        ("fact.contact == fact.residence", "rule.type", "fact.contact == fact.residence"),
        ("fact.contact == fact.health", "rule.type", "fact.contact == fact.health"),
        ("3 in ['a']", "rule.type", "3 in ['a']"),
        ("3 in [1, 'a']", "rule.type", "1, 'a'"),
        ("has('x')", "rule.type", "'x'"),
        ("has(fact.contact, 2)", "rule.type", "has(fact.contact, 2)"),
        ("area(fact.visited, 'high')", "rule.type", "fact.visited"),
        ("area(fact.contact, 'high')", "rule.type", "fact.contact"),
        ("fact.symptoms.exists('s', true)", "rule.type", "'s'"),
        ("fact.symptoms.exists(day, true)", "rule.type", "day"),
        ("fact.in_city ? 1 : 'a'", "rule.type", "1 : 'a'"),
        ("fact.contact == 'confirmde'", "rule.choice", "'confirmde'"),
        ("fact.contact in ['none', 'ill']", "rule.choice", "'ill'"),
        ("'fevre' in fact.symptoms", "rule.choice", "'fevre'"),
        ("fact.symptoms.exists(s, s == 'cough')", "rule.choice", "'cough'"),
        ("['none', 'ill'].exists(c, fact.contact == c)", "rule.choice", "'ill'"),
        ("fact.contact == (fact.in_city ? 'none' : 'ill')", "rule.choice", "'ill'"),
        ("fact.contact.startsWith('con_')", "rule.choice", "'con_'"),
        ("person.subject == 'visitor'", "rule.choice", "'visitor'"),
        ("fact.residence == '杭州'", "rule.division", "'杭州'"),
        ("area('421', 'high')", "rule.division", "'421'"),
        ("date('2020-02-30') == day", "rule.date", "'2020-02-30'"),
        ("area(fact.residence, 'hihg')", "rule.area", "'hihg'"),
        ("now > fact.left_on", "rule.time", "now"),
        ("today() - fact.left_on > 14", "rule.time", "today"),
    ] {
        let diagnostics = wrong(source, Kind::Declaration);
        let [d] = &diagnostics[..] else { panic!("{source}: {diagnostics:?}") };
        assert_eq!((d.code, &source[d.span.clone()]), (code, place), "{source}: {d:?}");
    }
}

#[test]
fn help_names_what_was_meant() {
    for (source, help) in [
        ("fact.contacts == 'none'", "did you mean contact?"),
        ("fact.tempreature_c > 37.3", "did you mean temperature_c?"),
        ("fact.list == 'confirmed'", "list is a field of listed"),
        ("contact == 'none'", "did you mean fact.contact?"),
        ("age > 3", "did you mean person.age?"),
        ("fact.contact == 'confirmde'", "did you mean \"confirmed\"?"),
        ("fact.left_on > '2020-01-23'", "date(\"2020-01-23\")"),
        ("area(fact.residence, 'hihg')", "did you mean high?"),
        ("area(fact.visited, 'high')", "list.exists(v, area(v, \"high\"))"),
        ("fact.symptoms.contains('fever')", "value in list"),
        ("fact.contact == “none”", "全角"),
        ("today - fact.left_on > 14", "a stage's release"),
        ("fact.temperature_c + 1 > 37.0", "decimal point"),
    ] {
        let diagnostics = wrong(source, Kind::Declaration);
        let given = diagnostics[0].help.as_deref().unwrap_or_default();
        assert!(given.contains(help), "{source}: {given}");
    }
}

#[test]
fn a_kind_without_readable_fields_says_so() {
    let diagnostics = wrong("fact.of == 'x'", Kind::Correction);
    assert_eq!(diagnostics[0].code, "rule.not_readable");
    let diagnostics = wrong("fact.what == 'x'", Kind::Correction);
    assert_eq!(diagnostics[0].help.as_deref(), Some("rules may read none of its fields"));
}

#[test]
fn every_independent_mistake_is_told_at_once_in_order() {
    let source = "fact.contcat == 'none' && fact.contact == 'ill' || now > day && !fact.symptoms";
    let codes: Vec<_> = wrong(source, Kind::Declaration).iter().map(|d| d.code).collect();
    assert_eq!(codes, ["rule.unknown_name", "rule.choice", "rule.time", "rule.type"]);
}

/// A rule as it stands in a file, what is wrong with its condition, shown.
fn shown(before: &str, source: &str, after: &str) -> String {
    let diagnostics: Vec<Diagnostic> =
        wrong(source, Kind::Declaration).into_iter().map(|d| d.shifted(before.len())).collect();
    render(&diagnostics, "rules.toml", &format!("{before}{source}{after}"))
}

#[test]
fn a_mistake_is_shown_in_its_file_under_chinese_comments() {
    insta::assert_snapshot!(shown(
        "# 密切接触者：集中隔离十四日\n[[rule]]\nid = \"HZ-RED-CONTACT\"\nwhen = '''\n// 申报为确诊、疑似或密切接触\n",
        "fact.contcat == \"confirmed\"",
        "\n'''\n"
    ));
}

#[test]
fn a_mistake_after_chinese_on_its_line_is_underlined_where_it_stands() {
    insta::assert_snapshot!(shown(
        "when = '''",
        "fact.commitment == \"我承诺以上情况属实\" && fact.contact == \"确诊\"",
        "''' # 红码\n"
    ));
}

#[test]
fn several_mistakes_are_shown_one_after_another() {
    insta::assert_snapshot!(shown(
        "when = '''\n",
        "fact.contact in [\"confirmed\", \"suspect\"] // 确诊或疑似\n  && today - fact.left_on <= 14",
        "\n'''\n"
    ));
}

#[test]
fn a_flood_of_mistakes_is_cut_short_and_counted() {
    let source = vec!["fact.nothing"; 30].join("||");
    let shown = shown("when = '", &source, "'");
    assert_eq!(shown.matches("rule.unknown_name").count(), 20);
    assert!(shown.ends_with("… and 10 more\n"));
}
