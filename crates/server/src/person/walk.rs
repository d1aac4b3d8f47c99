//! Everybody, one after the other: the rows, the keys and, where they are wanted, the documents of a part
//! of the people, a page at a time. Where rows lie in the order in which they came, people are read so,
//! and what belongs to them is found by their ids; elsewhere all is read in the order of the ids and
//! joined as it comes.

use std::ops::Range;

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

/// How everybody, or a sample, is walked over in parts.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// By their ids: so many in so many, which is as good a sample as any, since ids are keyed hashes.
    Ids((u32, u32)),
    /// As they lie, up to a last row: everybody.
    Rows(i64),
}

#[derive(Debug)]
enum Left {
    Ids(Span),
    Rows(Range<i64>),
}

impl Plan {
    /// Of so many in so many people.
    pub fn of(db: &Db, keys: &PersonKeys, sample: (u32, u32)) -> Result<Plan, DbError> {
        match db.in_order().filter(|_| keys.are_found() && sample.0 >= sample.1) {
            Some(db) => Ok(Plan::Rows(db.last(&store::EVERYBODY)?)),
            None => Ok(Plan::Ids(sample)),
        }
    }

    fn part(self, number: u32, of: u32) -> Left {
        match self {
            Plan::Ids(sample) => Left::Ids(Span::part(number, of).first_of(sample)),
            Plan::Rows(last) => {
                let width = last / i64::from(of.max(1)) + 1;
                let first = width * i64::from(number) + 1;
                Left::Rows(first..(first + width).min(last + 1))
            }
        }
    }
}

/// Walks over a part of the people. What it needs is allocated once.
pub struct Walker<'a> {
    db: &'a Db,
    keys: &'a PersonKeys,
    plan: Plan,
    left: Option<Left>,
    people: Page,
    /// Rows of the page by their ids.
    by_id: Vec<([u8; 16], usize)>,
    ids: Vec<[u8; 16]>,
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
    /// Over a part, from 0, of so many.
    pub fn new(db: &'a Db, keys: &'a PersonKeys, plan: Plan, number: u32, of: u32) -> Walker<'a> {
        let openers = Openers {
            state: Opener::new("person", "state"),
            dossier: Opener::new("person", "dossier"),
            profile: Opener::new("document", "profile"),
        };
        Walker {
            db,
            keys,
            plan,
            left: Some(plan.part(number, of)),
            people: Page::default(),
            by_id: Vec::new(),
            ids: Vec::new(),
            deks: KeyPage::default(),
            documents: Page::default(),
            openers,
        }
    }

    /// Goes on behind somebody of the part.
    #[must_use]
    pub fn behind(mut self, last: PersonId) -> Walker<'a> {
        if let Some(Left::Ids(span)) = &self.left
            && span.first <= last.0
        {
            self.left = span.after(last.0).map(Left::Ids);
        }
        self
    }

    /// The last of the page.
    pub fn last(&self) -> Option<PersonId> {
        self.by_id.last().map(|(id, _)| PersonId(*id))
    }

    /// Whether that was the last page.
    pub fn is_over(&self) -> bool {
        self.left.is_none()
    }

    /// Reads the next page; returns how much of all people it covers, in parts of 2³², or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<u64>, WalkError> {
        match self.left.take() {
            None => Ok(None),
            Some(Left::Ids(span)) => self.next_by_id(span).await.map(Some),
            Some(Left::Rows(rows)) => self.next_as_they_lie(rows).map(Some),
        }
    }

    async fn next_by_id(&mut self, span: Span) -> Result<u64, WalkError> {
        self.db.walk(&store::EVERYBODY, span, PAGE, &mut self.people).await?;
        let n = self.people.len();
        let mut covered = span;
        if n > 0 {
            let (first, last) = (self.people.key(0)?, self.people.key(n - 1)?);
            self.keys.walk(Span { first, last }, KEYS, &mut self.deks).await?;
            if self.deks.is_cut(KEYS, last)? {
                return Err(WalkError::Keys);
            }
            if n == PAGE {
                covered.last = last;
            }
            self.left = span.after(covered.last).map(Left::Ids);
        }
        self.sort()?;
        let Plan::Ids((some, of)) = self.plan else { return Ok(0) };
        Ok(covered.share().saturating_mul(u64::from(of)) / u64::from(some.max(1)))
    }

    fn next_as_they_lie(&mut self, rows: Range<i64>) -> Result<u64, WalkError> {
        let Some(db) = self.db.in_order() else { return Ok(0) };
        db.walk(&store::EVERYBODY, &rows, PAGE, &mut self.people)?;
        let n = self.people.len();
        let end = if n < PAGE { rows.end } else { self.people.place(n - 1)? + 1 };
        self.left = (end < rows.end).then_some(Left::Rows(end..rows.end));
        self.sort()?;
        self.ids.clear();
        self.ids.extend(self.by_id.iter().map(|(id, _)| *id));
        self.keys.find(&self.ids, &mut self.deks)?;
        let Plan::Rows(last) = self.plan else { return Ok(0) };
        let rows = u64::try_from(end - rows.start).unwrap_or(0);
        Ok((rows << 32) / u64::try_from(last).unwrap_or(1).max(1))
    }

    fn sort(&mut self) -> Result<(), DbError> {
        self.by_id.clear();
        for row in 0..self.people.len() {
            self.by_id.push((self.people.key(row)?, row));
        }
        self.by_id.sort_unstable();
        Ok(())
    }

    /// Looks at each of the page, in the order of their ids; returns how many of them cannot be opened any more, because their key was
    /// destroyed.
    pub fn each(
        &mut self,
        mut look: impl FnMut(Seen<'_>) -> Result<(), WalkError>,
    ) -> Result<u64, WalkError> {
        let mut destroyed = 0;
        for (id, row) in self.by_id.iter().map(|(id, row)| (PersonId(*id), *row)) {
            match self.deks.of(self.keys.master(), id)? {
                None => destroyed += 1,
                Some(dek) => {
                    look(Seen { id, page: &self.people, row, dek, openers: &mut self.openers })?;
                }
            }
        }
        Ok(destroyed)
    }

    /// Days of birth of some of the page, in the order of their ids, where their document holds one.
    pub async fn births(&mut self, wanted: &[(PersonId, Dek)]) -> Result<Vec<Option<Day>>, WalkError> {
        let (Some((first, _)), Some((last, _))) = (wanted.first(), wanted.last()) else {
            return Ok(Vec::new());
        };
        let mut span = Some(Span { first: first.0, last: last.0 });
        let mut births = vec![None; wanted.len()];
        let mut next = 0;
        let in_order = self.db.in_order().filter(|_| matches!(self.plan, Plan::Rows(_)));
        while let Some(here) = span {
            match in_order {
                Some(db) => {
                    self.ids.clear();
                    self.ids.extend(wanted.iter().map(|(id, _)| id.0));
                    db.find(&store::DOCUMENT, &self.ids, &mut self.documents)?;
                }
                None => self.db.walk(&store::DOCUMENTS, here, PAGE, &mut self.documents).await?,
            }
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
            span = if n < PAGE || in_order.is_some() { None } else { here.after(self.documents.key(n - 1)?) };
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

    /// Whether rows hold facts that the dossier, which has these, leaves to them.
    pub fn has_more_rows(&mut self, facts: &Facts) -> Result<bool, WalkError> {
        let next_seq = self.page.at_int(self.row, 6)?;
        Ok(super::more_rows(next_seq, self.state()?.erased.as_ref(), facts.len()))
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
