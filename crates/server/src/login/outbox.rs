//! Messages that a demo shows instead of sending.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Messages kept; older ones fall out.
const KEPT: usize = 500;

/// A message that would have gone to a phone.
#[derive(Clone)]
pub struct Message {
    /// The phone.
    pub to: String,
    /// `login` or `proof`.
    pub kind: &'static str,
    /// The code in it.
    pub code: String,
    /// The text.
    pub text: String,
}

/// The last messages, newest first. In memory only.
#[derive(Default)]
pub struct Outbox(Mutex<VecDeque<Message>>);

impl Outbox {
    /// Adds one.
    pub fn put(&self, to: &str, kind: &'static str, code: &str, text: &str) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push_front(Message {
            to: to.to_owned(),
            kind,
            code: code.to_owned(),
            text: text.to_owned(),
        });
        messages.truncate(KEPT);
    }

    /// All, newest first.
    pub fn all(&self) -> Vec<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox(***)")
    }
}
