//! Packs that extend one another.

use std::collections::BTreeMap;
use std::sync::Arc;

use kangma_core::rules::pack::{Library, Pack, PackErrors, PackFiles};
use kangma_core::rules::publication::{
    Below, Child, Publication, Stage, Step, Terms, What, fold, in_force, load_with_parents, with_parents,
};
use kangma_core::rules::set::{Entry, PackSet};
use kangma_core::time::Instant;

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

/// A text of the parent, of another version.
fn parent(version: &str, change: impl Fn(String) -> String) -> PackFiles {
    let mut files = hangzhou();
    let head = files.0.get_mut("pack.toml").unwrap();
    *head = head.replacen("version = \"1.", &format!("version = \"{version}."), 1);
    files.0.values_mut().for_each(|text| *text = change(std::mem::take(text)));
    files
}

/// A city under the parent and a district under its child, since ever.
fn city_and_district(child: &PackFiles) -> (PackSet, Library) {
    let library = Library::new([hangzhou(), child.clone()]);
    let load = |files| {
        let whole = with_parents(files, &library);
        Arc::new(load_with_parents(&whole).unwrap_or_else(|e| panic!("{e}")))
    };
    let (city, district) = (load(&hangzhou()), load(child));
    let entry = Entry { pack: district, covers: DISTRICT.into(), from: Instant(0), until: None };
    (PackSet::single(city).with(vec![entry], Vec::new()).unwrap(), library)
}

const DISTRICT: &str = "330106";

#[test]
fn a_new_text_of_a_parent_is_held_against_the_packs_in_force_below() {
    let own = child("", "[[off]]\nrule = \"HZ-YELLOW-OVERSEAS\"\nreason = \"nobody arrives here\"");
    let (set, library) = city_and_district(&own);
    let now = Instant(1_000_000);
    let below = |files: &PackFiles| {
        let pack = Pack::load_with(files, &library).unwrap_or_else(|e| panic!("{e}"));
        Below::of(&set, &pack, files, &library, now)
    };

    let longer = parent("2", |rules| rules.replace("days = 14", "days = 21"));
    let fits = below(&longer);
    assert!(fits.unfit.is_empty());
    let [(pack, text, of)] = &fits.fit[..] else { panic!("{fits:?}") };
    let district = set.at(330_106, now);
    assert!(*of == district.digest && pack.digest != district.digest && text.0 == own.0);
    assert_eq!((&*pack.id, &*pack.version), ("xihu", "1"));
    assert!(pack.rule("HZ-YELLOW-OVERSEAS").is_none(), "its own words hold");
    let contact = |p: &Pack| format!("{:?}", p.rule("HZ-RED-CONTACT").unwrap().then);
    assert_ne!(contact(pack), contact(district), "and the parent's new ones");

    let gone = parent("2", |text| text.replace("HZ-YELLOW-OVERSEAS", "HZ-YELLOW-ABROAD"));
    let refused = below(&gone);
    let (id, errors) = &refused.unfit[0];
    let told: Vec<_> = errors.iter().map(|(file, d)| (file.to_owned(), d.code)).collect();
    assert!(refused.fit.is_empty() && **id == *"xihu", "{refused:?}");
    assert!(told.contains(&("rules.toml".to_owned(), "pack.replace")), "{told:?}");
    assert!(below(&hangzhou()).fit.is_empty(), "the same text alters nothing");
    assert!(fits.lost.is_empty() && refused.lost.is_empty());
    // Whose own text is another one by now, or is nowhere: what it would come to is not known, and that is said.
    let pack = Pack::load_with(&longer, &library).unwrap();
    let other = child("", "[[off]]\nrule = \"HZ-RED-FALSE\"\nreason = \"somebody edited the folder\"");
    for texts in [vec![hangzhou()], vec![hangzhou(), other]] {
        let lost = Below::of(&set, &pack, &longer, &Library::new(texts), now);
        assert!(lost.fit.is_empty() && lost.unfit.is_empty());
        assert_eq!(lost.lost, ["xihu".into()]);
    }
}

/// Published before rules had to say where they are published, it hinders no text of its parent.
#[test]
fn a_child_of_an_earlier_service_goes_over_to_a_new_text_of_its_parent() {
    let source = "source = { title = \"\", url = \"\", grade = \"press\" }";
    let own = child("", &format!("[[replace]]\nrule = \"HZ-RED-CONTACT\"\nrepeat = \"restart\"\n{source}\n"));
    let (set, library) = city_and_district(&own);
    assert!(Pack::load_with(&own, &library).is_err_and(|e| e.iter().all(|(_, d)| d.code == "pack.source")));
    let longer = parent("2", |rules| rules.replace("days = 14", "days = 21"));
    let pack = Pack::load_with(&longer, &library).unwrap();
    let below = Below::of(&set, &pack, &longer, &library, Instant(1_000_000));
    assert!(below.unfit.is_empty() && below.lost.is_empty(), "{below:?}");
    assert_eq!(below.fit.len(), 1);
}

