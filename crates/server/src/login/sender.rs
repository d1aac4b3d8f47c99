//! Sending one-time codes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kangma_core::identity::Phone;
use serde_json::json;

use super::{Outbox, Purpose};
use crate::gateway;
use crate::lang::Lang;

/// Sends a one-time code to a phone.
///
/// Contract: returns once the message is on its way or has failed; gives up within ten seconds;
/// may be called many times at once; sends a message at most once a call; never writes the
/// phone, the code or the text to a log.
pub trait Sender: Send + Sync {
    /// `purpose` is `login` or `proof`; `text` contains the code.
    fn send<'a>(
        &'a self,
        phone: &'a Phone,
        purpose: &'static str,
        code: &'a str,
        text: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), SenderError>> + Send + 'a>>;
}

/// Why a message did not go. Carries neither phone nor code.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The gateway could not be reached, or did not answer in time.
    #[error("the text-message gateway did not answer")]
    Unreachable,
    /// The gateway refused.
    #[error("the text-message gateway answered {0}")]
    Refused(u16),
    /// No gateway is set up.
    #[error("no text-message gateway is set up: set KANGMA_SMS_URL")]
    None,
}

/// The text of a message.
pub fn text(code: &str, purpose: Purpose, lang: Lang) -> String {
    match (purpose, lang) {
        (Purpose::Login, Lang::Zh) => format!("【康码】登录验证码 {code}，10 分钟内有效，请勿告诉他人。"),
        (Purpose::Login, Lang::En) => {
            format!("[Kangma] Your log-in code is {code}. It counts for 10 minutes; tell nobody.")
        }
        (Purpose::Proof, Lang::Zh) => format!("【康码】身份核验码 {code}，10 分钟内有效，请勿告诉他人。"),
        (Purpose::Proof, Lang::En) => {
            format!("[Kangma] Your proof-of-identity code is {code}. It counts for 10 minutes; tell nobody.")
        }
    }
}

/// Posts `{phone, text}` to an operator's gateway.
pub struct GatewaySender {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl GatewaySender {
    /// A sender for a URL, with a bearer token.
    pub fn new(url: String, token: Option<String>) -> anyhow::Result<GatewaySender> {
        Ok(GatewaySender { client: gateway::client()?, url, token })
    }
}

impl Sender for GatewaySender {
    fn send<'a>(
        &'a self,
        phone: &'a Phone,
        _purpose: &'static str,
        _code: &'a str,
        text: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), SenderError>> + Send + 'a>> {
        Box::pin(async move {
            let mut request =
                self.client.post(&self.url).json(&json!({ "phone": phone.as_str(), "text": text }));
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.map_err(|_| SenderError::Unreachable)?;
            if answer.status().is_success() {
                Ok(())
            } else {
                Err(SenderError::Refused(answer.status().as_u16()))
            }
        })
    }
}

impl fmt::Debug for GatewaySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewaySender")
    }
}

/// Puts messages into the demo's outbox page.
#[derive(Debug)]
pub struct DemoSender(pub Arc<Outbox>);

impl Sender for DemoSender {
    fn send<'a>(
        &'a self,
        phone: &'a Phone,
        purpose: &'static str,
        code: &'a str,
        text: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), SenderError>> + Send + 'a>> {
        self.0.put(phone.as_str(), purpose, code, text);
        Box::pin(async { Ok(()) })
    }
}

/// No gateway: every send fails, and says what to set.
#[derive(Debug)]
pub struct NoSender;

impl Sender for NoSender {
    fn send<'a>(
        &'a self,
        _: &'a Phone,
        _: &'static str,
        _: &'a str,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), SenderError>> + Send + 'a>> {
        Box::pin(async { Err(SenderError::None) })
    }
}
