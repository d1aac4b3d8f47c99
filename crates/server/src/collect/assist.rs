//! Registering somebody without a phone: a collector writes down what they declare, from a document
//! that lies before them, with their consent on the record.

use axum::http::StatusCode;
use kangma_core::fact::{Fact, Kind, Source, Value};
use kangma_core::time::Instant;

use super::{Collector, Item, Kept, What, in_time, keep, kept, repeated, settled};
use crate::app::Shared;
use crate::decide::{self, Missing, Recording};
use crate::declare::Declaration;
use crate::error::Problem;
use crate::person::{self, Person, Profile};
use crate::queue;

/// How somebody agreed.
pub struct Consent {
    /// A word of [`kangma_core::fact::CONSENTS`].
    pub how: &'static str,
    /// Who witnessed it.
    pub witness: String,
}

/// Records a declaration that a collector wrote down.
pub async fn assist(
    app: &Shared,
    by: &Collector,
    item: &Item,
    declaration: &Declaration,
    consent: &Consent,
    at: Instant,
) -> Result<Kept, Problem> {
    if let Some(kept) = kept(app, item).await? {
        return Ok(kept);
    }
    in_time(app, at)?;
    let Declaration { name, document, values, commitment } = declaration;
    let first_id = app.keys.person_id(&document.key());
    let id = person::by_document(app, document).await?.unwrap_or(first_id);
    let fact = |kind, source, values| Fact {
        id: item.fact_id(app, kind),
        kind,
        happened: at,
        recorded: app.clock.now(),
        source,
        values,
    };
    let mut declared = fact(Kind::Declaration, Source::Resident, values.clone().into());
    declared.set("commitment", Value::Text(commitment.as_str().into()));
    let mut seen = fact(Kind::Identity, Source::IdentityCheck, Vec::new().into());
    seen.set("method", Value::Text("seen_document".into()));
    // It binds no account: a phone that comes later proves itself.
    seen.set("bound", Value::Bool(false));
    seen.set("consent", Value::Text(consent.how.into()));
    seen.set("witness", Value::Text(consent.witness.as_str().into()));
    seen.set("office", Value::Text(by.office.as_str().into()));
    seen.set("by", Value::Text(by.name.as_str().into()));
    let facts = |person: &Person| {
        if person.facts.iter().rev().any(|f| f.id.is_repeat_of(&declared.id)) {
            return Err(repeated());
        }
        // Whoever has a phone declares on it: nobody else turns them red by declaring for them.
        if !person.holders().is_empty() || person.name != name.as_str() {
            return Err(not_here());
        }
        Ok(vec![declared.clone(), seen.clone()])
    };
    let kept = Kept {
        name_masked: name.masked(),
        document_masked: document.masked(),
        declaration: Some(declared.id),
        ..Kept::new(What::Declaration, "", at)
    };
    let profile = Profile::new(name, document);
    let done = decide::record(
        app,
        id,
        Recording {
            missing: Missing::Make(name.clone()),
            unit: "collect.assist",
            facts: &facts,
            attach: &|mut unit, person, decision| {
                if person.version == 0 {
                    unit = person::add_document(unit, app, person, &profile, document, app.clock.now());
                }
                unit = queue::open_if_pending(app, unit, person, decision);
                keep(app, unit, item, &kept)
            },
        },
    )
    .await;
    settled(app, item, done.map(|_| ())).await
}

/// One answer for two reasons, so that it does not tell which.
fn not_here() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "collect.not_here",
        "该证件已有本人手机登记，或已登记的姓名不同，不能代办。请本人在手机上申报，或由社区工作人员核对。",
        "This document is registered with a phone of its own, or under another name, and cannot be declared for here. \
         The person declares on their phone, or the community office looks into it.",
    )
}
