//! What a pack says in further languages, and what the pages say there: which language somebody is
//! answered in, what is refused, and that what ships is whole.

use std::sync::Arc;

use crate::common::files;
use kangma_core::decision::{Colour, Status};
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::pack::{ENGLISH, FILE_BYTES_MAX, Library, Pack, PackFiles, missing};
use kangma_core::rules::publication::{load_with_parents, with_parents};
use kangma_core::rules::set::{Entry, PackSet, decide_in};
use kangma_core::rules::tongue::{Direction, Tongue};
use kangma_core::rules::words::Lang;
use kangma_core::time::Instant;

const RULES: &str = r#"
[[rule]]
id = "R"
on = "declaration"
when = 'fact.overseas'
stages = [{ colour = "red", release = { days = 14 } }]
source = { title = "T", url = "https://example.org", grade = "B" }
"#;

/// A pack with a made-up language from right to left.
fn made_up(pages: &str) -> PackFiles {
    let head = r#"
id = "test"
version = "1"
division = "3301"
zone = "Asia/Shanghai"
effective = "2020-02-11T00:00:00+08:00"
on_new_version = "keep"
languages = ["zh", "en", "qaa"]
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
"#;
    let mut files = files(head, RULES);
    let words = files.0["words/en.toml"].replace("red = \"red\"", "red = \"קוד אדום\"");
    files.0.insert("words/qaa.toml".into(), format!("language = \"קאא\"\n{words}"));
    if !pages.is_empty() {
        files.0.insert("pages/qaa.toml".into(), pages.into());
    }
    files
}

fn refused(files: &PackFiles) -> String {
    Pack::load(files).expect_err("it is wrong").to_string()
}

