//! The rules that are, were or will be in force, for anybody to read.

use axum::extract::State as AxumState;
use kangma_core::rules::pack::Then;
use kangma_core::time::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Shared;
use crate::lang::Reads;

/// Rules that are, were or will be in force, for anybody to read.
#[derive(Serialize, ToSchema)]
pub struct Registry {
    /// As of when.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    items: Vec<InForce>,
}

/// A pack in force for a division.
#[derive(Serialize, ToSchema)]
pub struct InForce {
    /// Code of the division; empty for everybody whom no other covers.
    division: String,
    pack: String,
    pack_version: String,
    digest: String,
    name: String,
    /// Since when; null since the installation began.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Instant>,
    /// Whether it is in force now.
    in_force: bool,
    rules: Vec<RuleText>,
}

/// A rule in words.
#[derive(Serialize, ToSchema)]
pub struct RuleText {
    id: String,
    title: String,
    why: String,
    /// `colour`, `review`, `release` or `expiry`.
    does: &'static str,
    #[schema(value_type = Object)]
    source: kangma_core::rules::words::SourceView,
}

/// Reads all packs that are, were or will be in force, with their rules in words and their sources.
#[utoipa::path(get, path = "/api/v1/public/packs", tag = "site", responses((status = 200, body = Registry)))]
pub async fn packs(AxumState(app): AxumState<Shared>, Reads(lang): Reads) -> axum::Json<Registry> {
    let (set, at) = (app.packs.set(), app.clock.now());
    let items = set.entries().map(|e| {
        let place = e.covers.parse().unwrap_or(0);
        let rules = e.pack.rules.iter().map(|rule| RuleText {
            id: rule.id.to_string(),
            title: e.pack.rule_title(&rule.id, lang).to_owned(),
            why: e.pack.rule_why(&rule.id, lang).to_owned(),
            does: match rule.then {
                Then::Open { .. } => "colour",
                Then::Review => "review",
                Then::Release { .. } => "release",
                Then::Expire => "expiry",
            },
            source: rule.source.clone(),
        });
        InForce {
            in_force: e.from <= at
                && e.until.is_none_or(|u| at < u)
                && set.at(place, at).digest == e.pack.digest,
            pack: e.pack.id.to_string(),
            pack_version: e.pack.version.to_string(),
            digest: e.pack.digest.to_string(),
            name: e.pack.name(lang).to_owned(),
            from: (e.from != Instant::MIN).then_some(e.from),
            until: e.until,
            rules: rules.collect(),
            division: e.covers.into(),
        }
    });
    axum::Json(Registry { at, items: items.collect() })
}
