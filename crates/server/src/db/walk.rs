//! Looking at everybody: a table in the order of its key, a page at a time.
//!
//! Each page is a short read of its own, so that a walk of minutes keeps no old version of a row
//! alive and holds up no writer. A page is one buffer that is filled again and again: a walk over
//! ten million rows allocates as much as one over a thousand.

use std::ops::Range;

use super::sqlite::Readers;
use super::{DbError, Point};

/// A table to walk over.
#[derive(Debug)]
pub struct Walk {
    /// `duty.verb`.
    pub name: &'static str,
    /// Columns of numbers and bytes; the first is the key.
    pub columns: &'static str,
    /// Table, and after the span nothing but `filter`.
    pub table: &'static str,
    /// Column of the key, 16 bytes, by which the table is kept in order.
    pub key: &'static str,
    /// A further condition without parameters, or empty.
    pub filter: &'static str,
}

impl Walk {
    /// The statement of a page: first key, last key, rows at most.
    pub(super) fn sql(&self) -> String {
        let Walk { columns, table, key, filter, .. } = self;
        format!(
            "SELECT {columns} FROM {table} WHERE {key} >= $1 AND {key} <= $2 {filter} ORDER BY {key} LIMIT $3"
        )
    }
}

impl Walk {
    /// The same in the order in which the rows lie: first row, the one behind the last, rows at most. The
    /// last column is where a row lies.
    pub(super) fn sql_in_order(&self) -> String {
        let Walk { columns, table, filter, .. } = self;
        format!(
            "SELECT {columns}, rowid FROM {table} WHERE rowid >= $1 AND rowid < $2 {filter} ORDER BY rowid LIMIT $3"
        )
    }
}

/// Tables whose rows lie in the order in which they came: SQLite's. By their keys, which are as good as
/// chance, a walk would jump through the whole file for each row.
#[derive(Clone, Copy)]
pub struct InOrder<'a>(pub(super) &'a Readers);

impl InOrder<'_> {
    /// Where the last row lies; 0 where there is none.
    pub fn last(self, walk: &'static Walk) -> Result<i64, DbError> {
        self.0.last_row(walk)
    }

    /// Reads the next page of a range of rows. Where it is full, those from behind its last row on are left.
    pub fn walk(
        self,
        walk: &'static Walk,
        rows: &Range<i64>,
        rows_max: usize,
        page: &mut Page,
    ) -> Result<(), DbError> {
        page.clear();
        self.0.walk_rows(walk, rows, rows_max, page)
    }

    /// Reads the rows of some keys, those that there are, in the order of the keys.
    pub fn find(self, point: &'static Point, keys: &[[u8; 16]], page: &mut Page) -> Result<(), DbError> {
        page.clear();
        self.0.points(point, keys, page)
    }
}

/// Keys from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: [u8; 16],
    /// The last.
    pub last: [u8; 16],
}

impl Span {
    /// Part `number` of `of`, which are alike in length.
    #[must_use]
    pub fn part(number: u32, of: u32) -> Span {
        let width = (u128::MAX / u128::from(of.max(1))).saturating_add(1);
        let first = width.saturating_mul(u128::from(number));
        let last = if number + 1 >= of { u128::MAX } else { first.saturating_add(width - 1) };
        Span { first: first.to_be_bytes(), last: last.to_be_bytes() }
    }

    /// The first so many of so many pieces.
    #[must_use]
    pub fn first_of(self, (some, of): (u32, u32)) -> Span {
        let (first, last) = (u128::from_be_bytes(self.first), u128::from_be_bytes(self.last));
        if some >= of {
            return self;
        }
        let last = first + (last - first) / u128::from(of) * u128::from(some);
        Span { last: last.to_be_bytes(), ..self }
    }

    /// What is left behind a key; `None` where nothing is.
    #[must_use]
    pub fn after(self, key: [u8; 16]) -> Option<Span> {
        let first = u128::from_be_bytes(key).checked_add(1)?.to_be_bytes();
        (first <= self.last).then_some(Span { first, ..self })
    }

    /// How much of all keys it is, in parts of 2³².
    #[must_use]
    pub fn share(self) -> u64 {
        let high = |key: [u8; 16]| (u128::from_be_bytes(key) >> 96) as u64;
        high(self.last) + 1 - high(self.first)
    }
}

#[derive(Clone, Copy, Debug)]
enum Cell {
    Null,
    Int(i64),
    Bytes(usize, usize),
}

/// Rows that were read, in order of the key.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
    columns: usize,
}

impl Page {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
    }

    pub(super) fn begin(&mut self, columns: usize) {
        self.columns = columns;
    }

    pub(super) fn null(&mut self) {
        self.cells.push(Cell::Null);
    }

    pub(super) fn int(&mut self, n: i64) {
        self.cells.push(Cell::Int(n));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.cells.push(Cell::Bytes(from, self.bytes.len()));
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns).unwrap_or(0)
    }

    /// A number, or NULL.
    pub fn opt_int(&self, row: usize, column: usize) -> Result<Option<i64>, DbError> {
        match self.cells.get(row * self.columns + column) {
            Some(Cell::Int(n)) => Ok(Some(*n)),
            Some(Cell::Null) => Ok(None),
            _ => Err(DbError::shape("bigint")),
        }
    }

    /// A number.
    pub fn at_int(&self, row: usize, column: usize) -> Result<i64, DbError> {
        self.opt_int(row, column)?.ok_or_else(|| DbError::shape("null"))
    }

    /// Bytes.
    pub fn at_bytes(&self, row: usize, column: usize) -> Result<&[u8], DbError> {
        match self.cells.get(row * self.columns + column) {
            Some(Cell::Bytes(from, to)) => Ok(&self.bytes[*from..*to]),
            _ => Err(DbError::shape("blob")),
        }
    }

    /// Where a row lies, of a page in that order.
    pub fn place(&self, row: usize) -> Result<i64, DbError> {
        self.at_int(row, self.columns.saturating_sub(1))
    }

    /// The key of a row.
    pub fn key(&self, row: usize) -> Result<[u8; 16], DbError> {
        self.at_bytes(row, 0)?.try_into().map_err(|_| DbError::shape("key"))
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    const ALL: Span = Span { first: [0; 16], last: [0xff; 16] };

    #[test]
    fn parts_cover_every_key_once() {
        for of in [1, 3, 16, 256, 1000] {
            let mut next = Some([0; 16]);
            for number in 0..of {
                let part = Span::part(number, of);
                assert_eq!(Some(part.first), next, "{number} of {of}");
                assert!(part.first <= part.last);
                next = ALL.after(part.last).map(|s| s.first);
            }
            assert_eq!(next, None, "{of} parts end with the last key");
        }
        assert_eq!(ALL.share(), 1 << 32);
        assert_eq!((0..256).map(|i| Span::part(i, 256).share()).sum::<u64>(), 1 << 32);
    }

    #[test]
    fn a_span_goes_on_behind_a_key_and_ends() {
        let span = Span::part(1, 256);
        let rest = span.after(span.first).unwrap();
        assert_eq!(rest.first[15], 1);
        assert_eq!(span.after(span.last), None);
        assert_eq!(ALL.after([0xff; 16]), None);
        assert!(span.first_of((1, 100)).last < span.last && span.first_of((1, 1)) == span);
    }
}
