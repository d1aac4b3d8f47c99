//! Kinds of list.

use serde::{Deserialize, Serialize};

use super::column::Column;
use crate::fact::Kind;

/// What a list is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ListKind {
    /// Confirmed cases (确诊病例).
    Confirmed = 1,
    /// Suspected cases (疑似病例).
    Suspected = 2,
    /// Infected without symptoms (无症状感染者).
    Asymptomatic = 3,
    /// Close contacts (密切接触者).
    CloseContact = 4,
    /// Contacts of close contacts (次密接).
    ContactOfContact = 5,
    /// Arrivals from elsewhere (入境和来返人员).
    Inbound = 6,
    /// Laboratory results (检测结果).
    Test = 7,
    /// Vaccinations (接种记录).
    Vaccination = 8,
    /// Orders to stay in quarantine (隔离令).
    Quarantine = 9,
    /// Certificates that people showed (电子证明).
    Certificate = 10,
}

use Column as C;

const ABOUT: [Column; 7] =
    [C::Name, C::DocumentType, C::DocumentNumber, C::Nationality, C::Place, C::Reference, C::Status];

impl ListKind {
    /// Every kind.
    pub const ALL: [ListKind; 10] = [
        ListKind::Confirmed,
        ListKind::Suspected,
        ListKind::Asymptomatic,
        ListKind::CloseContact,
        ListKind::ContactOfContact,
        ListKind::Inbound,
        ListKind::Test,
        ListKind::Vaccination,
        ListKind::Quarantine,
        ListKind::Certificate,
    ];

    /// Its name in URLs and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ListKind::Confirmed => "confirmed",
            ListKind::Suspected => "suspected",
            ListKind::Asymptomatic => "asymptomatic",
            ListKind::CloseContact => "close_contact",
            ListKind::ContactOfContact => "contact_of_contact",
            ListKind::Inbound => "inbound",
            ListKind::Test => "test",
            ListKind::Vaccination => "vaccination",
            ListKind::Quarantine => "quarantine",
            ListKind::Certificate => "certificate",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<ListKind> {
        ListKind::ALL.into_iter().find(|k| k.name() == name)
    }

    /// The kind of a stored number.
    #[must_use]
    pub fn from_u8(n: u8) -> Option<ListKind> {
        ListKind::ALL.into_iter().find(|k| *k as u8 == n)
    }

    /// What a line becomes.
    #[must_use]
    pub fn fact(self) -> Kind {
        match self {
            ListKind::Inbound => Kind::Arrival,
            ListKind::Test => Kind::Test,
            ListKind::Vaccination => Kind::Vaccination,
            ListKind::Quarantine => Kind::Quarantine,
            ListKind::Certificate => Kind::Certificate,
            _ => Kind::Listed,
        }
    }

    /// The columns that it may have: those about the person and the line, then its own.
    pub fn columns(self) -> impl Iterator<Item = Column> {
        ABOUT.into_iter().chain(self.own().iter().copied())
    }

    fn own(self) -> &'static [Column] {
        match self {
            ListKind::Inbound => &[C::ArrivedOn, C::Origin, C::Country, C::Transport],
            ListKind::Test => &[C::SampledAt, C::Result, C::Method, C::Laboratory],
            ListKind::Vaccination => &[C::VaccinatedOn, C::Dose, C::Vaccine, C::Batch],
            ListKind::Quarantine => &[C::From, C::Until, C::Stay],
            ListKind::Certificate => &[C::Certificate, C::ShownAt],
            _ => &[C::Since],
        }
    }

    /// The columns without which a line says nothing.
    #[must_use]
    pub fn needs(self) -> &'static [Column] {
        match self {
            ListKind::Inbound => &[C::DocumentNumber, C::ArrivedOn],
            ListKind::Test => &[C::DocumentNumber, C::SampledAt, C::Result],
            ListKind::Vaccination => &[C::DocumentNumber, C::VaccinatedOn],
            ListKind::Quarantine => &[C::DocumentNumber, C::From],
            ListKind::Certificate => &[C::DocumentNumber, C::Certificate],
            _ => &[C::DocumentNumber],
        }
    }
}
