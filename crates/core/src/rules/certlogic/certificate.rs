//! A certificate as evidence: what a fact keeps of it.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::fact::{Fact, Kind, Value};
use crate::time::Instant;

/// Longest payload that a fact keeps, in bytes of its JSON.
pub const PAYLOAD_BYTES_MAX: usize = 3_072;
/// Deepest nesting of a payload.
const DEPTH_MAX: usize = 8;

/// The three kinds of event that a certificate can be about, and the member that holds it.
pub(super) const EVENTS: [(&str, &str); 3] = [("v", "vaccination"), ("t", "test"), ("r", "recovery")];

/// A payload that is fit to be kept.
pub struct Payload {
    json: Json,
    text: Box<str>,
    member: &'static str,
    event: &'static str,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, ***)", self.event)
    }
}

/// Makes a payload fit to be kept: the holder's name is left out, since a person is known by their
/// document, and no rule asks for it; what is left is one event, in JSON without blanks.
pub fn payload(mut json: Json) -> Result<Payload, &'static str> {
    let map = json.as_object_mut().ok_or("a certificate's payload is an object")?;
    map.remove("nam");
    map.retain(|_, value| !value.is_null());
    let (member, event) =
        event(&json).ok_or("a certificate is about one event: v, t or r, an array of one object")?;
    if !within(&json, DEPTH_MAX) {
        return Err("the payload is too deep");
    }
    let text: Box<str> = json.to_string().into();
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err("the payload is over 3 KiB");
    }
    Ok(Payload { json, text, member, event })
}

/// The one event that a payload is about.
fn event(json: &Json) -> Option<(&'static str, &'static str)> {
    let mut events = EVENTS.iter().filter(|(member, _)| json.get(*member).is_some());
    let (Some(found), None) = (events.next(), events.next()) else { return None };
    let all = json.get(found.0)?.as_array()?;
    (all.len() == 1 && all[0].is_object()).then_some(*found)
}

impl Payload {
    /// Puts it into a fact, with what it says of itself: kind of event, country, disease.
    pub fn fill(&self, fact: &mut Fact) {
        let said = |name: &str| self.json[self.member][0].get(name).and_then(Json::as_str);
        fact.set("payload", Value::Text((*self.text).into()));
        fact.set("type", Value::Text(self.event.into()));
        for (field, member) in [("country", "co"), ("disease", "tg")] {
            if let Some(text) = said(member).filter(|t| t.len() <= 32 && *fact.get(field) == Value::Missing) {
                fact.set(field, Value::Text(text.into()));
            }
        }
    }

    /// Vaccination, test or recovery.
    #[must_use]
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// The holder's date of birth, as much of it as it says.
    #[must_use]
    pub fn born(&self) -> Option<&str> {
        self.json.get("dob").and_then(Json::as_str).filter(|t| !t.is_empty())
    }
}

fn within(json: &Json, deep: usize) -> bool {
    match json {
        Json::Array(items) => deep > 0 && items.iter().all(|item| within(item, deep - 1)),
        Json::Object(map) => deep > 0 && map.values().all(|item| within(item, deep - 1)),
        _ => true,
    }
}

/// What rules are asked about: a payload, and what its signed envelope says.
#[derive(Clone, PartialEq)]
pub struct Certificate {
    /// Vaccination, test or recovery.
    pub event: &'static str,
    /// Who issued it: two letters.
    pub country: Option<Box<str>>,
    /// When it was issued.
    pub issued: Option<Instant>,
    /// When its signature runs out.
    pub expires: Option<Instant>,
    /// The key that signed it, in base64.
    pub key_id: Option<Box<str>>,
    /// When it was shown: the clock that rules read.
    pub shown: Instant,
    pub(super) payload: Json,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, ***)", self.event)
    }
}

impl Certificate {
    /// What a fact says; none where it is no certificate, or without a payload.
    #[must_use]
    pub fn of(fact: &Fact) -> Option<Certificate> {
        if fact.kind != Kind::Certificate {
            return None;
        }
        let instant = |name: &str| match fact.get(name) {
            Value::Instant(at) => Some(*at),
            _ => None,
        };
        let payload: Json = serde_json::from_str(fact.text("payload")?).ok()?;
        Some(Certificate {
            event: event(&payload)?.1,
            country: fact.text("country").map(Into::into),
            issued: instant("issued_at"),
            expires: instant("expires_at"),
            key_id: fact.text("key_id").map(Into::into),
            shown: fact.happened,
            payload,
        })
    }

    /// `external` for a country's rules: what the specification calls external parameters.
    pub(super) fn external(&self, country: &str) -> Json {
        let mut map = Map::new();
        let mut put = |name: &str, value: Option<String>| {
            map.insert(name.into(), value.map_or(Json::Null, Json::String));
        };
        put("validationClock", Some(self.shown.to_string()));
        put("countryCode", Some(country.into()));
        put("issuerCountryCode", self.country.as_deref().map(str::to_owned));
        put("iat", self.issued.map(|at| at.to_string()));
        put("exp", self.expires.map(|at| at.to_string()));
        put("kid", self.key_id.as_deref().map(str::to_owned));
        Json::Object(map)
    }
}
