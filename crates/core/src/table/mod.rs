//! Lists as offices send them: which columns a list has, what a header means, and what a line says.
//!
//! A line is a row of texts, whatever file it came from. [`Reader::read`] turns it into a
//! [`Line`], or into the first thing that is wrong with it, as a sentence that names no value.

mod column;
mod kind;
mod line;
mod value;

pub use column::{Cell, Column, Mapping, guess, header_row};
pub use kind::ListKind;
pub use line::{Change, Line, Reader};
pub use value::{clean, document_number, moment};

/// What is wrong with a line. Never repeats what stood in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {en}")]
pub struct LineError {
    /// Which column.
    pub column: Column,
    /// Stable code.
    pub code: &'static str,
    /// What to do, in Chinese.
    pub zh: &'static str,
    /// What to do, in English.
    pub en: &'static str,
}
