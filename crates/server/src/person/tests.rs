use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::FactId;
use kangma_core::time::{Day, Instant};
use proptest::prelude::*;

use super::dossier::{Held, decode, decode_one, encode_one, encode_where, read};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Missing),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e9..1e9).prop_map(Value::Double),
        ".{0,12}".prop_map(|t: String| Value::Text(t.into())),
        proptest::collection::vec(".{0,6}", 0..4)
            .prop_map(|l: Vec<String>| Value::List(l.into_iter().map(Into::into).collect())),
        any::<i32>().prop_map(|d| Value::Day(Day(d))),
        any::<i64>().prop_map(|s| Value::Instant(Instant(s))),
    ]
}

fn fact() -> impl Strategy<Value = Fact> {
    (any::<[u8; 16]>(), 0..10_usize, any::<i64>(), any::<i64>(), proptest::collection::vec(value(), 0..16))
        .prop_map(|(id, kind, happened, recorded, values)| Fact {
            id: FactId(id),
            kind: Kind::ALL[kind],
            happened: Instant(happened),
            recorded: Instant(recorded),
            source: Source::Resident,
            values: values.into(),
        })
}

proptest! {
    #[test]
    fn a_fact_comes_back_as_it_was_stored(fact in fact()) {
        prop_assert_eq!(decode_one(&encode_one(&fact)).unwrap(), fact);
    }

    #[test]
    fn a_dossier_written_from_the_one_before_it_is_as_if_written_anew(
        before in proptest::collection::vec(fact(), 0..12),
        after in proptest::collection::vec(fact(), 0..4),
        kept in proptest::collection::vec(any::<bool>(), 16),
    ) {
        let spent = [7; 16];
        let old = encode_where(&Facts::new(before), &spent, None, |_| true);
        let bytes = old.clone().into();
        let Held { mut facts, spent, read } = read(&bytes).unwrap();
        prop_assert_eq!(&encode_where(&facts, spent, Some(&read), |_| true), &old);
        after.into_iter().for_each(|fact| facts.push(fact));
        let keep = |fact: &Fact| kept[usize::from(fact.id.0[0] % 16)];
        prop_assert_eq!(encode_where(&facts, spent, Some(&read), keep), encode_where(&facts, spent, None, keep));
    }

    #[test]
    fn who_changes_a_fact_that_was_read_with_others_changes_no_other(
        facts in proptest::collection::vec(fact(), 2..6),
        which in any::<prop::sample::Index>(),
    ) {
        let bytes = encode_where(&Facts::new(facts), &[], None, |_| true);
        let all = decode(&bytes).unwrap();
        let mut facts: Vec<Fact> = all.iter().cloned().collect();
        let which = which.index(facts.len());
        let slot = facts[which].kind.schema()[0].name;
        prop_assert!(facts[which].set(slot, Value::Int(7)));
        prop_assert_eq!(facts[which].at(0), &Value::Int(7));
        for (i, (fact, before)) in facts.iter().zip(&all).enumerate() {
            prop_assert!(i == which || fact == before);
        }
        prop_assert_eq!(all, decode(&bytes).unwrap());
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = decode_one(&bytes);
    }
}

#[test]
fn a_stored_decision_stands_until_its_review_and_not_before_its_time() {
    let state = super::State {
        id: kangma_core::id::PersonId([1; 16]),
        version: 1,
        tokens_after: Instant(0),
        decided_at: Instant(100),
        review_at: Some(Instant(200)),
        pack: vec![1, 2],
        sealed: super::Sealed {
            status: 3,
            colour: 1,
            name_masked: "张*".into(),
            division: 0,
            holders: vec![[9; 16].into()],
            check_in_due: false,
            last_check_in: 0,
            name: "张某".into(),
            corrected_at: None,
            told: None,
            in_review: None,
            is_counted: false,
            flags: 0,
            lasts_until: None,
            areas: None,
            erased: None,
        },
    };
    assert!(state.stands(Instant(100)));
    assert!(state.stands(Instant(199)));
    assert!(!state.stands(Instant(200)), "its review has come");
    assert!(!state.stands(Instant(99)), "the clock was set back");
    assert!(state.held_by(kangma_core::id::AccountId([9; 16])));
    assert!(!state.held_by(kangma_core::id::AccountId([8; 16])));
}

#[test]
fn facts_twice_in_a_dossier_count_once() {
    let fact = Fact {
        id: FactId([1; 16]),
        kind: Kind::CheckIn,
        happened: Instant(1),
        recorded: Instant(1),
        source: Source::Resident,
        values: Values::default(),
    };
    assert_eq!(Facts::new(vec![fact.clone(), fact]).len(), 1);
}