#[test]
fn a_child_in_force_goes_over_to_a_new_parent_with_the_stage_that_covers_it_and_back_with_it() {
    let own = child("", "");
    let (start, library) = city_and_district(&own);
    let text = parent("2", |rules| rules.replace("days = 14", "days = 21"));
    let new = Arc::new(Pack::load_with(&text, &library).unwrap());
    let below = Below::of(&start, &new, &text, &library, Instant(50));
    let (recomposed, _, of) = &below.fit[0];
    let stage = |division: &str| Stage { division: division.into(), hold_s: 10, forecast: 0, margin: 0 };
    let terms = |pack: &Pack, stages: &[&str], children: Vec<Child>| Terms {
        digest: pack.digest.to_string(),
        pack: pack.id.to_string(),
        version: pack.version.to_string(),
        division: pack.division.to_string(),
        reference: "r".into(),
        starts_at: Instant(100),
        sunset: Instant(1_000),
        shadow_s: 5,
        stages: stages.iter().map(|division| stage(division)).collect(),
        children,
    };
    let children = vec![Child {
        digest: recomposed.digest.to_string(),
        of: of.to_string(),
        pack: recomposed.id.to_string(),
        version: recomposed.version.to_string(),
        division: recomposed.division.to_string(),
    }];
    let step = |id: u8, seq: i64, at: i64, what: What| Step {
        publication: [id; 16],
        seq,
        at: Instant(at),
        officer: if seq == 0 { "maker" } else { "signer" }.into(),
        what,
    };
    let steps = |id: u8, terms: &Terms, from: &[i64]| {
        let mut all = vec![
            step(id, 0, 1, What::Proposed(terms.clone())),
            step(id, 1, 2, What::Signed { digest: terms.digest.clone() }),
            step(id, 2, 3, What::Shadow { until: Instant(8) }),
        ];
        for (i, from) in from.iter().enumerate() {
            let what = What::Staged { stage: i, from: Instant(*from) };
            all.push(step(id, 3 + i as i64, 9 + i as i64, what));
        }
        all
    };
    let mut packs: BTreeMap<String, Arc<Pack>> =
        [&new, recomposed].map(|p| (p.digest.to_string(), Arc::clone(p))).into();
    let set_of = |steps: &[Step], packs: &BTreeMap<String, Arc<Pack>>| {
        let all = fold(steps);
        let all: Vec<&Publication> = all.iter().collect();
        let (entries, voids) = in_force(&all, packs, "3301").unwrap();
        assert!(voids.iter().all(|v| packs.contains_key(&*v.digest)));
        (start.with(entries, voids.clone()).unwrap(), voids.len())
    };
    let at = |set: &PackSet, place: u64, at: i64| set.at(place, Instant(at)).digest.to_string();
    let before = of.to_string();
    let city = terms(&new, &["330102", "330105", "3301"], children);
    let mut all = steps(1, &city, &[100, 150, 200]);
    let (set, _) = set_of(&all, &packs);
    assert_eq!(at(&set, 330_106, 199), before, "no stage covers it yet");
    assert_eq!(at(&set, 330_106, 200), *recomposed.digest);
    assert_eq!(at(&set, 330_108, 200), *new.digest, "elsewhere in the city the parent itself");
    assert_eq!(at(&set, 330_102, 160), *new.digest, "a stage stays while one elsewhere begins");
    assert_eq!(at(&set, 330_106, 1_000), before, "past the sunset");

    // The parent ends: so does what the child had from it, for good.
    let ended = What::Ended { from: Instant(300), how: "rolled_back".into(), reason: "r".into() };
    let mut back = all.clone();
    back.push(step(1, 6, 290, ended));
    let (set, voids) = set_of(&back, &packs);
    assert_eq!((at(&set, 330_106, 299), at(&set, 330_106, 300)), (recomposed.digest.to_string(), before));
    assert_eq!(voids, 2);

    // The district publishes another text of its own: that stands, also where the parent's last stage comes later.
    let mut newer = own.clone();
    let head = newer.0.get_mut("pack.toml").unwrap();
    *head = head.replace("version = \"1\"", "version = \"2\"");
    let newer = Arc::new(Pack::load_with(&newer, &library).unwrap());
    packs.insert(newer.digest.to_string(), Arc::clone(&newer));
    all.extend(steps(2, &terms(&newer, &[DISTRICT], Vec::new()), &[180]));
    let (set, _) = set_of(&all, &packs);
    assert_eq!(
        (at(&set, 330_106, 190), at(&set, 330_106, 250)),
        (newer.digest.to_string(), newer.digest.to_string())
    );
}
