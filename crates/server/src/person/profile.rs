//! Name and document of a person.

use kangma_core::identity::{Document, DocumentType, Name};
use kangma_core::time::{Day, Instant, Zone};
use serde::{Deserialize, Serialize};

/// Who somebody is, as they typed it and core normalised it. Sealed wherever it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Profile {
    /// Full name.
    pub name: String,
    /// Kind of document.
    pub document_type: DocumentType,
    /// Normalised number.
    pub number: String,
    /// ISO 3166 alpha-3, of passports.
    pub nationality: Option<String>,
}

/// The day of birth in a profile as it is stored, where the number holds one.
pub(super) fn birth_in(stored: &[u8]) -> Option<Day> {
    let profile: Profile = serde_json::from_slice(stored).ok()?;
    if profile.document_type != DocumentType::ResidentId {
        return None;
    }
    let part = |from: usize, to: usize| profile.number.get(from..to);
    let year = part(6, 10)?.parse().ok()?;
    Day::from_ymd(year, part(10, 12)?.parse().ok()?, part(12, 14)?.parse().ok()?)
}

impl Profile {
    /// From a checked name and document.
    pub fn new(name: &Name, document: &Document) -> Profile {
        Profile {
            name: name.as_str().to_owned(),
            document_type: document.ty(),
            number: document.number().to_owned(),
            nationality: document.nationality().map(str::to_owned),
        }
    }

    /// The document; `None` only if it was stored under rules that no longer hold.
    pub fn document(&self, now: Instant) -> Option<Document> {
        let zone = Zone::named("Asia/Shanghai").ok()?;
        Document::parse(self.document_type, &self.number, self.nationality.as_deref(), zone.day_of(now)).ok()
    }

    /// The name.
    pub fn name(&self) -> Option<Name> {
        Name::parse(&self.name).ok()
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profile(***)")
    }
}
