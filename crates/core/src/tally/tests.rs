use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Real divisions of every depth, one that was never in the table, and none.
fn some_divisions() -> Vec<u64> {
    let first = |code: &str| divisions().children(Some(code)).next().unwrap().code.parse().unwrap();
    let streets: Vec<&str> = divisions().children(Some("330106")).map(|d| d.code).take(2).collect();
    let mut codes = vec![0, 33, 330_106, 330_102, 650_102, 999_999, first(streets[0]), first("110101")];
    codes.extend(streets.iter().map(|s| s.parse::<u64>().unwrap()));
    codes
}

fn counted() -> impl Strategy<Value = Counted> {
    let colour = prop_oneof![
        Just(None),
        Just(Some(Colour::Green)),
        Just(Some(Colour::Yellow)),
        Just(Some(Colour::Red))
    ];
    (prop::sample::select(some_divisions()), colour, any::<bool>(), any::<bool>())
        .prop_map(|(division, colour, overdue, review)| Counted { division, colour, overdue, review })
}

/// People by what was counted of them, and the days of it: each a chain of changes.
fn lives() -> impl Strategy<Value = Vec<Change>> {
    let life = prop::collection::vec((counted(), 0..200_i32), 1..6).prop_map(|steps| {
        let mut days: Vec<i32> = steps.iter().map(|(_, day)| *day).collect();
        days.sort_unstable();
        let mut from = None;
        let mut changes = Vec::new();
        for ((to, _), day) in steps.into_iter().zip(days) {
            let was_red = from.is_some_and(|f: Counted| f.colour == Some(Colour::Red));
            let new_red = to.colour == Some(Colour::Red) && !was_red;
            changes.push(Change { day: Day(day), at_ms: 7, from, to, new_red });
            from = Some(to);
        }
        changes
    });
    prop::collection::vec(life, 1..12).prop_map(|lives| lives.concat())
}

fn cells(folds: &[Folded]) -> BTreeMap<Place, Cell> {
    let mut cells: BTreeMap<Place, Cell> = BTreeMap::new();
    for folded in folds {
        for (place, days) in folded {
            let cell = cells.entry(*place).or_default();
            days.iter().for_each(|(day, counts)| cell.add(*day, counts));
        }
    }
    cells
}

fn sum(counts: impl Iterator<Item = Counts>) -> Counts {
    counts.fold([0; MEASURES], |mut sum, counts| {
        sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        sum
    })
}

proptest! {
    #[test]
    fn a_change_and_a_cell_come_back_as_they_were_stored(changes in lives()) {
        for change in &changes {
            prop_assert_eq!(Change::from_bytes(&change.to_bytes()), Some(*change));
        }
        for cell in cells(&[fold(&changes)]).into_values() {
            prop_assert_eq!(Cell::from_bytes(&cell.to_bytes()), Some(cell));
        }
    }

    #[test]
    fn damaged_bytes_are_refused_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Change::from_bytes(&bytes);
        let _ = Cell::from_bytes(&[&[1], &bytes[..]].concat());
    }

    #[test]
    fn children_add_up_to_their_parent_on_every_day(changes in lives()) {
        let cells = cells(&[fold(&changes)]);
        let on = |place: Place, day: i32| cells.get(&place).map_or([0; MEASURES], |c| c.on(Day(day)));
        for place in cells.keys().filter(|p| !p.children().is_empty()) {
            // Further back than a cell keeps, its days end as they began.
            for day in [110, 120, 150, 199, 230] {
                let children = place.children();
                let of_children = sum(children.iter().map(|c| on(*c, day)));
                prop_assert_eq!(on(*place, day), of_children, "{} on {}", place, day);
            }
            prop_assert_eq!(
                cells[place].standing_now(),
                sum(place.children().iter().map(|c| cells.get(c).map_or([0; MEASURES], Cell::standing_now)))
            );
        }
    }

    #[test]
    fn the_order_of_changes_and_their_split_over_folds_make_no_difference(
        changes in lives(), order in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
    ) {
        let whole = cells(&[fold(&changes)]);
        let mut turned = changes.clone();
        turned.rotate_left(order.index(changes.len()));
        turned.reverse();
        let (one, other) = turned.split_at(at.index(turned.len()));
        let split = cells(&[fold(one), fold(other)]);
        for (place, cell) in &whole {
            for day in 110..201 {
                prop_assert_eq!(cell.on(Day(day)), split[place].on(Day(day)), "{} on {}", place, day);
            }
        }
    }
}