fn shipped(id: &str) -> PackFiles {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs").join(id);
    let mut files = PackFiles::default();
    for folder in ["", "words", "pages", "cases"] {
        for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|e| e == "toml") {
                let name = entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                files.0.insert(name, std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    files
}

fn guangdong() -> Pack {
    let library = Library::new([shipped("nation-2020")]);
    Pack::load_with(&shipped("guangdong-2020-03"), &library).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn everybody_is_answered_in_the_best_of_their_languages_that_the_pack_ships() {
    let (south, made_up) = (guangdong(), Pack::load(&made_up("")).unwrap_or_else(|e| panic!("{e}")));
    let blue = |list: &str| south.colour_word(Colour::Green, Tongue::asked(list)).to_owned();
    for list in ["zh-Hant", "zh-HK", "zh-TW", "zh-MO,zh;q=0.9,en;q=0.8", "qaa, zh-Hant"] {
        assert_eq!(blue(list), "藍碼", "{list}");
    }
    for list in ["zh", "zh-CN", "zh-Hans-HK", "", "qaa", "fr, zh"] {
        assert_eq!(blue(list), "蓝码", "{list}");
    }
    assert_eq!(blue("en-GB, zh-HK;q=0.9"), "Blue code");
    let red = |list: &str| made_up.colour_word(Colour::Red, Tongue::asked(list)).to_owned();
    assert_eq!(red("qaa, en"), "קוד אדום");
    assert_eq!(red("zh-HK, qaa"), "red", "of ours comes first where the pack does not write it so");
    assert_eq!(made_up.language_name("qaa"), "קאא");
    assert_eq!(Direction::of(made_up.language_name("qaa")), Direction::Rtl);
    assert_eq!((south.language_name("zh-Hant"), south.language_name("zh")), ("繁體中文", "简体中文"));
}

#[test]
fn the_service_speaks_a_further_language_where_the_pack_lends_it_the_words() {
    let south = guangdong();
    assert_eq!(south.said("document.passport", Tongue::asked("zh-HK")), "護照");
    assert_eq!(south.said("document.passport", Lang::Zh), "护照");
    let some = made_up("[server]\n\"document.passport\" = \"דרכון\"\n");
    let some = Pack::load(&some).unwrap_or_else(|e| panic!("{e}"));
    let asked = Tongue::asked("qaa, en");
    assert_eq!(some.said("document.passport", asked), "דרכון");
    assert_eq!(some.said("document.tw_permit", asked), "Mainland travel permit for Taiwan residents");
}

#[test]
fn a_slip_in_the_pages_words_is_told_with_its_place() {
    let long = format!("[resident]\n\"app.next\" = \"{}\"\n", "x".repeat(1025));
    for (pages, told) in [
        ("[office]\n\"app.next\" = \"x\"\n", "\"office\" is no part of the pages"),
        ("[resident]\n\"app.nxt\" = \"x\"\n", "did you mean \"app.next\"?"),
        ("[resident]\n\"app.next\" = 3\n", "resident.app.next is no text"),
        ("resident = \"x\"\n", "is no part of the pages"),
        ("[resident]\n\"step.of\" = \"5\"\n", "it takes {n}"),
        ("[resident]\n\"step.of\" = \"{n} {of}\"\n", "has other values than the page fills in: {n}, {of}"),
        ("[resident]\n\"app.next\" = \"{n}\"\n", "it takes no {value}"),
        ("[resident]\n\"app.next\" = \" \"\n", "is empty"),
        (long.as_str(), "longer than 1024 bytes"),
        ("[resident]\n\"app.next\" = \"a\\u202Eb\"\n", "the invisible character U+202E"),
        ("[resident]\n\"app.next\" = \"a\\u0007b\"\n", "the invisible character U+0007"),
        ("[resident]\n\"app.next\" = \"a\\u2066b\"\n", "the invisible character U+2066"),
        ("[resident\n", "pack.format"),
    ] {
        let found = refused(&made_up(pages));
        assert!(found.contains(told) && found.contains("pages/qaa.toml:"), "{told} in {found}");
    }
    // Marks of one place belong to such scripts.
    let marks = "[resident]\n\"app.next\" = \"a\\u200F\\u200D\"\n\"step.of\" = \"{n} {}\"\n";
    assert!(Pack::load(&made_up(marks)).is_ok());
    let mut large = made_up("");
    large.0.insert("pages/qaa.toml".into(), "#".repeat(FILE_BYTES_MAX + 1));
    assert!(refused(&large).contains("pack.limit"));
}

#[test]
fn files_of_no_language_and_languages_without_a_name_are_refused() {
    let with = |name: &str, text: &str| {
        let mut files = made_up("");
        files.0.insert(name.into(), text.into());
        files
    };
    let page = "[resident]\n\"app.next\" = \"x\"\n";
    assert!(refused(&with("pages/zh.toml", page)).contains("the pages say their own words in zh themselves"));
    assert!(refused(&with("pages/bo.toml", page)).contains("does not name bo"));
    let words = made_up("").0["words/qaa.toml"].clone();
    for (from, to, told) in [
        ("language = \"קאא\"\n", "", "the text language is missing"),
        ("language = \"קאא\"\n", "language = \" \"\n", "the text language has 1 to 32 letters"),
        ("קוד אדום", "קוד\\u202E אדום", "the text colours.red holds the invisible character U+202E"),
    ] {
        let found = refused(&with("words/qaa.toml", &words.replace(from, to)));
        assert!(found.contains(told), "{told} in {found}");
    }
}

#[test]
fn a_child_speaks_the_languages_that_it_names_or_of_its_parents_those_that_it_has_words_in() {
    let mut library = Library::new([made_up("[resident]\n\"app.next\" = \"א\"\n")]);
    let child = |more: &str, words: &str| {
        let head = format!(
            "id = \"child\"\nextends = \"test\"\nversion = \"1\"\ndivision = \"330106\"\neffective = \"2020-03-01T00:00:00+08:00\"\n{more}"
        );
        let mut files = PackFiles::default();
        let rules = RULES.replace("\"R\"", "\"S\"").replace("fact.overseas", "fact.subject == \"intending\"");
        for (name, text) in [("pack.toml", head.as_str()), ("rules.toml", &rules)] {
            files.0.insert(name.into(), text.into());
        }
        for lang in ["zh", "en", "qaa"] {
            let text = if lang == "qaa" && words.is_empty() {
                continue;
            } else {
                "name = \"c\"\n[rules.S]\ntitle = \"t\"\nwhy = \"w\"\nwhat_to_do = \"d\"\n"
            };
            files.0.insert(format!("words/{lang}.toml"), text.into());
        }
        files
    };
    let load = |files: &PackFiles, library: &Library| Pack::load_with(files, library);
    let whole = load(&child("", "qaa"), &library).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        whole.page_texts("qaa").unwrap()["resident"]["app.next"],
        "א",
        "the parent's pages are the child's"
    );
    // A pack above may learn a language, and the child that has no words in it stays as it was.
    for head in ["", "languages = [\"zh\", \"en\"]\n"] {
        let fewer = load(&child(head, ""), &library).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(fewer.further_languages().count(), 0);
        assert_eq!(fewer.colour_word(Colour::Red, Tongue::asked("qaa, en")), "red");
        assert_eq!(fewer.page_texts("qaa"), None);
    }
    // What it names, or says in part, it has to say whole.
    let named = "languages = [\"zh\", \"en\", \"qaa\"]\n";
    let mut part = child("", "qaa");
    part.0.insert("words/qaa.toml".into(), "name = \"c\"\n".into());
    let mut pages = child("", "");
    pages.0.insert("pages/qaa.toml".into(), "[resident]\n\"app.next\" = \"א\"\n".into());
    for (files, told) in [
        (child(named, ""), "the text rules.S is missing"),
        (part, "the text rules.S is missing"),
        (pages, "pages/qaa.toml is there, and languages in pack.toml does not name qaa"),
    ] {
        let found = load(&files, &library).unwrap_err().to_string();
        assert!(found.contains(told), "{told} in {found}");
    }
    // A grandchild of a child that does not speak it has not all texts either.
    library.put(child("", ""));
    let head = "id = \"site\"\nextends = \"child\"\nversion = \"1\"\ndivision = \"330106\"\neffective = \"2020-03-01T00:00:00+08:00\"\n";
    let mut below = PackFiles::default();
    for (name, text) in [
        ("pack.toml", head),
        ("rules.toml", ""),
        ("words/zh.toml", "name = \"g\"\n"),
        ("words/en.toml", "name = \"g\"\n"),
    ] {
        below.0.insert(name.into(), text.into());
    }
    assert_eq!(load(&below, &library).unwrap_or_else(|e| panic!("{e}")).further_languages().count(), 0);
    // A text of the parent that is wrong is told in the parent's file.
    library.put(made_up("[resident]\n\"app.next\" = \"{n}\"\n"));
    let found = load(&child("", "qaa"), &library).unwrap_err().to_string();
    assert!(found.contains("test/pages/qaa.toml:2"), "{found}");
}

/// The pages change, a text that binds people does not.
#[test]
fn a_published_text_loses_what_the_pages_no_longer_say_and_nothing_else() {
    let pages = "[resident]\n\"app.gone\" = \"x\"\n\"app.next\" = \"א\"\n\"step.of\" = \"{n} {was}\"\n[past]\na = \"b\"\n";
    let published = with_parents(&made_up(pages), &Library::default());
    let pack = load_with_parents(&published).unwrap_or_else(|e| panic!("{e}"));
    let kept: Vec<&String> = pack.page_texts("qaa").unwrap()["resident"].keys().collect();
    assert_eq!(kept, ["app.next"]);
}

/// What a person reads in Guangdong of a yellow that they bring from Zhejiang, with other words of
/// Guangdong's in Traditional Chinese: the colour, and how far it is.
fn brought_along(words: impl Fn(&str) -> String) -> (String, Vec<String>) {
    let parents = ["nation-2020", "zhejiang-2020-02-17"].map(shipped);
    let library = Library::new(parents.clone());
    let mut south = shipped("guangdong-2020-03");
    let changed = words(&south.0["words/zh-Hant.toml"]);
    south.0.insert("words/zh-Hant.toml".into(), changed);
    let load = |files| Arc::new(Pack::load_with(files, &library).unwrap_or_else(|e| panic!("{e}")));
    let (south, east) = (load(&south), load(&parents[1]));
    let start = Instant::parse("2020-03-12T02:00:00Z").unwrap();
    let entry = |pack: &Arc<Pack>, covers: &str| Entry {
        pack: Arc::clone(pack),
        covers: covers.into(),
        from: start,
        until: None,
    };
    let set = PackSet::single(Arc::clone(&south)).with(vec![entry(&east, "33")], Vec::new()).unwrap();
    let declared = |n: u128, hours: i64, place: &str, symptoms: &[&str]| {
        let at = start.plus_s(hours * 3600);
        let mut fact = Fact {
            id: FactId(n.to_be_bytes()),
            kind: Kind::Declaration,
            happened: at,
            recorded: at,
            source: Source::Resident,
            values: Values::default(),
        };
        let text = |t: &str| Value::Text(t.into());
        for (name, value) in [
            ("subject", text("resident")),
            ("residence", text(place)),
            ("in_city", Value::Bool(true)),
            ("contact", text("none")),
            ("health", text("unwell")),
            ("under_measure", text("none")),
            ("overseas", Value::Bool(false)),
            ("symptoms", Value::List(symptoms.iter().map(|s| (*s).into()).collect())),
        ] {
            assert!(fact.set(name, value), "{name}");
        }
        fact
    };
    let mut facts = Facts::new(vec![declared(1, 1, "330106", &["fever"])]);
    let decision = decide_in(&set, &facts, start.plus_s(2 * 3600));
    decision.records.iter().for_each(|f| facts.push(f.clone()));
    facts.push(declared(2, 3, "440106", &[]));
    let now = start.plus_s(4 * 3600);
    let decision = decide_in(&set, &facts, now);
    assert_eq!(decision.colour, Some(Colour::Yellow));
    let reads = Tongue::asked("zh-HK");
    let reasons = set.explain(&south, &decision, &facts, reads);
    assert_eq!(reasons[0].title, "申报时发热或有呼吸道症状", "a text of Zhejiang's, which does not speak it");
    let told = reasons[0].progress.iter().map(|p| p.text.clone()).collect();
    (south.word(Status::Active, decision.colour, reads).to_owned(), told)
}

#[test]
fn what_somebody_brings_from_elsewhere_is_counted_in_their_language_and_else_in_one_of_ours() {
    let (word, told) = brought_along(str::to_owned);
    assert_eq!(word, "黃碼");
    assert!(told[0].starts_with("連續正常打卡 0 天"), "{told:?}");
    // A pack has to have words for its own rules alone.
    let few = |text: &str| {
        let kept = text.lines().filter(|l| !l.starts_with("yellow =") && !l.starts_with("check_ins ="));
        kept.collect::<Vec<_>>().join("\n")
    };
    let (word, told) = brought_along(few);
    assert_eq!(word, "黄码");
    assert!(told[0].starts_with("连续正常打卡 0 天"), "{told:?}");
}

#[test]
fn the_digest_of_the_pages_words_is_of_what_is_fetched_and_of_nothing_else() {
    let of = |pages: &str| {
        let pack = Pack::load(&made_up(pages)).unwrap_or_else(|e| panic!("{e}"));
        (pack.page_texts_digest("qaa").map(str::to_owned), pack.digest.to_string())
    };
    let (plain, whole) = of("[resident]\n\"app.next\" = \"א\"\n");
    assert_eq!(plain.as_ref().map(String::len), Some(16));
    let (again, other) =
        of("# as before\n[resident]\n\"app.next\" = \"א\"\n[server]\n\"document.passport\" = \"ב\"\n");
    assert!(again == plain && other != whole);
    assert_ne!(of("[resident]\n\"app.next\" = \"ב\"\n").0, plain);
    assert_eq!(of("").0, None);
    // Pages that can say less of a published text serve less under another address.
    let published = |pages: &str| {
        let files = with_parents(&made_up(pages), &Library::default());
        load_with_parents(&files)
            .unwrap_or_else(|e| panic!("{e}"))
            .page_texts_digest("qaa")
            .map(str::to_owned)
    };
    assert_eq!(published("[resident]\n\"app.next\" = \"א\"\n\"app.gone\" = \"x\"\n"), plain);
}

/// Characters of the Chinese texts that are written otherwise in traditional ones.
const SIMPLIFIED: &str = "码发无开关门这说请联络话证认记录时间动显机网号为与对过还后会";

#[test]
fn what_ships_in_a_further_language_is_whole() {
    assert!(
        ENGLISH.len() > 5 && ENGLISH.values().all(|texts| !texts.is_empty()),
        "spec/pages.json can be read"
    );
    let south = guangdong();
    let left = missing(south.page_texts("zh-Hant"));
    assert!(left.is_empty(), "kangma pack pages packs/guangdong-2020-03 lists them: {left:?}");
    assert_eq!(missing(None).len(), ENGLISH.values().map(|texts| texts.len()).sum::<usize>());
    // Nothing of it is still in simplified characters.
    let texts = south.page_texts("zh-Hant").unwrap().values().flat_map(|texts| texts.values());
    for text in texts {
        let found = text.chars().find(|c| SIMPLIFIED.contains(*c));
        assert_eq!(found, None, "{text}");
    }
}

#[test]
fn pages_that_are_cut_anywhere_load_or_are_told_and_never_break_the_reader() {
    let text = "[resident]\n\"app.next\" = \"א{\"\n\"step.of\" = '''{n}{{}{of\n{n''' # é\n[[form]]\na = [1, {b = 2}]\n";
    let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let loaded = places.filter(|at| Pack::load(&made_up(&text[..*at])).is_ok()).count();
    assert!((2..text.len() / 2).contains(&loaded), "{loaded}");
}
