//! Packs that extend one another.

use kangma_core::rules::pack::{Library, Pack, PackErrors, PackFiles};

fn hangzhou() -> PackFiles {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parent");
    let names = ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"];
    PackFiles(
        names.iter().map(|n| ((*n).to_owned(), std::fs::read_to_string(dir.join(n)).unwrap())).collect(),
    )
}

fn child(pack: &str, rules: &str) -> PackFiles {
    child_with(pack, rules, "")
}

fn child_with(pack: &str, rules: &str, words: &str) -> PackFiles {
    let head = |id: &str, extends: &str| {
        format!(
            "id = \"{id}\"\nextends = \"{extends}\"\nversion = \"1\"\ndivision = \"330106\"\neffective = \"2020-03-01T00:00:00+08:00\"\n"
        )
    };
    let pack =
        if pack.starts_with("id =") { pack.to_owned() } else { head("xihu", "hangzhou-2020-02-11") + pack };
    let mut files = PackFiles::default();
    files.0.insert("pack.toml".into(), pack);
    files.0.insert("rules.toml".into(), rules.into());
    files.0.insert("words/zh.toml".into(), format!("name = \"西湖区\"\n{words}"));
    files.0.insert("words/en.toml".into(), format!("name = \"Xihu\"\n{words}"));
    files
}

fn load(files: &PackFiles) -> Result<Pack, PackErrors> {
    Pack::load_with(files, &Library::new([hangzhou()]))
}

const SOURCE: &str = "source = { title = \"T\", url = \"https://example.org\", grade = \"B\" }";

#[test]
fn a_child_inherits_everything_that_it_does_not_say() {
    let parent = Pack::load(&hangzhou()).unwrap();
    let pack = load(&child("", "")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((&*pack.id, &*pack.division), ("xihu", "330106"));
    assert_eq!(pack.parents, ["hangzhou-2020-02-11".into()]);
    let ids = |p: &Pack| p.rules.iter().map(|r| r.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&pack), ids(&parent));
    assert_eq!(pack.form.fields.len(), parent.form.fields.len());
    assert_eq!(pack.name(kangma_core::rules::words::Lang::En), "Xihu");
    assert!(!pack.is_own("HZ-RED-LIST"));
    let origin = pack.origin("HZ-RED-LIST").unwrap();
    assert_eq!((&*origin.pack, &*origin.file), ("hangzhou-2020-02-11", "rules.toml"));
}

#[test]
fn a_child_changes_replaces_and_switches_off_rules_that_it_names_and_nothing_else() {
    let rules = format!(
        r#"
[[replace]]
rule = "HZ-RED-CONTACT"
stages = [{{ colour = "red", release = {{ days = 21 }} }}]
{SOURCE}

[[off]]
rule = "HZ-YELLOW-OVERSEAS"
reason = "nobody arrives here"

[[rule]]
id = "XH-RED-LIST"
replaces = "HZ-RED-LIST"
on = "listed"
when = 'fact.list == "confirmed"'
stages = [{{ colour = "red", release = {{ days = 10 }} }}]
{SOURCE}
"#
    );
    let words = "[rules.XH-RED-LIST]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"";
    let pack = load(&child_with("", &rules, words)).unwrap_or_else(|e| panic!("{e}"));
    let parent = Pack::load(&hangzhou()).unwrap();
    assert_eq!(pack.rules.len(), parent.rules.len() - 1);
    assert!(pack.rule("HZ-YELLOW-OVERSEAS").is_none() && pack.rule("HZ-RED-LIST").is_none());
    let at = |p: &Pack, id: &str| p.rules.iter().position(|r| &*r.id == id);
    assert_eq!(at(&pack, "XH-RED-LIST"), at(&parent, "HZ-RED-LIST"));
    assert!(pack.is_own("HZ-RED-CONTACT") && pack.is_own("XH-RED-LIST") && !pack.is_own("HZ-RED-MEASURE"));
    let release = pack.rule("HZ-RELEASE-ORDER").unwrap();
    let kangma_core::rules::pack::Then::Release { rules } = &release.then else { panic!() };
    assert!(rules.iter().any(|r| &**r == "XH-RED-LIST") && !rules.iter().any(|r| &**r == "HZ-RED-LIST"));
}