#[test]
fn a_person_is_counted_in_every_division_above_and_as_unknown_below_the_deepest() {
    let of = |code: u64| places(code).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(of(0), ["0", "0?"]);
    assert_eq!(of(330_106), ["0", "33", "3301", "330106", "330106?"]);
    let street = divisions().children(Some("330106")).next().unwrap().code;
    assert_eq!(of(street.parse().unwrap())[..5], ["0", "33", "3301", "330106", street]);
    let committee = divisions().children(Some(street)).next().unwrap().code;
    assert_eq!(
        of(committee.parse().unwrap()),
        ["0", "33", "3301", "330106", street, committee],
        "the last level leads no further"
    );
    assert_eq!(of(990_101), ["0", "0?"], "a code that is not in the table");
    for code in some_divisions() {
        let places = places(code);
        assert_eq!(places.last().unwrap().path(), places, "{code}");
        for pair in places.windows(2) {
            assert!(pair[0].children().contains(&pair[1]), "{code}: {} is below {}", pair[1], pair[0]);
        }
        assert!(places.iter().all(|p| Place::parse(&p.to_string()) == Some(*p)));
    }
    assert_eq!(Place::parse("330199"), None);
    assert_eq!(Place::parse("x"), None);
    assert_eq!(Place::parse("+33"), None);
}

#[test]
fn a_day_without_a_change_ends_as_the_one_before_and_begins_without_new_reds() {
    let red = Counted { division: 330_106, colour: Some(Colour::Red), overdue: true, review: false };
    let change = Change { day: Day(10), at_ms: 0, from: None, to: red, new_red: true };
    let cell = cells(&[fold([&change])]).remove(&Place::division(3_301)).unwrap();
    assert_eq!(cell.on(Day(9)), [0; MEASURES]);
    assert_eq!(cell.on(Day(10)), [0, 0, 1, 0, 1, 1, 0]);
    assert_eq!(cell.on(Day(11)), [0, 0, 1, 0, 0, 1, 0]);
}

#[test]
fn ninety_days_are_kept_and_the_counts_that_they_began_with() {
    let mut cell = Cell::default();
    for day in 0..400 {
        cell.add(Day(day), &[1, 0, 0, 0, 0, 0, 0]);
    }
    assert_eq!(cell.on(Day(399))[0], 400);
    assert_eq!(cell.on(Day(310))[0], 311);
    assert!(cell.to_bytes().len() < 1_000, "{}", cell.to_bytes().len());
    // A change that comes late counts on every day since.
    cell.add(Day(350), &[10, 0, 0, 0, 0, 0, 0]);
    assert_eq!((cell.on(Day(349))[0], cell.on(Day(350))[0], cell.on(Day(399))[0]), (350, 361, 410));
    cell.add(Day(1), &[100, 0, 0, 0, 0, 0, 0]);
    assert_eq!((cell.on(Day(310))[0], cell.on(Day(399))[0]), (411, 510));
}

/// Numbers well spread (SplitMix64), so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as i64
    }
}

/// A made-up tree of divisions with counts of some days, and what is shown of it.
struct Town {
    counts: Vec<Vec<Counts>>,
    shown: Vec<ShownRow>,
    children: Vec<Vec<usize>>,
}

type ShownRow = Vec<[Shown; MEASURES]>;

impl Town {
    fn new(chance: &mut Chance, days: usize) -> Town {
        let mut town = Town { counts: vec![vec![]], shown: vec![], children: vec![vec![]] };
        let depth = 1 + chance.below(3);
        town.grow(chance, 0, depth, days);
        town.show();
        town
    }

