//! Packs of sites: a campus or an enterprise adds duties and flags to the pack of its place, and never a
//! colour. `KANGMA_DRILL=1` writes many more packs.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::shipped::shipped;
use kangma_core::decision::Decision;
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::cases::timelines;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::pack::{Library, Pack, PackErrors, PackFiles, Site};
use kangma_core::rules::set::{BadSet, Entry, PackSet};
use kangma_core::time::Instant;

static SHIPPED: LazyLock<BTreeMap<String, PackFiles>> = LazyLock::new(|| {
    let id = |files: &PackFiles| {
        let line = files.0["pack.toml"].lines().find_map(|l| l.strip_prefix("id = \"")).unwrap().to_owned();
        line.trim_end_matches('"').to_owned()
    };
    shipped().into_iter().map(|files| (id(&files), files)).collect()
});

fn library() -> Library {
    Library::new(SHIPPED.values().cloned())
}

fn files(texts: &[(&str, &str)]) -> PackFiles {
    PackFiles(texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

const CITY: &str = "hangzhou-2020-02-17";
const SOURCE: &str = "source = { title = \"T\", url = \"https://example.org\", grade = \"D\" }";

fn head(place: &str) -> String {
    format!(
        "id = \"campus\"\nextends = \"{place}\"\nsite = \"campus\"\nversion = \"1\"\ndivision = \"330106\"\neffective = \"2020-03-02T00:00:00+08:00\"\n"
    )
}

/// A campus under a place: lines of its three files, and the ids of its rules that need words.
fn campus(place: &str, pack: &str, rules: &str, words: &str, ids: &[&str]) -> PackFiles {
    let told = ids.iter().map(|id| {
        format!("\n[rules.{id}]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\nwaits_for = \"f\"\n")
    });
    let words = format!("name = \"Campus\"\n{words}\n{}", told.collect::<String>());
    let pack = head(place) + pack;
    files(&[
        ("pack.toml", &pack),
        ("rules.toml", rules),
        ("words/zh.toml", &words),
        ("words/en.toml", &words),
    ])
}

fn load(files: &PackFiles) -> Result<Pack, PackErrors> {
    Pack::load_with(files, &library())
}

fn flag(id: &str, more: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\non = \"check_in\"\nwhen = 'fact.temperature_c >= 36.9'\nflag = {{ task = \"wait\", release = {{ days = 2 }} }}\n{SOURCE}\n{more}\n"
    )
}

#[test]
fn a_site_adds_flags_duties_conditions_questions_lists_and_texts() {
    let pack = "[form]\nfields = [{ field = \"left_on\", required = false }]\n[areas]\nown = [{ code = \"330106\" }]\n[ours]\nall = \"it is\"";
    let rules = format!(
        "[conditions.declaration]\naway = 'has(fact.left_on)'\n{}{}[[table]]\nid = \"T\"\non = \"declaration\"\nhit = \"first\"\notherwise = \"nothing\"\ninputs = {{ away = \"away\" }}\n{SOURCE}\n[[table.row]]\nid = \"SITE-ROW\"\nwhen = {{ away = true }}\nflag = {{ task = \"register\", release = {{ confirmed_by = \"community\" }} }}\n",
        flag("SITE-A", ""),
        "[[rule]]\nid = \"SITE-DUTY\"\non = \"check_in\"\nwhen = 'true'\nlapse = { hours = 36 }\nflag = { task = \"check_in\", release = { check_ins_in_a_row = 1 } }\n".to_owned() + SOURCE + "\n",
    );
    let words = "[fields.left_on]\nlabel = \"l\"\n[areas]\nown = \"o\"";
    let files = campus(CITY, pack, &rules, words, &["SITE-A", "SITE-DUTY", "SITE-ROW"]);
    let site = load(&files).unwrap_or_else(|e| panic!("{e}"));
    let place = load(&SHIPPED[CITY]).unwrap();
    assert_eq!((site.site, place.site), (Some(Site::Campus), None));
    assert_eq!(&*site.division, "330106");
    assert_eq!(site.rules.len(), place.rules.len() + 3);
    assert!(site.rules[place.rules.len()..].iter().all(|r| r.is_flag() && site.is_own(&r.id)));
    assert!(site.rules[..place.rules.len()].iter().all(|r| !site.is_own(&r.id)));
    assert_eq!(site.form.fields.len(), place.form.fields.len() + 1);
    let enterprise = head(CITY).replace("\"campus\"\nversion", "\"enterprise\"\nversion");
    let mut other = campus(CITY, "", "", "", &[]);
    other.0.insert("pack.toml".into(), enterprise);
    assert_eq!(load(&other).unwrap_or_else(|e| panic!("{e}")).site, Some(Site::Enterprise));
}

/// Everything that gives, keeps or ends a colour, or tells of one otherwise: code, and what is shown.
#[test]
fn whatever_touches_a_colour_is_refused_with_its_place() {
    let pack = |line: &str| campus(CITY, line, "", "", &[]);
    let rule = |more: &str| campus(CITY, "", &flag("SITE-A", more), "", &["SITE-A"]);
    let rules = |text: &str| campus(CITY, "", text, "", &[]);
    let words = |text: &str| campus(CITY, "", "", text, &[]);
    let red = "stages = [{ colour = \"red\", release = { days = 1 } }]";
    let table = format!(
        "[[table]]\nid = \"T\"\non = \"declaration\"\nhit = \"first\"\notherwise = \"nothing\"\ninputs = {{ c = \"fact.contact\" }}\n{SOURCE}\n[[table.row]]\nid = \"SITE-ROW\"\nwhen = {{ c = \"confirmed\" }}\n{red}\n"
    );
    let mut all: Vec<(PackFiles, &str, &str)> = vec![
        // Settings.
        (pack("on_new_version = \"convert\""), "pack.site_setting", "pack.toml:7:1"),
        (pack("zone = \"Asia/Urumqi\""), "pack.site_setting", "zone is the place's"),
        (pack("sunset = \"2020-04-01T00:00:00+08:00\""), "pack.site_setting", "sunset"),
        (pack("languages = [\"zh\", \"en\"]"), "pack.site_setting", "languages"),
        (pack("[pass]\nlifetime_s = 7200"), "pack.site_setting", "pass is the place's"),
        (pack("[check_in]\non_missed_day = \"pause\""), "pack.site_setting", "pack.toml:7:2"),
        (pack("[appeals]\ntarget_hours = 24"), "pack.site_setting", "appeals"),
        (pack("[display]\ngreen = \"blue\""), "pack.site_setting", "display"),
        (pack("[vocabulary]\nsymptoms = [\"fever\"]"), "pack.site_setting", "vocabulary"),
        (pack("[calendar]\nholidays = [2020-03-02]"), "pack.site_setting", "calendar"),
        (pack("[retention]\ncheck_in = 400"), "pack.site_setting", "retention"),
        (pack("[areas]\nkey = []"), "pack.site_setting", "pack.toml:8:1"),
        // The form.
        (pack("[form]\ncommitment = \"2\""), "pack.site_form", "commitment"),
        (pack("[form]\nwithout = [\"contact\"]"), "pack.site_form", "without"),
        (
            pack("[[form.fields]]\nfield = \"temperature_c\"\nrequired = true\nmin = 30.0\nmax = 45.0"),
            "pack.site_form",
            "temperature_c is asked by the place",
        ),
        (pack("[[form.fields]]\nfield = \"left_on\"\nrequired = true"), "pack.site_form", "pack.toml:9:12"),
        // Rules.
        (rule(red), "pack.site_rule", "stages give a colour"),
        (rule("grey = true"), "pack.site_rule", "grey takes one away"),
        (rule("review = true"), "pack.site_rule", "waits for a reviewer"),
        (rule("releases = [\"CN-RED-CASE\"]"), "pack.site_rule", "a release ends one"),
        (rule("order = { days_max = 3 }"), "pack.site_rule", "orders are the place's"),
        (rule("replaces = \"CN-RED-CASE\""), "pack.site_rule", "the rules above are the place's"),
        (rules(&flag("SITE-A", "").replace("check_in\"\n", "order\"\n")), "pack.site_rule", "rules.toml:3:6"),
        (rules(&flag("CAMPUS-A", "")), "pack.site_rule", "id = \"SITE-CAMPUS-A\""),
        (
            rules(&format!("[[rule]]\nid = \"SITE-A\"\non = \"check_in\"\nwhen = 'true'\n{SOURCE}")),
            "pack.site_rule",
            "opens no flag",
        ),
        (rules(&table), "pack.site_rule", "SITE-ROW: stages give a colour"),
        (rules("[[off]]\nrule = \"CN-RED-CASE\"\nreason = \"r\""), "pack.site_rule", "rules.toml:1:3"),
        (
            rules(&format!("[[replace]]\nrule = \"CN-RED-CASE\"\nrepeat = \"keep\"\n{SOURCE}")),
            "pack.site_rule",
            "[[replace]]",
        ),
        (
            campus("fiction-cicada-fever", "", "[conditions.declaration]\nrash = 'false'", "", &[]),
            "pack.site_rule",
            "rash is a condition of the place",
        ),
        // Texts.
        (words("[colours]\nred = \"Blue code\""), "pack.site_words", "colours.red"),
        (words("yes = \"No\""), "pack.site_words", "yes is a text of the place"),
        (words("[rules.CN-RED-CASE]\nwaits_for = \"x\""), "pack.site_words", "rules.CN-RED-CASE"),
        (words("[fields.contact]\nhelp = \"x\""), "pack.site_words", "fields.contact"),
        // What it stands on.
        (campus("campus-2", "", "", "", &[]), "pack.site", "nothing"),
        (
            files(&[("pack.toml", &head(CITY).replace(&format!("extends = \"{CITY}\"\n"), ""))]),
            "pack.site",
            "pack.toml:2:1",
        ),
    ];
    let mut certified = pack("");
    certified.0.insert("certlogic/EU.json".into(), "[]".into());
    all.push((certified, "pack.site_setting", "certlogic/EU.json"));
    let mut below = campus("campus-2", "", "", "", &[]);
    let plain = below.0["pack.toml"].replace("site = \"campus\"\n", "");
    below.0.insert("pack.toml".into(), plain);
    all.push((below, "pack.site", "campus-2 is a site's pack, and no pack extends it"));
    let mut place = SHIPPED["nation-2020"].clone();
    let text = place.0["rules.toml"].replace("CN-RED-CASE", "SITE-RED-CASE");
    place.0.insert("rules.toml".into(), text);
    all.push((place, "pack.rule_id", "so begin the ids of rules of sites"));

    let mut library = library();
    let mut second = campus(CITY, "", "", "", &[]);
    let text = second.0["pack.toml"].replace("\"campus\"\nextends", "\"campus-2\"\nextends");
    second.0.insert("pack.toml".into(), text);
    library.put(second);
    for (files, code, shows) in all {
        let Err(errors) = Pack::load_with(&files, &library) else { panic!("{shows}: {files:?} loads") };
        let shown = errors.to_string();
        let found = errors.iter().any(|(_, d)| d.code == code);
        assert!(found && (shows == "nothing" || shown.contains(shows)), "{code} {shows}: {shown}");
        assert!(errors.iter().filter(|(_, d)| d.code == code).all(|(_, d)| d.help.is_some()), "{shown}");
    }
}

#[test]
fn a_site_asks_nothing_that_a_rule_of_the_place_reads() {
    // A place that has rules on what it does not ask itself.
    let city = |rules: &str| {
        files(&[
            (
                "pack.toml",
                "id = \"quiet\"\nextends = \"hangzhou-2020-02-17\"\nversion = \"1\"\ndivision = \"3301\"\neffective = \"2020-02-18T00:00:00+08:00\"\n[form]\nwithout = [\"overseas\", \"visited\", \"contact_on\", \"arrives_on\"]\n",
            ),
            ("rules.toml", rules),
            (
                "words/zh.toml",
                "name = \"q\"\n[rules.Q-AREA]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\nwaits_for = \"f\"",
            ),
            (
                "words/en.toml",
                "name = \"q\"\n[rules.Q-AREA]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\nwaits_for = \"f\"",
            ),
        ])
    };
    let rule = |on: &str, when: &str, release: &str| {
        format!(
            "[[rule]]\nid = \"Q-AREA\"\non = \"{on}\"\nwhen = '{when}'\nstages = [{{ colour = \"yellow\", release = {{ {release} }} }}]\n{SOURCE}\n"
        )
    };
    let of_place = "area(fact.residence, \"high\")";
    let ask = |field: &str, rules: &str| {
        let mut library = library();
        library.put(city(rules));
        // The place has words for what it asks no more.
        let words = if field == "left_on" { "[fields.left_on]\nlabel = \"l\"" } else { "" };
        let pack = format!("[[form.fields]]\nfield = \"{field}\"\nrequired = false\n");
        Pack::load_with(&campus("quiet", &pack, "", words, &[]), &library)
    };
    let plain = rule("declaration", of_place, "area_below = \"high\"");
    for (field, rules, by) in [
        ("overseas", plain.clone(), "HZ-YELLOW-OVERSEAS"),
        ("visited", plain.clone(), "ZJ-RED-KEY-AREA"),
        ("left_on", rule("declaration", of_place, "days = 7, days_from = \"fact.left_on\""), "Q-AREA"),
        (
            "left_on",
            rule(
                "listed",
                "fact.list == \"released\"",
                "fact = { on = \"declaration\", when = 'has(fact.left_on)' }",
            ),
            "Q-AREA",
        ),
    ] {
        let errors = ask(field, &rules).expect_err(field).to_string();
        assert!(
            errors.contains("pack.site_form") && errors.contains(&format!("{field} is read by {by}")),
            "{errors}"
        );
    }
    for field in ["left_on", "contact_on", "arrives_on"] {
        ask(field, &plain).unwrap_or_else(|e| panic!("{field}: {e}"));
    }
    // Every place of a declaration counts where an area has to be left, and where an area that begins is asked.
    let mut bare = city(&rule("declaration", of_place, "area_below = \"high\""));
    let off = "[[off]]\nrule = \"ZJ-RED-KEY-AREA\"\nreason = \"r\"\n[[off]]\nrule = \"ZJ-YELLOW-HIGH-AREA\"\nreason = \"r\"\n";
    for (rules, refused) in [
        (rule("declaration", of_place, "area_below = \"high\""), true),
        (rule("declaration", of_place, "days = 3") + "standing = true\n", true),
        (rule("declaration", of_place, "days = 3"), false),
    ] {
        bare.0.insert("rules.toml".into(), format!("{rules}{off}"));
        let found = ask("visited", &bare.0["rules.toml"]);
        assert_eq!(found.is_err(), refused, "{rules}: {found:?}");
    }
}

/// Numbers counted out from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Lines of `pack.toml` that a site may want to write; a table's name and its lines.
const SETTINGS: &[(&str, &str)] = &[
    ("", "on_new_version = \"convert\""),
    ("", "on_new_version = \"keep\""),
    ("", "zone = \"America/New_York\""),
    ("", "sunset = \"2032-01-01T00:00:00+08:00\""),
    ("check_in", "normal = 'fact.temperature_c < 45.0'"),
    ("check_in", "on_missed_day = \"pause\""),
    ("check_in", "on_abnormal = \"ignore\""),
    ("check_in", "opening_day_counts = false"),
    ("vocabulary", "symptoms = [\"fever\"]"),
    ("areas", "key = []"),
    ("areas", "high = [{ code = \"33\" }]"),
    ("areas", "closed = []"),
    ("areas", "own = [{ code = \"33\" }]"),
    ("form", "without = [\"overseas\"]"),
    ("calendar", "holidays = [\"2020-03-02\"]"),
    ("ours", "own = \"ours\""),
];
const RULES: &[&str] = &[
    "[[off]]\nrule = \"ID\"\nreason = \"r\"",
    "[[replace]]\nrule = \"ID\"\nstages = [{ colour = \"yellow\", release = { days = 1 } }]\nSOURCE",
    "[[replace]]\nrule = \"ID\"\nflag = { task = \"wait\", release = { days = 1 } }\nstages = []\nSOURCE",
    "[conditions.declaration]\nrash = 'false'\nhot = 'false'",
    "[conditions.declaration]\nown = 'fact.overseas'",
    "[[table]]\nid = \"T\"\non = \"declaration\"\nhit = \"first\"\notherwise = \"nothing\"\ninputs = { c = \"fact.contact\" }\nSOURCE\n[[table.row]]\nid = \"SITE-ROW\"\nwhen = { c = \"confirmed\" }\nflag = { task = \"wait\", release = { days = 1 } }",
];
const ON: &[(&str, &str)] = &[
    ("declaration", "true"),
    ("declaration", "fact.contact != \"none\""),
    ("declaration", "area(fact.residence, \"own\")"),
    ("declaration", "area(fact.residence, \"key\")"),
    ("check_in", "true"),
    ("check_in", "fact.temperature_c >= 37.0"),
    ("listed", "true"),
    ("listed", "fact.list == \"close_contact\""),
    ("test", "fact.result == \"positive\""),
    ("finding", "true"),
    ("arrival", "true"),
    ("quarantine", "true"),
    ("order", "true"),
];
const RELEASES: &[&str] = &[
    "days = 1",
    "days = 5",
    "check_ins_in_a_row = 2",
    "negative_tests = 1",
    "confirmed_by = \"county\"",
    "fact = { on = \"listed\", when = 'fact.list == \"released\"' }",
    "fact = { on = \"check_in\", when = 'true' }",
    "area_below = \"key\"",
];
const MORE: &[&str] = &[
    "standing = true",
    "repeat = \"restart\"",
    "",
    "lapse = { days = 2 }",
    "lapse = { hours = 30, also = [\"declaration\", \"listed\"] }",
    "lapse = { days = 1, since = \"2020-02-20\" }",
];
const COLOURING: &[&str] = &[
    "stages = [{ colour = \"red\", release = { days = 3 } }]",
    "stages = [{ colour = \"yellow\", release = { check_ins_in_a_row = 2 } }]",
    "review = true",
    "grey = true\nlapse = { days = 1 }",
    "releases = [\"ID\"]\norder = { days_max = 3 }",
    "order = { days_max = 3, urgent = true }",
    "replaces = \"ID\"",
];

/// A site's pack as somebody might write it who wants other colours than the place gives.
fn written(dice: &mut Dice, place: &str, ids: &[&str]) -> PackFiles {
    let mut settings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for _ in 0..dice.below(2) {
        let (table, line) = dice.one(SETTINGS);
        settings.entry(table).or_default().push(line);
    }
    settings.entry("areas").or_default().push("own = [{ code = \"33\", from = \"2020-02-20\" }]");
    settings.values_mut().for_each(|lines| lines.dedup_by_key(|l| l.split(' ').next()));
    let table = |(name, lines): (&&str, &Vec<&str>)| match *name {
        "" => lines.join("\n") + "\n",
        name => format!("[{name}]\n{}\n", lines.join("\n")),
    };
    let pack: String = settings.iter().map(table).collect();
    let (mut rules, mut own) = (String::new(), Vec::new());
    for n in 0..1 + dice.below(4) {
        let id = match dice.below(12) {
            0 => (*dice.one::<&str>(ids)).to_owned(),
            1 => "OLD-RED".to_owned(),
            _ => format!("SITE-{n}"),
        };
        let (on, when) = dice.one(ON);
        let more = dice.one::<&str>(MORE);
        // Most of them as they may be: a duty that somebody can do, and what stands is a declaration.
        let more = if more.starts_with("standing") && *on != "declaration" { "" } else { more };
        let releases =
            if more.starts_with("lapse") { &RELEASES[2..7] } else { &RELEASES[..7 + dice.below(2)] };
        rules += &format!("[[rule]]\nid = \"{id}\"\non = \"{on}\"\nwhen = '{when}'\n{SOURCE}\n{more}\n");
        let colouring = dice.once_in(12);
        if colouring {
            rules += &(dice.one::<&str>(COLOURING).replace("ID", dice.one::<&str>(ids)) + "\n");
        }
        if !(colouring && dice.once_in(2)) {
            rules +=
                &format!("flag = {{ task = \"wait\", release = {{ {} }} }}\n", dice.one::<&str>(releases));
        }
        own.push(id);
    }
    if dice.once_in(4) {
        rules += &dice.one(RULES).replace("ID", dice.one::<&str>(ids)).replace("SOURCE", SOURCE);
        own.extend(rules.contains("SITE-ROW").then(|| "SITE-ROW".to_owned()));
    }
    own.sort();
    own.dedup();
    let told: Vec<&str> = own.iter().map(String::as_str).filter(|id| !ids.contains(id)).collect();
    let mut files = campus(place, &pack, &rules, "", &told);
    // At any time, and in a part of the place or all of it.
    let effective = dice.one(&["2020-02-11", "2020-03-02", "2020-06-01", "2033-01-01"]);
    let text = files.0["pack.toml"].replace("2020-03-02T", &format!("{effective}T"));
    let division = pack_line(place, "division");
    let division = if dice.once_in(2) { division } else { part_of(&division) };
    files.0.insert("pack.toml".into(), text.replace("330106", &division));
    files
}

fn pack_line(place: &str, key: &str) -> String {
    let start = format!("{key} = \"");
    let line = SHIPPED[place].0["pack.toml"].lines().find_map(|l| l.strip_prefix(&start)).unwrap();
    line.trim_end_matches('"').to_owned()
}

fn part_of(division: &str) -> String {
    match division {
        "42" => "420106".to_owned(),
        "0" | "33" | "3301" => "330106".to_owned(),
        other => other.to_owned(),
    }
}

/// An earlier text of a place's pack, with a rule that is gone since.
fn earlier(place: &str) -> PackFiles {
    let mut files = SHIPPED[place].clone();
    let put = |files: &mut PackFiles, name: &str, more: &str| {
        let text = files.0[name].clone() + more;
        files.0.insert(name.into(), text);
    };
    put(
        &mut files,
        "rules.toml",
        &format!(
            "\n[[rule]]\nid = \"OLD-RED\"\non = \"declaration\"\nwhen = 'fact.residence.startsWith(\"3301\") || fact.residence.startsWith(\"4201\")'\nstages = [{{ colour = \"red\", release = {{ days = 9 }} }}]\n{SOURCE}\n"
        ),
    );
    for lang in ["words/zh.toml", "words/en.toml"] {
        put(&mut files, lang, "\n[rules.OLD-RED]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\n");
    }
    let text = files.0["pack.toml"].replacen("version = \"1.0.0\"", "version = \"0.9\"", 1);
    assert!(text.contains("\"0.9\""));
    files.0.insert("pack.toml".into(), text);
    files
}

/// All that says which colour somebody has, why, and until when.
fn coloured(d: &Decision) -> String {
    let mut episodes = d.episodes.clone();
    episodes.iter_mut().for_each(|e| e.version = "".into());
    format!("{:?} {:?} {episodes:?} {:?} {:?} {:?}", d.status, d.colour, d.lasts, d.expired, d.review)
}

/// A person's decisions one after the other, each recorded, under the pack that answers at the time.
/// One fact comes late, when half of them are made.
fn followed(facts: &Facts, late: usize, at: &[Instant], packs: &[&Pack]) -> Vec<String> {
    let others = facts.iter().enumerate().filter(|(i, _)| *i != late).map(|(_, fact)| fact.clone());
    let mut known: Facts = others.collect();
    let decide_next = |(i, now): (usize, &Instant)| {
        // Each pack for its share of the instants, in order.
        let pack = packs[i * packs.len() / at.len()];
        if i == at.len() / 2 {
            facts.iter().nth(late).into_iter().for_each(|f| known.push(f.clone()));
        }
        let decision = decide(pack, &known, &Context { areas: pack.areas() }, *now);
        decision.records.iter().for_each(|f| known.push(f.clone()));
        coloured(&decision)
    };
    at.iter().enumerate().map(decide_next).collect()
}

/// Whatever a site writes, nobody has another colour than under the pack of its place: under one text, from
/// one text of the site to the next, and where the place changed its own meanwhile.
#[test]
fn no_text_of_a_site_changes_anybodys_colour() {
    let packs = if std::env::var_os("KANGMA_DRILL").is_some() { 10_000 } else { 240 };
    let library = library();
    let people: Vec<(String, Facts, Vec<Instant>)> = SHIPPED
        .iter()
        .flat_map(|(id, files)| {
            let all = timelines(&Pack::load_with(files, &library).unwrap(), files);
            all.into_iter().map(move |t| (id, t))
        })
        .map(|(id, t)| {
            // Also between and after what its case looks at.
            let mut at: Vec<Instant> = t.at.iter().flat_map(|at| [*at, at.plus_s(90_000)]).collect();
            at.extend([1, 3, 8, 20].map(|days| t.at[t.at.len() - 1].plus_s(days * 86_400)));
            at.sort_unstable();
            (id.clone(), t.facts, at)
        })
        .collect();
    let (mut dice, mut refused, mut flagged, mut compared) = (Dice(20), 0, 0, 0);
    for place_id in [CITY, "hubei-2020-03", "fiction-cicada-fever", "nation-2020"] {
        let place = Pack::load_with(&SHIPPED[place_id], &library).unwrap();
        let ids: Vec<&str> = place.rules.iter().map(|r| &*r.id).collect();
        let mut library_then = library.clone();
        library_then.put(earlier(place_id));
        let place_then = Pack::load_with(&earlier(place_id), &library_then).unwrap_or_else(|e| panic!("{e}"));
        // The site that was written before, now and when its place had the earlier text.
        let here: Vec<_> = people.iter().filter(|(id, ..)| id == place_id).cloned().collect();
        let mut before: Option<(Pack, Pack)> = None;
        for _ in 0..packs / 4 {
            let files = written(&mut dice, place_id, &ids);
            let Ok(site) = Pack::load_with(&files, &library) else {
                refused += 1;
                continue;
            };
            for n in 0..8 {
                let (_, facts, at) = dice.one(if n % 2 == 0 { &here } else { &people });
                let own = |pack: &Pack| -> Vec<Decision> {
                    at.iter().map(|now| decide(pack, facts, &Context { areas: pack.areas() }, *now)).collect()
                };
                let told = || format!("{place_id}: {files:?}\n{facts:?}");
                flagged += own(&site)
                    .iter()
                    .filter(|d| d.flags.iter().any(|f| f.episode.rule.starts_with("SITE-")))
                    .count();
                compared += at.len();
                let one: Vec<String> = own(&site).iter().map(coloured).collect();
                assert_eq!(one, own(&place).iter().map(coloured).collect::<Vec<_>>(), "{}", told());
                let Some((then, earliest)) = &before else { continue };
                let late = dice.below(facts.len() + 1);
                let site_ways = [earliest, then, &site];
                let place_ways = [&place_then, &place, &place];
                assert_eq!(
                    followed(facts, late, at, &site_ways),
                    followed(facts, late, at, &place_ways),
                    "{}",
                    told()
                );
            }
            before = Pack::load_with(&files, &library_then).ok().map(|earliest| (site, earliest));
        }
    }
    assert!(refused * 5 > packs && refused * 5 < packs * 4, "{refused} of {packs} are refused");
    assert!(flagged * 10 > compared, "{flagged} flags in {compared} decisions");
}

#[test]
fn a_site_stands_alone_in_a_set_with_nothing_but_what_it_extends() {
    let shipped = |id: &str| Arc::new(load(&SHIPPED[id]).unwrap());
    let site = shipped("fiction-campus-2020");
    let chain = [CITY, "zhejiang-2020-02-17", "nation-2020"].map(shipped);
    let all = |more: &[Arc<Pack>]| [more, &[Arc::clone(&site)], &chain[..]].concat();
    let set = PackSet::of(all(&[])).unwrap();
    // Wherever somebody is, and whenever.
    for (place, at) in
        [(330_106, "2020-03-05"), (420_106, "2020-03-05"), (0, "2019-01-01"), (330_106, "2030-01-01")]
    {
        let at = Instant::parse(&format!("{at}T00:00:00+08:00")).unwrap();
        assert_eq!(&*set.at(place, at).id, "fiction-campus-2020");
    }
    let refused = |set: Result<PackSet, BadSet>, site: &str, other: &str| match set {
        Err(BadSet::Site(a, b)) => assert_eq!((&*a, &*b), (site, other)),
        found => panic!("{found:?}"),
    };
    refused(PackSet::of(all(&[shipped("hubei-2020-03")])), "fiction-campus-2020", "hubei-2020-03");
    let second = Arc::new(load(&campus(CITY, "", "", "", &[])).unwrap());
    refused(PackSet::of(vec![second, Arc::clone(&site)]), "campus", "fiction-campus-2020");
    // Published beside a place's, or a place's beside it: one of one division would stand before the other.
    let entry = |pack: &Arc<Pack>| {
        vec![Entry { pack: Arc::clone(pack), covers: "330106".into(), from: Instant::MIN, until: None }]
    };
    let city = PackSet::single(Arc::clone(&chain[0]));
    refused(city.with(entry(&site), Vec::new()), "fiction-campus-2020", CITY);
    refused(set.with(entry(&chain[0]), Vec::new()), "fiction-campus-2020", CITY);
    assert!(set.with(Vec::new(), Vec::new()).is_ok());
    assert!(city.with(entry(&chain[1]), Vec::new()).is_ok());
}

/// The first day of the place's duties, and what is on record of its episodes, whatever the site's text is.
#[test]
fn duties_and_records_of_the_place_stay_the_places() {
    let words = "name = \"p\"\n[rules.P-LAPSE]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\n";
    let rules = format!(
        "[[rule]]\nid = \"P-LAPSE\"\non = \"check_in\"\nwhen = 'true'\nlapse = {{ days = 3 }}\nstages = [{{ colour = \"yellow\", release = {{ check_ins_in_a_row = 1 }} }}]\n{SOURCE}\n"
    );
    let cases = r#"
[defaults.check_in]
temperature_c = 36.5
symptoms = []
[[case]]
name = "lapses"
facts = [{ kind = "declaration", at = "2020-02-20 10:00", subject = "resident", residence = "330106", contact = "none" }, { kind = "check_in", at = "2020-02-20 11:00", temperature_c = 36.5, symptoms = [] }]
expect = [{ at = "2020-02-25 12:00", colour = "yellow" }]
[[case]]
name = "a check-in that is withdrawn later"
facts = [{ kind = "declaration", at = "2020-02-20 10:00", subject = "resident", residence = "330106", contact = "confirmed" }, { kind = "check_in", id = "c", at = "2020-02-21 08:00", temperature_c = 36.5, symptoms = [] }, { kind = "correction", at = "2020-03-06 10:00", of = "c", reason = "r" }]
check_ins = [{ from = "2020-02-20", days = 1 }, { from = "2020-02-22", days = 13 }]
expect = [{ at = "2020-03-05 12:00", colour = "green" }, { at = "2020-03-06 12:00", colour = "red" }]
"#;
    let head = "id = \"p\"\nextends = \"hangzhou-2020-02-17\"\nversion = \"1\"\ndivision = \"3301\"\neffective = \"2020-02-18T00:00:00+08:00\"\n";
    let place_files = files(&[
        ("pack.toml", head),
        ("rules.toml", &rules),
        ("words/zh.toml", words),
        ("words/en.toml", words),
        ("cases/a.toml", cases),
    ]);
    let mut library = library();
    library.put(place_files.clone());
    let place = Pack::load_with(&place_files, &library).unwrap_or_else(|e| panic!("{e}"));
    let site = |rules: &str, ids: &[&str]| {
        let mut files = campus("p", "", rules, "", ids);
        let text = files.0["pack.toml"].replace("2020-03-02T", "2020-06-01T");
        files.0.insert("pack.toml".into(), text);
        Pack::load_with(&files, &library).unwrap_or_else(|e| panic!("{e}"))
    };
    let (first, second) = (site("", &[]), site(&flag("SITE-A", ""), &["SITE-A"]));
    let people = timelines(&place, &place_files);
    for (person, last) in people.iter().zip(["Yellow", "Red"]) {
        // Two instants, so that the second site's text finds what the first has recorded.
        let never = person.facts.len();
        let told = followed(&person.facts, never, &person.at, &[&first, &second]);
        assert_eq!(told, followed(&person.facts, never, &person.at, &[&place]), "{}", person.name);
        assert!(told.len() == 1 || told[0].starts_with("Active Some(Green)"), "{told:?}");
        assert!(told[told.len() - 1].starts_with(&format!("Active Some({last})")), "{told:?}");
    }
}

fn warm(at: &str) -> Fact {
    let happened = Instant::parse(at).unwrap();
    let (id, source) = (FactId([7; 16]), Source::Resident);
    let mut fact =
        Fact { id, kind: Kind::CheckIn, happened, recorded: happened, source, values: Values::default() };
    assert!(fact.set("temperature_c", Value::Double(37.0)));
    fact
}

fn at(pack: &Pack, facts: &Facts, day: &str) -> Decision {
    decide(pack, facts, &Context { areas: pack.areas() }, Instant::parse(day).unwrap())
}

/// Where the place's text changes, and by its terms keeps what is open and what ended.
#[test]
fn flags_of_a_site_follow_its_present_text() {
    let mut then = library();
    then.put(earlier(CITY));
    let rules = |days: u32| flag("SITE-A", "").replace("days = 2", &format!("days = {days}"));
    let site = |days: u32, library: &Library| {
        Pack::load_with(&campus(CITY, "", &rules(days), "", &["SITE-A"]), library)
            .unwrap_or_else(|e| panic!("{e}"))
    };
    let (first, same, longer) = (site(2, &then), site(2, &library()), site(9, &library()));
    let without = load(&campus(CITY, "", "", "", &[])).unwrap();
    let flags = |d: &Decision| d.flags.iter().map(|f| f.episode.since).collect::<Vec<_>>();
    let mut known = Facts::new(vec![warm("2020-03-03T10:00:00+08:00")]);
    let since = known.iter().next().unwrap().happened;
    let opened = at(&first, &known, "2020-03-03T12:00:00+08:00");
    assert_eq!(flags(&opened), [since]);
    opened.records.iter().for_each(|f| known.push(f.clone()));
    // Open on record: it is gone with its rule, and on record once.
    assert!(flags(&at(&without, &known, "2020-03-03T13:00:00+08:00")).is_empty());
    let again = at(&same, &known, "2020-03-03T13:00:00+08:00");
    assert_eq!(flags(&again), [since]);
    assert!(again.records.is_empty(), "{:?}", again.records);
    // Ended on record: it is back while its present rule says so.
    let ended = at(&first, &known, "2020-03-06T12:00:00+08:00");
    assert!(flags(&ended).is_empty() && ended.records.len() == 1);
    ended.records.iter().for_each(|f| known.push(f.clone()));
    assert_eq!(flags(&at(&longer, &known, "2020-03-06T13:00:00+08:00")), [since]);
    assert!(flags(&at(&same, &known, "2020-03-06T13:00:00+08:00")).is_empty());
}

/// What a pack of the site's division decided when it was no site's runs on or ends as it does under the place's.
#[test]
fn what_was_decided_in_the_division_before_is_as_under_the_place() {
    let words = |ids: &[&str]| {
        let told = ids.iter().map(|id| {
            format!("[rules.{id}]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\nwaits_for = \"f\"\n")
        });
        "name = \"p\"\n".to_owned() + &told.collect::<String>()
    };
    let child = |id: &str, above: &str, division: &str, rules: &str, words: &str| {
        let head = format!(
            "id = \"{id}\"\nextends = \"{above}\"\nversion = \"1\"\ndivision = \"{division}\"\neffective = \"2020-02-18T00:00:00+08:00\"\non_new_version = \"convert\"\n"
        );
        files(&[
            ("pack.toml", &head),
            ("rules.toml", rules),
            ("words/zh.toml", words),
            ("words/en.toml", words),
        ])
    };
    let rule = format!(
        "[[rule]]\nid = \"C-YELLOW\"\non = \"check_in\"\nwhen = 'true'\nstages = [{{ colour = \"yellow\", release = {{ days = 9 }} }}]\n{SOURCE}\n"
    );
    let mut library = library();
    let place = child("p", CITY, "3301", "", &words(&[]));
    library.put(place.clone());
    let load = |files: &PackFiles| Pack::load_with(files, &library).unwrap_or_else(|e| panic!("{e}"));
    let district = load(&child("campus", "p", "330106", &rule, &words(&["C-YELLOW"])));
    let (place, site) = (load(&place), load(&campus("p", "", "", "", &[])));
    let mut known = Facts::new(vec![warm("2020-03-03T10:00:00+08:00")]);
    let opened = at(&district, &known, "2020-03-03T12:00:00+08:00");
    opened.records.iter().for_each(|f| known.push(f.clone()));
    for (day, open) in [("2020-03-05T12:00:00+08:00", 1), ("2020-03-13T12:00:00+08:00", 0)] {
        assert_eq!(coloured(&at(&site, &known, day)), coloured(&at(&place, &known, day)));
        assert_eq!(at(&site, &known, day).episodes.len(), open);
    }
}

#[test]
fn a_flag_that_outlives_what_the_place_keeps_is_made_shorter() {
    let rules = flag("SITE-A", "").replace("days = 2", "days = 366");
    let mut place = SHIPPED[CITY].clone();
    let text = place.0["pack.toml"].clone() + "\n[retention]\ncheck_in = 300\n";
    place.0.insert("pack.toml".into(), text);
    let mut library = library();
    library.put(place);
    let errors = Pack::load_with(&campus(CITY, "", &rules, "", &["SITE-A"]), &library).unwrap_err();
    let shown = errors.to_string();
    assert!(shown.contains("pack.retention") && shown.contains("SITE-A"), "{shown}");
    assert!(errors.iter().all(|(_, d)| d.help.as_ref().is_some_and(|h| h.contains("366"))), "{shown}");
    assert!(errors.iter().all(|(_, d)| d.help.as_ref().is_some_and(|h| h.contains("SITE-A"))), "{shown}");
}
