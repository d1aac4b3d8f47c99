//! Lists that nobody meant well: whatever stands in a cell, reading it ends with a line or a sentence.

use kangma_core::table::{Cell, Column, ListKind, Mapping, Reader, clean, document_number, guess, moment};
use kangma_core::time::{Day, Instant, Zone};
use proptest::prelude::*;

/// Cells as they come: any text, and texts that look like what is asked for.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?[ T]?[0-9:时分]{0,8}",
        "[0-9]{5}(\\.[0-9]{1,20})?",
        "[0-9０-９]{8,18}[X0-9x]?",
        "[0-9]\\.[0-9]{1,15}[eE]\\+?[0-9]{1,3}",
        "[=+@'\"-]{0,3}[A-Za-z0-9]{0,9}\"?",
        "(H|M|E|G)[0-9]{8}",
        Just("阴性".to_owned()),
        Just("330106000000".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_line_makes_the_reader_panic_or_repeats_what_stood_in_it(
        kind in proptest::sample::select(ListKind::ALL.to_vec()),
        cells in proptest::collection::vec(cell(), 0..12),
        fixed in cell(),
    ) {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let columns: Vec<Column> = kind.columns().collect();
        let mut mapping: Mapping = (0..).zip(&columns).map(|(i, c)| (*c, Cell::At(i))).collect();
        mapping.insert(Column::Place, Cell::Always(fixed));
        let at = Instant::parse("2020-02-20T00:00:00Z").unwrap();
        match Reader::new(kind, &mapping, &zone, at).read(&cells) {
            Ok(line) => {
                prop_assert!(line.fact.happened <= at && !line.content().is_empty());
                prop_assert_eq!(format!("{line:?}"), format!("Line({:?}, ***)", line.change));
            }
            Err(e) => prop_assert!(cells.iter().all(|c| c.chars().count() < 12 || !e.zh.contains(c.as_str()))),
        }
    }

    #[test]
    fn headers_and_values_of_any_kind_are_only_read(texts in proptest::collection::vec(any::<String>(), 0..40)) {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        for kind in ListKind::ALL {
            let found = guess(kind, &texts);
            prop_assert!(found.keys().all(|c| kind.columns().any(|k| k == *c)));
        }
        for text in &texts {
            let kept = clean(text);
            prop_assert!(text.contains(kept) && kept.trim() == kept);
            // A quote is a program's mark once; what stands behind it was typed.
            let marked = format!("'{kept}");
            prop_assert_eq!(clean(&marked), kept);
            let _ = (document_number(text), moment(text, &zone));
        }
    }

    #[test]
    fn every_day_is_read_back_in_every_shape(n in 0..40_000_i32) {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let day = Day(n);
        let (y, m, d) = day.ymd();
        for text in [format!("{y}-{m:02}-{d:02}"), format!("{y}/{m}/{d}"), format!("{y}年{m}月{d}日"), format!("{y:04}{m:02}{d:02}")] {
            prop_assert_eq!(moment(&text, &zone), Some(zone.start_of(day)), "{}", text);
        }
        // As a spreadsheet counts them, from 1990.
        if n >= 7_305 {
            prop_assert_eq!(moment(&(n + 25_569).to_string(), &zone), Some(zone.start_of(day)));
        }
    }
}
