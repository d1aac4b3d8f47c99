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
use crate::lang::Lang;
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
pub fn of(app: &App, person: &Person, lang: Lang) -> Vec<Notice> {
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
            text: sentence(standing.state, releases, lang).to_owned(),
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

fn sentence(state: OrderState, releases: bool, lang: Lang) -> &'static str {
    use OrderState::{Ended, InForce, Lapsed, Urgent, Waiting, Withdrawn};
    match (state, releases, lang) {
        (Waiting, _, Lang::Zh) => "有单位对您作出处置令，尚未经另一单位复签，现在不影响您的健康码。",
        (Waiting, _, Lang::En) => {
            "An office wrote an order about you. No second office has signed it; it does not affect your code."
        }
        (Urgent, _, Lang::Zh) => "有单位对您作出紧急处置，最长两小时；两小时内未经另一单位复签即自动失效。",
        (Urgent, _, Lang::En) => {
            "An office wrote an urgent order about you. It acts for two hours at most unless a second office signs it."
        }
        (InForce, false, Lang::Zh) => "两个单位共同对您作出的处置令正在生效。如认为有误，可以申诉。",
        (InForce, false, Lang::En) => {
            "An order about you by two offices is in force. If it is wrong, you can appeal."
        }
        (InForce | Ended, true, Lang::Zh) => "两个单位共同认定此前的管控对您不再适用，已经解除。",
        (InForce | Ended, true, Lang::En) => {
            "Two offices established that an earlier measure no longer holds for you."
        }
        (Lapsed, _, Lang::Zh) => "对您的处置令无另一单位复签，已经失效。",
        (Lapsed, _, Lang::En) => "An order about you was signed by no second office and has lapsed.",
        (Ended, false, Lang::Zh) => "对您的处置令已经到期结束。",
        (Ended, false, Lang::En) => "An order about you has come to its end.",
        (Withdrawn, _, Lang::Zh) => "对您的处置令已经撤回，由它引起的颜色已经取消。",
        (Withdrawn, _, Lang::En) => "An order about you was withdrawn, and with it the colour that it gave.",
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
