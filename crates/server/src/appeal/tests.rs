//! What the public sees.

use kangma_core::appeal::Level;

use super::public::{fold, told};
use super::store::TallyRow;
use crate::lang::Lang;

fn row(county: u32, half_hours: i64, answered: i64, late: i64) -> TallyRow {
    TallyRow { level: Level::County, county, half_hours, answered, late }
}

#[test]
fn the_median_is_the_middle_answer_of_each_office() {
    let rows = [row(330_105, 3, 2, 0), row(330_105, 10, 1, 0), row(330_105, 90, 2, 2), row(330_106, 7, 1, 1)];
    let offices = fold(&rows);
    let of =
        |i: usize| (offices[i].county, offices[i].answered, offices[i].late, offices[i].median_half_hours);
    assert_eq!(of(0), (330_105, 5, 2, 10));
    assert_eq!(of(1), (330_106, 1, 1, 7));
    assert_eq!(offices.len(), 2);
}

#[test]
fn how_many_were_late_is_told_only_where_those_and_the_others_are_no_few() {
    let percent = |answered, late| {
        let offices = fold(&[row(3301, 4, answered, late)]);
        told(&offices[0], Lang::En).late_percent
    };
    assert_eq!([percent(20, 0), percent(20, 10), percent(10, 10)], [Some(0), Some(50), Some(100)]);
    assert_eq!([percent(9, 1), percent(20, 4), percent(20, 17), percent(4, 4), percent(4, 0)], [None; 5]);
}
