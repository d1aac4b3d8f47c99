//! Blocks of lines and of results, as they are sealed.

use kangma_core::table::LineError;
use minicbor::{Decode, Encode};

use super::unreadable;
use crate::app::Shared;
use crate::error::Problem;
use crate::lang::Lang;

/// Lines in a block: bounds what is done again after a crash, and what is in memory.
pub const LINES: usize = 1_000;

/// A line as it came.
#[derive(Clone, Encode, Decode)]
pub struct Raw {
    /// Its number in the file.
    #[n(0)]
    pub number: u32,
    /// Its cells.
    #[n(1)]
    pub cells: Vec<String>,
}

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[schema(as = LineResult)]
pub enum Outcome {
    /// Of a dry run: nothing is wrong with it.
    Fine = 1,
    /// It is a fact, or took one back.
    Applied = 2,
    /// The same office has said the same before.
    Known = 3,
    /// Something is wrong with it.
    Wrong = 4,
}

impl Outcome {
    fn from_u8(n: u8) -> Option<Outcome> {
        [Outcome::Fine, Outcome::Applied, Outcome::Known, Outcome::Wrong].into_iter().find(|o| *o as u8 == n)
    }
}

/// A sentence about a line.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Sentence {
    /// Which column.
    #[n(0)]
    pub column: String,
    /// Stable code.
    #[n(1)]
    pub code: String,
    #[n(2)]
    zh: String,
    #[n(3)]
    en: String,
}

impl From<LineError> for Sentence {
    fn from(e: LineError) -> Sentence {
        Sentence { column: e.column.name().into(), code: e.code.into(), zh: e.zh.into(), en: e.en.into() }
    }
}

impl Sentence {
    /// In a language.
    pub fn text(&self, lang: Lang) -> &str {
        if lang == Lang::Zh { &self.zh } else { &self.en }
    }
}

/// What became of the lines of a block.
#[derive(Clone, Default, Encode, Decode)]
pub struct Results {
    /// Each sentence once.
    #[n(0)]
    sentences: Vec<Sentence>,
    #[n(1)]
    lines: Vec<OneResult>,
}

#[derive(Clone, Encode, Decode)]
struct OneResult {
    #[n(0)]
    number: u32,
    #[n(1)]
    outcome: u8,
    #[n(2)]
    sentence: Option<u16>,
}

impl Results {
    /// Adds a line's.
    pub fn push(&mut self, number: u32, result: Result<Outcome, LineError>) {
        let (outcome, sentence) = match result {
            Ok(outcome) => (outcome, None),
            Err(e) => {
                let known =
                    self.sentences.iter().position(|s| s.code == e.code && s.column == e.column.name());
                let i = known.unwrap_or_else(|| {
                    self.sentences.push(e.into());
                    self.sentences.len() - 1
                });
                (Outcome::Wrong, u16::try_from(i).ok())
            }
        };
        self.lines.push(OneResult { number, outcome: outcome as u8, sentence });
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Outcome, Option<&Sentence>)> {
        self.lines.iter().filter_map(|l| {
            let sentence = l.sentence.and_then(|i| self.sentences.get(usize::from(i)));
            Some((l.number, Outcome::from_u8(l.outcome)?, sentence))
        })
    }
}

fn row(import: [u8; 16], block: i64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&import);
    key[16..].copy_from_slice(&block.to_be_bytes());
    key
}

/// Seals a column of a block.
pub fn seal<T: Encode<()>>(app: &Shared, column: &str, import: [u8; 16], block: i64, value: &T) -> Vec<u8> {
    let plain = minicbor::to_vec(value).expect("encoding into memory cannot fail");
    app.keys.master.seal("import_block", column, &row(import, block), &plain)
}

/// Opens it again.
pub fn open<T: for<'b> Decode<'b, ()>>(
    app: &Shared,
    column: &str,
    import: [u8; 16],
    block: i64,
    sealed: &[u8],
) -> Result<T, Problem> {
    let plain =
        app.keys.master.open("import_block", column, &row(import, block), sealed).map_err(unreadable)?;
    minicbor::decode(&plain).map_err(unreadable)
}
