//! Confirming that the person behind an account is who they say: before that, a declaration is a
//! claim, which neither changes nor reveals a person.
//!
//! Three ways, chosen by settings: a gateway (such as the carriers' check of name, number and
//! phone), a reviewer, or in demo mode a stand-in for the carriers' register.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use kangma_core::identity::{Document, Name, Phone};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Problem;
use crate::gateway;

/// What an identity check is asked.
pub struct Ask<'a> {
    /// The name given.
    pub name: &'a Name,
    /// The document given.
    pub document: &'a Document,
    /// The phone of the account.
    pub phone: &'a Phone,
    /// Whether another account holds this document's person. Only the demo's stand-in register
    /// reads it: a real check must not, or its answer would tell who is registered.
    pub held_elsewhere: bool,
}

/// What an identity check answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The account's holder is that person.
    Confirmed,
    /// The holder has to prove it with a one-time code of the demo.
    NeedsProof,
    /// A reviewer will look.
    InReview,
    /// Name, document and phone do not belong together.
    Refused,
}

/// Confirms identities.
///
/// Contract: answers within ten seconds; may be called many times at once and again for the
/// same ask; keeps nothing and logs nothing of it; an outage is an error, never `Refused`.
/// Trusted to say `Confirmed` only where name, document and phone belong to one person.
pub trait IdentityCheck: Send + Sync {
    /// `demo`, `gateway` or `reviewer`: recorded with the fact of the binding.
    fn method(&self) -> &'static str;

    /// Checks.
    fn check<'a>(
        &'a self,
        ask: Ask<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>>;
}

/// Demo: the first phone that names a document counts as the one registered for it; any other
/// has to prove itself with a code from the outbox. No real register behaves so openly.
#[derive(Debug)]
pub struct DemoCheck;

impl IdentityCheck for DemoCheck {
    fn method(&self) -> &'static str {
        "demo"
    }

    fn check<'a>(
        &'a self,
        ask: Ask<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>> {
        let answer = if ask.held_elsewhere { Answer::NeedsProof } else { Answer::Confirmed };
        Box::pin(async move { Ok(answer) })
    }
}

/// Without a gateway, every identity waits for a reviewer.
#[derive(Debug)]
pub struct ReviewerCheck;

impl IdentityCheck for ReviewerCheck {
    fn method(&self) -> &'static str {
        "reviewer"
    }

    fn check<'a>(&'a self, _: Ask<'a>) -> Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>> {
        Box::pin(async { Ok(Answer::InReview) })
    }
}

/// Asks an operator's gateway: POST `{name, document_type, number, nationality, phone}`, answer
/// `{"confirmed": true|false}`.
pub struct GatewayCheck {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl GatewayCheck {
    /// A check at a URL, with a bearer token.
    pub fn new(url: String, token: Option<String>) -> anyhow::Result<GatewayCheck> {
        Ok(GatewayCheck { client: gateway::client()?, url, token })
    }
}

/// The largest answer that a gateway may give, in bytes.
const ANSWER_BYTES_MAX: u64 = 4096;

impl IdentityCheck for GatewayCheck {
    fn method(&self) -> &'static str {
        "gateway"
    }

    fn check<'a>(
        &'a self,
        ask: Ask<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>> {
        #[derive(Deserialize)]
        struct Said {
            confirmed: bool,
        }
        Box::pin(async move {
            let mut request = self.client.post(&self.url).timeout(Duration::from_secs(10)).json(&json!({
                "name": ask.name.as_str(),
                "document_type": ask.document.ty(),
                "number": ask.document.number(),
                "nationality": ask.document.nationality(),
                "phone": ask.phone.as_str(),
            }));
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.map_err(|_| unreachable("no answer"))?;
            if !answer.status().is_success() || answer.content_length().is_some_and(|n| n > ANSWER_BYTES_MAX)
            {
                return Err(unreachable("refused"));
            }
            let said: Said = answer.json().await.map_err(|_| unreachable("not the agreed answer"))?;
            Ok(if said.confirmed { Answer::Confirmed } else { Answer::Refused })
        })
    }
}

fn unreachable(how: &'static str) -> Problem {
    tracing::warn!(how, "identity gateway");
    Problem {
        retry_after_s: Some(30),
        ..Problem::new(
            axum::http::StatusCode::BAD_GATEWAY,
            "identity.unavailable",
            "身份核验服务暂时不可用，请稍后再试；本次内容没有提交。",
            "The identity check is not available now, and nothing was submitted. Please try again shortly.",
        )
    }
}

/// How far the identity of an account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// The holder has to prove it.
    NeedsProof = 1,
    /// A reviewer will look.
    InReview = 2,
    /// Refused.
    Refused = 3,
}

impl ClaimState {
    /// Of its stored number.
    pub fn from_int(n: i64) -> Option<ClaimState> {
        [ClaimState::NeedsProof, ClaimState::InReview, ClaimState::Refused]
            .into_iter()
            .find(|s| *s as i64 == n)
    }
}