    fn show(&mut self) {
        self.shown = vec![ShownRow::new(); self.counts.len()];
        self.shown[0] = suppress_top(&self.counts[0]);
        for parent in 0..self.counts.len() {
            let children = self.children[parent].clone();
            let rows: Vec<&[Counts]> = children.iter().map(|c| &self.counts[*c][..]).collect();
            for (child, shown) in children.into_iter().zip(suppress(&rows, &self.shown[parent].clone())) {
                self.shown[child] = shown;
            }
        }
    }

    /// The same town, of whose days only some are asked for.
    fn of_days(&self, days: usize) -> Town {
        let counts = self.counts.iter().map(|all| all[..days].to_vec()).collect();
        let mut town = Town { counts, shown: Vec::new(), children: self.children.clone() };
        town.show();
        town
    }

    fn grow(&mut self, chance: &mut Chance, at: usize, depth: i64, days: usize) {
        if depth == 0 {
            let size = [1, 3, 6, 30, 400][chance.below(5) as usize];
            let mut today = [0; MEASURES].map(|_| chance.below(size));
            self.counts[at] = (0..days)
                .map(|_| {
                    let step = [1, 3, 9][chance.below(3) as usize];
                    today = today.map(|n| (n + chance.below(2 * step - 1) - step + 1).max(0));
                    today
                })
                .collect();
            return;
        }
        let first = self.counts.len();
        let n = 1 + chance.below(5) as usize;
        // The last child are those of whom no more is known: mostly nobody.
        for i in 0..=n {
            self.counts.push(vec![[0; MEASURES]; days]);
            self.children.push(vec![]);
            let child = first + i;
            self.children[at].push(child);
            if i == n && chance.below(4) == 0 {
                self.grow(chance, child, 0, days);
            }
        }
        for child in first..first + n {
            let deeper = if chance.below(5) == 0 { 0 } else { depth - 1 };
            self.grow(chance, child, deeper, days);
        }
        self.counts[at] =
            (0..days).map(|d| sum(self.children[at].iter().map(|c| self.counts[*c][d]))).collect();
    }

    /// What can be known of each count of a day and measure: nothing is below zero, and children add
    /// up to their parent. Narrowed until nothing changes.
    fn bounds(&self, day: usize, m: usize) -> Vec<(i64, i64)> {
        const MANY: i64 = 1_000_000;
        let shown = |i: usize| self.shown[i][day][m].count();
        let mut bounds: Vec<(i64, i64)> =
            (0..self.counts.len()).map(|i| shown(i).map_or((0, MANY), |n| (n, n))).collect();
        loop {
            let before = bounds.clone();
            for (parent, children) in self.children.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
                let low: i64 = children.iter().map(|c| bounds[*c].0).sum();
                let high: i64 = children.iter().map(|c| bounds[*c].1).sum();
                let (p_low, p_high) = bounds[parent];
                bounds[parent] = (p_low.max(low), p_high.min(high));
                for c in children {
                    let (c_low, c_high) = bounds[*c];
                    bounds[*c] = (
                        c_low.max(bounds[parent].0 - (high - c_high)),
                        c_high.min(bounds[parent].1 - (low - c_low)),
                    );
                }
            }
            if bounds == before {
                return bounds;
            }
        }
    }
}

#[test]
fn ten_thousand_queries_with_subtraction_find_no_count_under_five() {
    let mut chance = Chance(5);
    let (mut queries, mut hidden, mut shown) = (0, 0, 0);
    while queries < 10_000 {
        let town = Town::new(&mut chance, 8);
        for _ in 0..20 {
            let (day, m) = (chance.below(8) as usize, chance.below(MEASURES as i64) as usize);
            queries += 1;
            for (i, (low, high)) in town.bounds(day, m).into_iter().enumerate() {
                let real = town.counts[i][day][m];
                assert!((low..=high).contains(&real), "the attacker errs");
                if town.shown[i][day][m].count().is_some() {
                    shown += 1;
                    assert!(real == 0 || real >= FLOOR, "{real} is shown");
                } else {
                    hidden += 1;
                    assert!(low < high, "{real} is found");
                    let is_vague = real >= FLOOR || low == 0 && high >= FLOOR;
                    assert!(is_vague, "{real} is within {low} to {high}");
                }
            }
        }
    }
    assert!(hidden > 10_000 && shown > 10_000, "{hidden} hidden, {shown} shown");
}

