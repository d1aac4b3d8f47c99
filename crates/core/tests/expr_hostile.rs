//! Whatever is written as a condition: an answer or a diagnostic that can be shown, never more.

use kangma_core::fact::Kind;
use kangma_core::rules::expr::{LIST_MAX, NESTING_MAX, NODES_MAX, SOURCE_BYTES_MAX, Scope, compile, render};
use proptest::prelude::*;

fn put_through(source: &str) -> Result<(), Vec<&'static str>> {
    crate::condition::put_through(source, Kind::Declaration)
}

const TOKENS: &[&str] = &[
    "fact",
    "person",
    "day",
    "happened",
    ".",
    "contact",
    "symptoms",
    "residence",
    "in_city",
    "left_on",
    "temperature_c",
    "age",
    "address",
    "(",
    ")",
    "[",
    "]",
    ",",
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "?",
    ":",
    "in",
    "has",
    "size",
    "exists",
    "all",
    "startsWith",
    "area",
    "date",
    "days_between",
    "true",
    "false",
    "null",
    "now",
    "v",
    "'none'",
    "\"high\"",
    "'33'",
    "'2020-01-23'",
    "1",
    "14",
    "37.3",
    "9223372036854775807",
    "9223372036854775808",
    "1e400",
    "0x",
    "'",
    "\"",
    "\\",
    "'''",
    "//",
    "\n",
    "{",
    "}",
    "=",
    "&",
    "（",
    "中文",
    "🙂",
    "\u{0}",
    "r'",
    "b'",
    "'\\u",
    "fact.contact",
    "fact.symptoms.exists(s,",
    "has(fact.contact)",
    "fact.in_city &&",
    "(fact.in_city ||",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_refused_calmly(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = put_through(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_soups_of_tokens_are_refused_calmly(
        tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..24),
        apart in any::<bool>(),
    ) {
        let _ = put_through(&tokens.join(if apart { " " } else { "" }));
    }

    #[test]
    fn a_good_condition_with_a_slip_of_the_pen_is_handled_calmly(
        at in any::<prop::sample::Index>(),
        len in 0..4usize,
        put in prop::sample::select(TOKENS),
    ) {
        const GOOD: &str = "has(fact.contact) && fact.contact in ['confirmed', '\\u0063lose'] || \
            fact.symptoms.exists(s, s == \"发热\" || size(s) > 3) && (day - fact.left_on < 14 ? true : \
            area(fact.residence, 'high', fact.left_on + 1)) // 近十四日";
        let mut text: Vec<char> = GOOD.chars().collect();
        let at = at.index(text.len());
        let end = (at + len).min(text.len());
        text.splice(at..end, put.chars());
        let _ = put_through(&text.into_iter().collect::<String>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_span_of_any_text_can_be_shown(
        text in "[ -~\n\t中文🙂]{0,40}",
        start in 0..80usize,
        end in 0..80usize,
        help in any::<bool>(),
    ) {
        use kangma_core::rules::expr::Diagnostic;
        let mut d = Diagnostic::new("rule.syntax", 0..0, "a message");
        d.span = start..end;
        if help {
            d = d.help("some help");
        }
        let shown = render(&[d], "rules.toml", &text);
        prop_assert!(shown.contains("rules.toml:") && shown.contains("rule.syntax"));
    }
}

#[test]
fn depth_is_refused_before_the_stack_is_used() {
    // Half of what a thread has by default, in a build that is not optimised.
    let small = std::thread::Builder::new().stack_size(1024 * 1024).spawn(|| {
        for unit in [
            "(",
            "!",
            "-",
            "[",
            "f(",
            "has(",
            "a.",
            "a.f(",
            "true?",
            "true?true:",
            "true&&(",
            "[[",
            "!(",
            "1-(",
            "fact.symptoms.exists(s,",
            "--!",
            "x in (",
            "a.b.c.d",
            "!-",
        ] {
            for n in [31, 32, 33, 100, 4096 / unit.len(), 5000] {
                assert!(put_through(&unit.repeat(n)).is_err());
                assert!(
                    put_through(&format!("{}true", unit.repeat(n))).is_err()
                        || n <= NESTING_MAX
                        || unit == "true?true:"
                );
            }
        }
        let nested = |n: usize| format!("{}true{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(put_through(&nested(NESTING_MAX - 1)), Ok(()));
        assert_eq!(put_through(&nested(NESTING_MAX)), Err(vec!["rule.limit"]));
        let nots = |n: usize| format!("{}true", "!".repeat(n));
        assert_eq!(put_through(&nots(NESTING_MAX - 1)), Ok(()));
        assert_eq!(put_through(&nots(NESTING_MAX)), Err(vec!["rule.limit"]));
        let chosen = |n: usize| format!("{}true", "true ? true : ".repeat(n));
        assert_eq!(put_through(&chosen(NESTING_MAX - 1)), Ok(()));
        assert_eq!(put_through(&chosen(NESTING_MAX)), Err(vec!["rule.limit"]));
        // The widest that is allowed also fits.
        assert_eq!(put_through(&vec!["true"; NODES_MAX - 1].join("&&")), Ok(()));
        assert_eq!(put_through(&vec!["true"; NODES_MAX].join("&&")), Err(vec!["rule.limit"]));
        assert_eq!(put_through(&format!("0 < {}", vec!["1"; NODES_MAX - 3].join("+"))), Ok(()));
    });
    small.unwrap().join().unwrap();
}

#[test]
fn size_is_limited_by_source_parts_lists_and_quantifiers() {
    let blank = |n: usize| format!("true{}", " ".repeat(n - 4));
    assert_eq!(put_through(&blank(SOURCE_BYTES_MAX)), Ok(()));
    assert_eq!(put_through(&blank(SOURCE_BYTES_MAX + 1)), Err(vec!["rule.limit"]));
    let list = |n: usize| format!("1 in [{}]", vec!["1"; n].join(","));
    assert_eq!(put_through(&list(LIST_MAX)), Ok(()));
    assert_eq!(put_through(&list(LIST_MAX + 1)), Err(vec!["rule.limit"]));
    let quantified = |n: usize| {
        let heads: String = (0..n).map(|i| format!("[1].all(v{i},")).collect();
        format!("{heads} true{}", ")".repeat(n))
    };
    assert_eq!(put_through(&quantified(2)), Ok(()));
    assert_eq!(put_through(&quantified(3)), Err(vec!["rule.limit"]));
}

#[test]
fn a_message_that_quotes_a_long_word_keeps_its_beginning_and_what_is_wrong() {
    for word in ["x".repeat(2_000), "中".repeat(600), "\u{f}".repeat(200)] {
        let source = format!("fact.contact == \"{word}\"");
        let wrong = compile(&source, &Scope::of(Kind::Declaration)).unwrap_err();
        let short = compile("fact.contact == \"q\"", &Scope::of(Kind::Declaration)).unwrap_err();
        assert!(wrong[0].message.len() < 300 && wrong[0].message.contains(" … "), "{wrong:?}");
        let end = short[0].message.rsplit('"').next().unwrap();
        assert!(!end.is_empty() && wrong[0].message.ends_with(end), "{wrong:?}");
    }
}
