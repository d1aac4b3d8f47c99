//! What the public sees.

use kangma_core::appeal::Level;

use super::public::fold;
use super::store::TallyRow;

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
