//! What a person is told of orders about them: on the code page, from their own facts, and by a
//! message to the phones that hold their code.

use std::sync::LazyLock;
use std::time::Duration;

use kangma_core::fact::{Fact, Kind};
use kangma_core::id::{AccountId, FactId};
use kangma_core::identity::Phone;
use kangma_core::rules::order::{OrderState, standings};
use kangma_core::rules::pack::Then;
use kangma_core::time::Instant;
use serde::Serialize;
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;

use crate::account;
use crate::app::{App, Shared};
use crate::lang::{Lang, Tongue};
use crate::login::SenderError;
use crate::person::Person;

/// Notices shown at once.
const NOTICES_MAX: usize = 50;
/// Messages on their way at once; further ones wait in turn.
static SENDING: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(16);
/// Messages that wait or are on their way.
static WAITING: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// An order about oneself.
#[derive(Serialize, ToSchema)]
pub struct Notice {
    /// The order's fact: what an appeal is about.
    pub fact: String,
    /// Where it stands: `waiting`, `urgent`, `in_force`, `lapsed`, `ended` or `withdrawn`.
    pub state: &'static str,
    /// `colour` or `release`.
    pub effect: &'static str,
    /// The rule that it cites.
    pub rule: String,
    /// The rule in a few words.
    pub title: String,
    /// What this means, in a sentence.
    pub text: String,
    /// The office that wrote it.
    pub office: String,
    /// The office that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub written_at: Instant,
    /// Since when it acts or acted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Instant>,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub until: Instant,
    /// Why it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn_because: Option<String>,
}

/// A person's notices, the newest first. Offices are given by id.
pub fn of(app: &App, person: &Person, lang: impl Into<Tongue>) -> Vec<Notice> {
    let lang = lang.into();
    let facts = &person.facts;
    let about = |kind: Kind, order: FactId| {
        let names = move |f: &&Fact| f.kind == kind && f.text("of").and_then(FactId::parse) == Some(order);
        facts.iter().rev().find(names)
    };
    let (set, now) = (app.packs.set(), app.clock.now());
    let pack = set.at(person.division(), now);
    let all = standings(pack, facts, now);
    let notices = all.iter().rev().take(NOTICES_MAX).filter_map(|standing| {
        let order = facts.find(standing.order)?;
        let rule = order.text("rule").unwrap_or("");
        let releases = set
            .with_rule(pack, rule, None)
            .rule(rule)
            .is_some_and(|r| matches!(r.then, Then::Release { .. }));
        let office = |f: &Fact| f.text("office").unwrap_or("").to_owned();
        let withdrawn = about(Kind::Correction, order.id).filter(|_| standing.state == OrderState::Withdrawn);
        let until = if standing.state == OrderState::Withdrawn {
            withdrawn.map_or(standing.until, |c| c.happened)
        } else {
            standing.until
        };
        Some(Notice {
            fact: order.id.to_string(),
            state: standing.state.name(),
            effect: if releases { "release" } else { "colour" },
            title: set.with_rule(pack, rule, None).rule_title(rule, lang).to_owned(),
            rule: rule.to_owned(),
            text: pack.said(sentence(standing.state, releases), lang).to_owned(),
            office: office(order),
            signed_by: about(Kind::Signature, order.id).filter(|_| standing.signed_at.is_some()).map(office),
            written_at: order.happened,
            from: standing.from,
            until,
            withdrawn_because: withdrawn.and_then(|c| c.text("reason")).map(str::to_owned),
        })
    });
    notices.collect()
}

/// The key of the sentence that says what this means.
fn sentence(state: OrderState, releases: bool) -> &'static str {
    match (state, releases) {
        (OrderState::Waiting, _) => "order.waiting",
        (OrderState::Urgent, _) => "order.urgent",
        (OrderState::InForce, false) => "order.in_force",
        (OrderState::InForce | OrderState::Ended, true) => "order.released",
        (OrderState::Lapsed, _) => "order.lapsed",
        (OrderState::Ended, false) => "order.ended",
        (OrderState::Withdrawn, _) => "order.withdrawn",
    }
}

/// Tells the phones that hold a person's code, where the platform sends messages. The notice on the
/// code page is there in any case.
pub fn send(app: &Shared, person: &Person, order: [u8; 16]) {
    let text = |lang| {
        let notice = of(app, person, lang).into_iter().find(|n| n.fact == FactId(order).to_string());
        notice.map(|n| n.text)
    };
    let (Some(zh), Some(en)) = (text(Lang::Zh), text(Lang::En)) else { return };
    let text = format!("【康码】{zh}详情见健康码页面。{en}");
    let (app, holders) = (app.clone(), person.holders());
    WAITING.spawn(async move {
        for holder in holders {
            let Ok(_turn) = SENDING.acquire().await else { return };
            one(&app, holder, &text).await;
        }
    });
}

/// Waits until messages are sent, but no longer than this.
pub async fn sent(wait: Duration) {
    WAITING.close();
    if tokio::time::timeout(wait, WAITING.wait()).await.is_err() {
        tracing::warn!(
            left = WAITING.len(),
            "messages to residents were not all sent; the code page has them"
        );
    }
}

async fn one(app: &Shared, holder: AccountId, text: &str) {
    let Ok(Some(account)) = account::find(app, holder).await else { return };
    let Ok(phone) = Phone::parse(&account.phone) else { return };
    match app.sender.send(&phone, "notice", "", text).await {
        Ok(()) | Err(SenderError::None) => {}
        Err(e) => tracing::warn!(%e, "a notice was not sent; the code page has it"),
    }
}
