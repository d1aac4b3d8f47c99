//! Everybody, one after the other: the rows, the keys and, where they are wanted, the documents of a span
//! of people, each read in the order of the ids and joined as they come.

use kangma_core::fact::Facts;
use kangma_core::id::PersonId;
use kangma_core::time::{Day, Instant};

use super::{Sealed, dossier, store};
use crate::db::{Db, DbError, Page, Span};
use crate::seal::{Dek, KeyPage, Opener, PersonKeys, SealError};

/// People in one page.
const PAGE: usize = 1_000;
/// Keys of that span: some belong to people who were begun and never stored.
const KEYS: usize = 2 * PAGE;

/// Why somebody could not be looked at. Says nothing of them.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A sealed value does not open.
    #[error(transparent)]
    Closed(#[from] SealError),
    /// What is sealed has not the expected form.
    #[error("person.shape: a stored person cannot be read: {0}")]
    Shape(String),
    /// More keys than people, by far: the store of keys belongs to another database.
    #[error("person.keys: the store of keys holds many keys of nobody; is it this database's?")]
    Keys,
}

/// Walks over a span of people. What it needs is allocated once.
pub struct Walker<'a> {
    db: &'a Db,
    keys: &'a PersonKeys,
    left: Option<Span>,
    people: Page,
    deks: KeyPage,
    documents: Page,
    openers: Openers,
}

struct Openers {
    state: Opener,
    dossier: Opener,
    profile: Opener,
}

/// Somebody of a walk. Nothing is opened that is not asked for.
pub struct Seen<'a> {
    /// Who.
    pub id: PersonId,
    page: &'a Page,
    row: usize,
    dek: Dek,
    openers: &'a mut Openers,
}

impl<'a> Walker<'a> {
    /// Over a span.
    pub fn new(db: &'a Db, keys: &'a PersonKeys, span: Span) -> Walker<'a> {
        let openers = Openers {
            state: Opener::new("person", "state"),
            dossier: Opener::new("person", "dossier"),
            profile: Opener::new("document", "profile"),
        };
        let (people, documents) = (Page::default(), Page::default());
        Walker { db, keys, left: Some(span), people, deks: KeyPage::default(), documents, openers }
    }

    /// Reads the next page; returns what it covers of the span, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Span>, WalkError> {
        let Some(span) = self.left else { return Ok(None) };
        self.db.walk(&store::EVERYBODY, span, PAGE, &mut self.people).await?;
        let n = self.people.len();
        if n == 0 {
            self.left = None;
            return Ok(Some(span));
        }
        let (first, last) = (self.people.key(0)?, self.people.key(n - 1)?);
        self.keys.walk(Span { first, last }, KEYS, &mut self.deks).await?;
        if self.deks.is_cut(KEYS, last)? {
            return Err(WalkError::Keys);
        }
        let covered = if n < PAGE { span.last } else { last };
        self.left = span.after(covered);
        Ok(Some(Span { last: covered, ..span }))
    }

    /// Looks at each of the page; returns how many of them cannot be opened any more, because their key was
    /// destroyed.
    pub fn each(
        &mut self,
        mut look: impl FnMut(Seen<'_>) -> Result<(), WalkError>,
    ) -> Result<u64, WalkError> {
        let mut destroyed = 0;
        for row in 0..self.people.len() {
            let id = PersonId(self.people.key(row)?);
            match self.deks.of(self.keys.master(), id)? {
                None => destroyed += 1,
                Some(dek) => {
                    look(Seen { id, page: &self.people, row, dek, openers: &mut self.openers })?;
                }
            }
        }
        Ok(destroyed)
    }

    /// Days of birth of some of the page, in the order of the page, where their document holds one.
    pub async fn births(&mut self, wanted: &[(PersonId, Dek)]) -> Result<Vec<Option<Day>>, WalkError> {
        let (Some((first, _)), Some((last, _))) = (wanted.first(), wanted.last()) else {
            return Ok(Vec::new());
        };
        let mut span = Some(Span { first: first.0, last: last.0 });
        let mut births = vec![None; wanted.len()];
        let mut next = 0;
        while let Some(here) = span {
            self.db.walk(&store::DOCUMENTS, here, PAGE, &mut self.documents).await?;
            let n = self.documents.len();
            for row in 0..n {
                let document = self.documents.key(row)?;
                while wanted.get(next).is_some_and(|(id, _)| id.0 < document) {
                    next += 1;
                }
                // A person's first document has the person's own id.
                if let Some((id, dek)) = wanted.get(next).filter(|(id, _)| id.0 == document) {
                    let sealed = self.documents.at_bytes(row, 1)?;
                    births[next] = super::profile::birth_in(self.openers.profile.open(dek, &id.0, sealed)?);
                }
            }
            span = if n < PAGE { None } else { here.after(self.documents.key(n - 1)?) };
        }
        Ok(births)
    }
}

impl Seen<'_> {
    /// The stored decision's instant.
    pub fn decided_at(&self) -> Result<Instant, WalkError> {
        Ok(Instant(self.page.at_int(self.row, 1)?))
    }

    /// Whether it still answers at an instant, under a pack.
    pub fn stands(&self, at: Instant, pack: &[u8]) -> Result<bool, WalkError> {
        let review_at = self.page.opt_int(self.row, 2)?;
        Ok(self.page.at_bytes(self.row, 3)? == pack
            && self.decided_at()? <= at
            && review_at.is_none_or(|review| at.0 < review))
    }

    /// What a code read needs.
    pub fn state(&mut self) -> Result<Sealed, WalkError> {
        let sealed = self.page.at_bytes(self.row, 4)?;
        let plain = self.openers.state.open(&self.dek, &self.id.0, sealed)?;
        minicbor::decode(plain).map_err(|e| WalkError::Shape(e.to_string()))
    }

    /// Everything known.
    pub fn facts(&mut self) -> Result<Facts, WalkError> {
        dossier::decode(self.dossier()?).map_err(|e| WalkError::Shape(e.to_string()))
    }

    fn dossier(&mut self) -> Result<&[u8], WalkError> {
        let sealed = self.page.at_bytes(self.row, 5)?;
        Ok(self.openers.dossier.open(&self.dek, &self.id.0, sealed)?)
    }

    /// Their key, to ask for their day of birth with.
    pub fn into_key(self) -> (PersonId, Dek) {
        (self.id, self.dek)
    }
}
