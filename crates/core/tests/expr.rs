//! What `when` conditions mean, case by case.

use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::rules::expr::{Areas, Env, Expr, PersonView, Scope, Truth, compile};
use kangma_core::time::{Day, Instant};

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|t| (*t).into()).collect())
}

fn fact(kind: Kind, values: &[(&str, Value)]) -> Fact {
    let at = Instant::parse("2020-02-11T10:00:00+08:00").unwrap();
    let mut fact = Fact {
        id: FactId([7; 16]),
        kind,
        happened: at,
        recorded: at,
        source: Source::Resident,
        values: Values::default(),
    };
    for (name, value) in values {
        assert!(fact.set(name, value.clone()), "{name}");
    }
    fact
}

fn declared() -> Fact {
    fact(
        Kind::Declaration,
        &[
            ("subject", text("resident")),
            ("residence", text("330106")),
            ("in_city", Value::Bool(true)),
            ("visited", texts(&["420106", "330304"])),
            ("left_on", Value::Day(day("2020-02-01"))),
            ("contact", text("none")),
            ("temperature_c", Value::Double(37.3)),
            ("symptoms", texts(&["dry_cough"])),
            ("commitment", text("诺1.0")),
        ],
    )
}

fn areas() -> Areas {
    serde_json::from_str(r#"{"high":[{"code":"42","from":"2020-01-23"}],"low":[{"code":"3303"}]}"#).unwrap()
}

fn compiled(source: &str, kind: Kind) -> Expr {
    compile(source, &Scope::of(kind).with_areas(&areas())).unwrap_or_else(|e| panic!("{source}: {e:?}"))
}

fn ask(source: &str, fact: &Fact) -> Truth {
    let person =
        PersonView { subject: Some("resident"), residence: Some("330106"), born: Some(day("1990-02-12")) };
    let areas = areas();
    let env = Env { fact, person: &person, areas: &areas, day: day("2020-02-11") };
    compiled(source, fact.kind).eval(&env)
}

#[test]
fn conditions_on_what_is_known_hold_or_do_not() {
    let fact = declared();
    for (source, expected) in [
        ("true", true),
        ("fact.in_city", true),
        ("!fact.in_city", false),
        ("fact.in_city == false || fact.contact == \"none\"", true),
        ("fact.contact in ['confirmed', 'suspected']", false),
        ("fact.contact != 'none'", false),
        ("'dry_cough' in fact.symptoms && !('fever' in fact.symptoms)", true),
        ("fact.symptoms == ['dry_cough']", true),
        ("fact.symptoms != []", true),
        ("size(fact.symptoms) > 0 && fact.symptoms.size() < 2", true),
        ("fact.symptoms.exists(s, s in ['fever', 'dry_cough'])", true),
        ("fact.symptoms.all(s, s == 'fever')", false),
        ("fact.visited.exists(v, v.startsWith('42'))", true),
        ("fact.visited.all(v, v.startsWith('42'))", false),
        ("[1, 2].exists(n, [2, 3].exists(m, n == m))", true),
        ("fact.temperature_c >= 37.3", true),
        ("fact.temperature_c > 37", true),
        ("37 < fact.temperature_c", true),
        ("fact.temperature_c + 0.5 > 38.0", false),
        ("fact.temperature_c in [36.5, 37.3]", true),
        ("size(fact.symptoms) in [1.0, 2.5]", true),
        ("size(fact.commitment) == 4", true),
        ("day - fact.left_on == 10", true),
        ("days_between(fact.left_on, day) == 10", true),
        ("days_between(fact.left_on, day + 4) == 14", true),
        ("fact.left_on + 14 > day", true),
        ("14 + fact.left_on - day == 4", true),
        ("fact.left_on >= date('2020-01-23')", true),
        ("fact.left_on in [date('2020-02-01'), date('2020-02-02')]", true),
        ("day == date('2020-02-11')", true),
        ("hours_between(happened, happened) == 0", true),
        ("area('420106', 'high')", true),
        ("area(fact.residence, 'high')", false),
        ("fact.visited.exists(v, area(v, 'high'))", true),
        ("fact.visited.exists(v, area(v, 'high', date('2020-01-22')))", false),
        ("area(person.residence, 'low')", false),
        ("person.age == 29", true),
        ("person.subject == fact.subject && person.residence == fact.residence", true),
        ("(fact.in_city ? 14 : 7) == 14", true),
        ("fact.in_city ? fact.contact == 'none' : false", true),
        ("(fact.in_city ? fact.contact : 'confirmed') == 'none'", true),
        ("-1 - -2 == 1 && - -1 == 1", true),
        ("10 - (4 - 1) == 7 && (10 - 4) - 1 == 5", true),
        ("0x10 == 16 && 1e2 == 100 && .5 < 1", true),
        ("-9223372036854775808 < 0", true),
        ("9007199254740993 > 9007199254740992.0", true),
        ("'a' in []", false),
        ("[].all(v, v == 'x') // no item breaks it", true),
        ("true in [true, false]", true),
        ("fact.in_city in [false]", false),
        (r#"'\u8bfa\x31.\060' == "诺1.0""#, true),
        (r#"fact.commitment == "\U00008bfa1.0" && r'\n' == '\\n'"#, true),
        ("'''a\n\"b''' == 'a\\n\\\"b'", true),
        ("has(fact.contact) && !has(fact.overseas) && has(person.age)", true),
        ("fact.residence in ['330106', '330102']", true),
    ] {
        assert_eq!(ask(source, &fact), Truth::from(expected), "{source}");
    }
}

#[test]
fn a_long_list_of_words_finds_each_of_them_and_nothing_else() {
    let words: Vec<String> = (0..256).map(|n| format!("'{:06}'", 330_000 + n * 3)).collect();
    let expr = compiled(&format!("fact.residence in [{}]", words.join(",")), Kind::Declaration);
    let areas = areas();
    let person = PersonView::default();
    for n in 329_990..330_800 {
        let fact = fact(Kind::Declaration, &[("residence", text(&n.to_string()))]);
        let env = Env { fact: &fact, person: &person, areas: &areas, day: day("2020-02-11") };
        let expected = (330_000..330_768).contains(&n) && n % 3 == 0;
        assert_eq!(expr.eval(&env), Truth::from(expected), "{n}");
    }
}

#[test]
fn unknown_never_makes_a_condition_true_and_neither_does_its_negation() {
    let empty = fact(Kind::Declaration, &[("in_city", Value::Bool(true))]);
    for (source, expected) in [
        ("fact.overseas", Truth::Unknown),
        ("!fact.overseas", Truth::Unknown),
        ("fact.contact == 'none'", Truth::Unknown),
        ("fact.contact != 'none'", Truth::Unknown),
        ("fact.contact in ['none', 'confirmed', 'suspected', 'close_contact']", Truth::Unknown),
        ("fact.symptoms == []", Truth::Unknown),
        ("fact.symptoms.all(s, true)", Truth::Unknown),
        ("fact.symptoms.exists(s, false)", Truth::Unknown),
        ("'x' in [] || fact.commitment in []", Truth::Unknown),
        ("size(fact.symptoms) >= 0", Truth::Unknown),
        ("fact.left_on <= fact.left_on", Truth::Unknown),
        ("area(fact.residence, 'high')", Truth::Unknown),
        ("area('42', 'high', fact.left_on)", Truth::Unknown),
        ("fact.overseas == fact.overseas", Truth::Unknown),
        ("fact.overseas ? true : true", Truth::Unknown),
        ("fact.overseas && false", Truth::False),
        ("false && fact.overseas", Truth::False),
        ("fact.overseas || true", Truth::True),
        ("true || fact.overseas", Truth::True),
        ("fact.overseas && true", Truth::Unknown),
        ("fact.overseas || false", Truth::Unknown),
        ("has(fact.overseas)", Truth::False),
        ("!has(fact.overseas) || fact.overseas", Truth::True),
        ("fact.in_city || fact.overseas", Truth::True),
        ("['42', '33'].exists(c, c == fact.residence || c == '33')", Truth::True),
        ("['42', '33'].exists(c, c == fact.residence)", Truth::Unknown),
        ("['42', '33'].all(c, c == fact.residence && c == '42')", Truth::False),
        ("9223372036854775807 + size(['a']) > 0", Truth::Unknown),
        ("1e308 + 1e308 > 0.0", Truth::Unknown),
    ] {
        assert_eq!(ask(source, &empty), expected, "{source}");
    }
}

#[test]
fn a_fact_of_another_kind_is_unknown_to_a_condition() {
    let check_in = fact(Kind::CheckIn, &[("temperature_c", Value::Double(36.5))]);
    let areas = areas();
    let person = PersonView::default();
    let env = Env { fact: &check_in, person: &person, areas: &areas, day: day("2020-02-11") };
    assert_eq!(compiled("true", Kind::Declaration).eval(&env), Truth::Unknown);
    assert_eq!(compiled("fact.temperature_c < 37.3", Kind::CheckIn).eval(&env), Truth::True);
}

#[test]
fn a_value_of_the_wrong_type_in_a_slot_is_unknown() {
    let odd = fact(
        Kind::Declaration,
        &[("in_city", text("yes")), ("temperature_c", Value::Double(f64::NAN)), ("contact", Value::Int(1))],
    );
    for source in ["fact.in_city", "fact.temperature_c != 37.0", "fact.contact != 'none'"] {
        assert_eq!(ask(source, &odd), Truth::Unknown, "{source}");
    }
}

#[test]
fn age_turns_on_the_birthday_and_is_unknown_before_birth() {
    let fact = declared();
    let areas = areas();
    let ask = |born: &str, on: &str, source: &str| {
        let person = PersonView { born: Some(day(born)), ..PersonView::default() };
        let env = Env { fact: &fact, person: &person, areas: &areas, day: day(on) };
        compiled(source, Kind::Declaration).eval(&env)
    };
    assert_eq!(ask("1960-02-11", "2020-02-11", "person.age == 60"), Truth::True);
    assert_eq!(ask("1960-02-12", "2020-02-11", "person.age == 59"), Truth::True);
    assert_eq!(ask("2000-02-29", "2021-02-28", "person.age == 20"), Truth::True);
    assert_eq!(ask("2000-02-29", "2021-03-01", "person.age == 21"), Truth::True);
    assert_eq!(ask("2020-02-12", "2020-02-11", "person.age < 1"), Truth::Unknown);
    assert_eq!(ask("2020-02-12", "2020-02-11", "has(person.age)"), Truth::False);
}

#[test]
fn a_test_can_be_asked_how_old_its_sample_is() {
    let sampled = Instant::parse("2020-02-09T10:30:00+08:00").unwrap();
    let test = fact(Kind::Test, &[("result", text("negative")), ("sampled_at", Value::Instant(sampled))]);
    let source = "fact.result == 'negative' && hours_between(fact.sampled_at, happened) == 47";
    assert_eq!(ask(source, &test), Truth::True);
}

#[test]
fn a_condition_tells_what_it_reads() {
    let expr = compiled(
        "has(fact.contact) && fact.visited.exists(v, area(v, 'low') || area(v, 'high')) && fact.in_city",
        Kind::Declaration,
    );
    assert_eq!(expr.reads(), ["in_city", "visited", "contact"]);
    assert_eq!(expr.area_keys().collect::<Vec<_>>(), ["high", "low"]);
    assert_eq!(expr.kind(), Some(Kind::Declaration));
}

#[test]
fn what_rules_know_of_a_person_never_prints() {
    let person = PersonView { residence: Some("330106"), ..PersonView::default() };
    assert_eq!(format!("{person:?}"), "PersonView(***)");
}
