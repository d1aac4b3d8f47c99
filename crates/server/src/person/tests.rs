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
    fn a_declaration_of_what_was_declared_before_takes_few_bytes(
        mut first in fact(),
        id in any::<[u8; 16]>(),
        other in value(),
        slot in 0..20_usize,
    ) {
        (first.happened, first.recorded) = (Instant(1), Instant(1));
        let mut values: Vec<Value> = first.values.iter().cycle().take(40).cloned().collect();
        first.values = values.clone().into();
        if let Some(value) = values.get_mut(slot) {
            *value = other.clone();
        }
        let second = Fact { id: FactId(id), happened: Instant(2), recorded: Instant(2), values: values.into(), ..first.clone() };
        let alone = encode_one(&Fact { values: vec![other].into(), ..second.clone() }).len();
        let size = |facts: Vec<Fact>| encode_where(&Facts::new(facts), &[], None, |_| true).len();
        let (one, both) = (size(vec![first.clone()]), size(vec![first.clone(), second.clone()]));
        // Up to three runs around one value, each a byte.
        prop_assert!(both <= one + alone + 3, "{one} and {both} bytes, {alone} alone");
        let all = decode(&encode_where(&Facts::new(vec![first.clone(), second.clone()]), &[], None, |_| true)).unwrap();
        prop_assert!(all.iter().eq(Facts::new(vec![first, second]).iter()));
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

/// Dossiers that were written before values could stand for those before them are read on.
#[test]
fn a_dossier_in_full_is_read_and_written_from() {
    let id = |n: u8| [[0x50].as_slice(), &[n; 16]].concat();
    // [id, check-in, 9, 10, resident, [36.6, null]], twice.
    let values = [[0x82, 0xfb].as_slice(), &36.6_f64.to_be_bytes(), &[0xf6]].concat();
    let fact = |n: u8| [[0x86].as_slice(), &id(n), &[2, 9, 10, Source::Resident as u8], &values].concat();
    let full: std::sync::Arc<[u8]> = [[0x82].as_slice(), &fact(1), &fact(2)].concat().into();
    let Held { mut facts, read: old, .. } = read(&full).unwrap();
    assert_eq!(
        facts.iter().map(|f| f.at(0).clone()).collect::<Vec<_>>(),
        [Value::Double(36.6), Value::Double(36.6)]
    );
    assert_eq!(encode_where(&facts, &[], Some(&old), |_| true), *full);
    let newest = Fact {
        id: FactId([3; 16]),
        happened: Instant(11),
        recorded: Instant(11),
        ..facts.iter().next().unwrap().clone()
    };
    facts.push(newest);
    let longer = encode_where(&facts, &[], Some(&old), |_| true);
    assert_eq!(longer[1..full.len()], full[1..]);
    assert_eq!(
        longer[full.len()..],
        [[0x85].as_slice(), &id(3), &[2, 11, Source::Resident as u8, 0x81, 0xe1]].concat()
    );
    assert_eq!(decode(&longer).unwrap(), facts);
}

#[test]
fn somebody_of_many_facts_is_read() {
    let fact = |n: u16| Fact {
        id: FactId([[0; 14].as_slice(), &n.to_be_bytes()].concat().try_into().unwrap()),
        kind: Kind::CheckIn,
        happened: Instant(n.into()),
        recorded: Instant(n.into()),
        source: Source::Resident,
        values: Values::default(),
    };
    let facts: Facts = (0..5_000).map(fact).collect();
    assert_eq!(decode(&encode_where(&facts, &[], None, |_| true)).unwrap(), facts);
}

#[test]
fn a_value_as_before_where_nothing_was_before_is_an_error() {
    let fact = |n: u8, items: &[u8]| {
        [[0x85, 0x50].as_slice(), &[n; 16], &[2, 9, Source::Resident as u8], items].concat()
    };
    let both = |second: &[u8]| [[0x82].as_slice(), &fact(1, &[0x82, 0xf5, 0xf6]), &fact(2, second)].concat();
    assert!(decode(&both(&[0x81, 0xe1])).is_ok());
    assert!(decode(&both(&[0x81, 0xe2])).is_err(), "one more than there were");
    assert!(decode(&both(&[0x82, 0xe1, 0xe0])).is_err(), "behind the last");
    assert!(decode(&[[0x81].as_slice(), &fact(1, &[0x81, 0xe0])].concat()).is_err(), "of the first");
    assert!(decode_one(&fact(1, &[0x81, 0xe0])).is_err(), "alone");
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