#[test]
fn settings_lists_of_areas_and_questions_are_overridden_one_by_one() {
    let extra = r#"
[pass]
lifetime_s = 7200

[areas]
key = [{ code = "4201" }]

[form]
without = ["overseas"]

[[form.fields]]
field = "temperature_c"
required = true
min = 34.0
max = 43.0
"#;
    let rules = "[[off]]\nrule = \"HZ-YELLOW-OVERSEAS\"\nreason = \"not asked\"";
    let pack = load(&child(extra, rules)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((pack.pass.renew_s, pack.pass.lifetime_s), (60, 7200));
    let day = kangma_core::time::Day::parse("2020-02-20").unwrap();
    assert!(!pack.areas().in_area("42", "key", day) && pack.areas().in_area("3303", "high", day));
    let parent = Pack::load(&hangzhou()).unwrap();
    assert_eq!(pack.form.fields.len(), parent.form.fields.len() - 1);
    assert!(pack.form.fields.last().unwrap().required);
}

#[test]
fn what_is_wrong_with_an_override_is_told_where_it_stands() {
    let one = |rules: &str| load(&child("", rules)).expect_err(rules);
    for (rules, code, place, says) in [
        (
            format!("[[replace]]\nrule = \"HZ-RED-CONTCAT\"\n{SOURCE}"),
            "pack.replace",
            "rules.toml:2:8",
            "HZ-RED-CONTACT",
        ),
        (
            "[[replace]]\nrule = \"HZ-RED-CONTACT\"\nrepeat = \"keep\"".to_owned(),
            "pack.replace",
            "rules.toml:1:1",
            "add source",
        ),
        ("[[off]]\nrule = \"HZ-RED-CONTACT\"".to_owned(), "pack.replace", "rules.toml:1:1", "reason"),
        (
            "[[off]]\nrule = \"HZ-RED-NONE\"\nreason = \"r\"".to_owned(),
            "pack.replace",
            "rules.toml:2:8",
            "there are: HZ-RED-MEASURE",
        ),
        (
            format!(
                "[[rule]]\nid = \"HZ-RED-CONTACT\"\non = \"declaration\"\nwhen = 'true'\nreview = true\n{SOURCE}"
            ),
            "pack.rule_twice",
            "rules.toml:2:6",
            "replaces",
        ),
        (
            format!("[[replace]]\nrule = \"HZ-RED-CONTACT\"\nwhen = 'fact.contcat == \"none\"'\n{SOURCE}"),
            "rule.unknown_name",
            "rules.toml:3:14",
            "contact",
        ),
    ] {
        let errors = one(&rules);
        let shown = errors.to_string();
        assert!(errors.iter().any(|(_, d)| d.code == code), "{rules}: {shown}");
        assert!(shown.contains(place) && shown.contains(says), "{rules}: {shown}");
    }
    let alone =
        Pack::load(&PackFiles(
            hangzhou()
                .0
                .into_iter()
                .map(|(k, t)| {
                    if k == "rules.toml" {
                        (k, t + "\n[[off]]\nrule = \"X\"\nreason = \"r\"")
                    } else {
                        (k, t)
                    }
                })
                .collect(),
        ));
    assert!(alone.unwrap_err().to_string().contains("extends no other"));
}

#[test]
fn circles_chains_without_end_unknown_parents_and_foreign_divisions_are_refused() {
    let circle = |id: &str, extends: &str| {
        let pack = format!(
            "id = \"{id}\"\nextends = \"{extends}\"\nversion = \"1\"\ndivision = \"33\"\neffective = \"2020-03-01T00:00:00+08:00\""
        );
        child(&pack, "")
    };
    let shown =
        |files: &PackFiles, library: &Library| Pack::load_with(files, library).unwrap_err().to_string();
    let library = Library::new([circle("a", "b"), circle("b", "c"), circle("c", "a")]);
    let text = shown(&circle("a", "b"), &library);
    assert!(
        text.contains("pack.circle") && text.contains("a → b → c → a") && text.contains("pack.toml:2:1"),
        "{text}"
    );
    let itself = shown(&circle("a", "a"), &Library::new([circle("a", "a")]));
    assert!(itself.contains("pack.circle"), "{itself}");
    let long = Library::new((1..12).map(|i| circle(&format!("p{i}"), &format!("p{}", i + 1))));
    assert!(shown(&circle("p0", "p1"), &long).contains("pack.depth"));
    let text = shown(&circle("a", "hangzhou-2020-02-12"), &Library::new([hangzhou()]));
    assert!(text.contains("pack.extends") && text.contains("did you mean \"hangzhou-2020-02-11\""), "{text}");
    let outside = child("", "");
    let mut outside = outside;
    let text = outside.0["pack.toml"].replace("330106", "3302");
    outside.0.insert("pack.toml".into(), text);
    let text = load(&outside).unwrap_err().to_string();
    assert!(text.contains("pack.division") && text.contains("does not lie in 3301"), "{text}");
}

#[test]
fn a_pack_of_the_whole_country_stands_above_every_division_and_in_none() {
    let with = |mut files: PackFiles, id: &str, extends: &str, division: &str| {
        let head = files.0.get_mut("pack.toml").unwrap();
        let above = if extends.is_empty() { String::new() } else { format!("extends = \"{extends}\"\n") };
        let rest = |l: &&str| !["id =", "extends =", "division ="].iter().any(|k| l.starts_with(k));
        let rest = head.lines().filter(rest).collect::<Vec<_>>().join("\n");
        *head = format!("id = \"{id}\"\n{above}division = \"{division}\"\n{rest}");
        files
    };
    let nation = with(hangzhou(), "nation", "", "0");
    assert_eq!(&*Pack::load(&nation).unwrap_or_else(|e| panic!("{e}")).division, "0");
    let library = Library::new([
        nation,
        with(child("", ""), "zhejiang", "nation", "33"),
        with(hangzhou(), "alone", "", "33"),
        with(child("", ""), "again", "nation", "0"),
    ]);
    let xihu = with(child("", ""), "xihu", "zhejiang", "330106");
    let pack = Pack::load_with(&xihu, &library).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(pack.parents, ["zhejiang".into(), "nation".into()]);
    assert_eq!(&*pack.origin("HZ-RED-LIST").unwrap().pack, "nation");
    for (above, division) in [("again", "0"), ("again", "33")] {
        let files = with(child("", ""), "below", above, division);
        assert!(Pack::load_with(&files, &library).is_ok(), "{division} in {above}");
    }
    let upside_down = with(child("", ""), "country", "alone", "0");
    let text = Pack::load_with(&upside_down, &library).unwrap_err().to_string();
    assert!(text.contains("pack.division") && text.contains("0 does not lie in 33"), "{text}");
    let text = Pack::load(&with(hangzhou(), "x", "", "00")).unwrap_err().to_string();
    assert!(text.contains("pack.division") && text.contains("the whole country is \"0\""), "{text}");
}

#[test]
fn a_mistake_in_a_parent_is_shown_in_the_parents_file() {
    let mut parent = hangzhou();
    let text =
        parent.0["rules.toml"].replacen("fact.under_measure != \"none\"", "fact.under_measure != \"non\"", 1);
    parent.0.insert("rules.toml".into(), text);
    let text = Pack::load_with(&child("", ""), &Library::new([parent])).unwrap_err().to_string();
    assert!(text.contains("hangzhou-2020-02-11/rules.toml:6:"), "{text}");
}

#[test]
fn the_digest_follows_the_parents_too() {
    let library = Library::new([hangzhou()]);
    let digest = |library: &Library| Pack::load_with(&child("", ""), library).unwrap().digest;
    let mut other = hangzhou();
    other.0.insert("rules.toml".into(), other.0["rules.toml"].replace("days = 7", "days = 8"));
    assert_ne!(digest(&library), digest(&Library::new([other])));
    let mut cases = hangzhou();
    cases.0.insert("cases/more.toml".into(), "case = []".into());
    assert_eq!(digest(&library), digest(&Library::new([cases])));
}

#[test]
fn the_effective_pack_is_one_text_with_the_origin_of_each_line() {
    let rules = format!(
        "[[replace]]\nrule = \"HZ-RED-CONTACT\"\nstages = [{{ colour = \"red\", release = {{ days = 21 }} }}]\n{SOURCE}\n\n[[off]]\nrule = \"HZ-YELLOW-OVERSEAS\"\nreason = \"nobody arrives here\"\n"
    );
    let text =
        Pack::effective(&child("[pass]\nlifetime_s = 7200\n", &rules), &Library::new([hangzhou()])).unwrap();
    insta::assert_snapshot!(text);
    // It is TOML, and without its origins a pack of its own.
    for part in text.split("# ── ").skip(1) {
        part.split_once('\n').unwrap().1.parse::<toml::Table>().unwrap_or_else(|e| panic!("{e}"));
    }
}
