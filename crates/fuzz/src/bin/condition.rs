//! A condition, as somebody types it: an answer, or diagnostics that can be shown. The first byte says of
//! what kind of fact it is asked.
#![no_main]

use kangma_core::fact::Kind;
use libfuzzer_sys::{Corpus, fuzz_target};

#[path = "../../../core/tests/common/condition.rs"]
mod condition;

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((kind, text)) = input.split_first() else { return Corpus::Reject };
    let Ok(text) = std::str::from_utf8(text) else { return Corpus::Reject };
    let _ = condition::put_through(text, Kind::ALL[usize::from(*kind) % Kind::ALL.len()]);
    Corpus::Keep
});