#[test]
fn no_two_days_that_are_shown_differ_by_one_to_four_people() {
    let mut chance = Chance(6);
    let (mut equal, mut apart) = (0, 0);
    for _ in 0..500 {
        let town = Town::new(&mut chance, 12);
        for row in &town.shown {
            for measure in Measure::ALL.into_iter().filter(|m| !m.is_of_the_day()) {
                let m = measure as usize;
                for (i, day) in row.iter().enumerate() {
                    for other in &row[i + 1..] {
                        match day[m].change_since(other[m]) {
                            None => {}
                            Some(0) => equal += 1,
                            Some(n) => {
                                apart += 1;
                                assert!(n.abs() >= FLOOR, "{n}");
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(equal > 1_000 && apart > 1_000, "{equal} equal, {apart} apart");
}

#[test]
fn a_table_of_large_counts_and_zeros_is_shown_whole() {
    let day = |n: i64| vec![[n; MEASURES]];
    let rows = [day(120), day(7), day(0), day(5)];
    let rows: Vec<&[Counts]> = rows.iter().map(|r| &r[..]).collect();
    let shown = suppress(&rows, &suppress_top(&day(132)));
    let counts: Vec<_> = shown.iter().map(|row| row[0][0].count()).collect();
    assert_eq!(counts, [Some(120), Some(7), Some(0), Some(5)]);
}

#[test]
fn one_small_count_takes_along_its_complement_and_the_zeros() {
    let day = |n: i64| vec![[n; MEASURES]];
    let rows = [day(120), day(7), day(0), day(3)];
    let rows: Vec<&[Counts]> = rows.iter().map(|r| &r[..]).collect();
    let shown = suppress(&rows, &suppress_top(&day(130)));
    let counts: Vec<_> = shown.iter().map(|row| row[0][0].count()).collect();
    assert_eq!(counts, [Some(120), None, None, None]);
}

#[test]
fn a_count_that_stands_alone_is_told_in_whole_fives_from_five_on() {
    let told = |n| suppress_alone(n).count();
    assert_eq!(
        [-1, 0, 1, 4, 5, 9, 10, 1_234].map(told),
        [None, None, None, None, Some(5), Some(5), Some(10), Some(1_230)]
    );
}

#[test]
fn a_part_is_told_only_with_its_whole_and_with_what_is_left_of_it() {
    let part = |n, of| suppress_part(n, of, suppress_whole(of)).count();
    assert_eq!([part(5, 10), part(0, 10), part(10, 10), part(0, 0)], [Some(5), Some(0), Some(10), Some(0)]);
    assert_eq!([part(4, 10), part(7, 10), part(4, 4), part(0, 4)], [None; 4]);
    assert_eq!(suppress_part(8, 8, suppress_parts(&[8, 3], suppress_whole(11))[0]).count(), None);
    for (n, of) in (0..40).flat_map(|of| (0..=of).map(move |n| (n, of))) {
        // Whoever has the whole and a part has the other part.
        for told in [part(n, of), part(n, of).map(|n| of - n)].into_iter().flatten() {
            assert!(told == 0 || told >= FLOOR, "{told} of {of}");
        }
    }
}

/// Today and yesterday stand on one panel, ninety days on another: what one withholds the other does not tell.
#[test]
fn fewer_days_of_a_place_are_the_first_of_many() {
    let mut chance = Chance(7);
    let mut shown = 0;
    for _ in 0..500 {
        let many = Town::new(&mut chance, 12);
        let few = many.of_days(2);
        for (many, few) in many.shown.iter().zip(&few.shown) {
            assert_eq!(many[..2], few[..]);
            shown += few.iter().flatten().filter(|n| n.count().is_some()).count();
        }
    }
    assert!(shown > 10_000, "{shown}");
}
