//! What has to go well with every pack that loads: for the tests and for fuzzing.

use kangma_core::fact::Facts;
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::pack::Pack;
use kangma_core::rules::sentence::sentence;
use kangma_core::rules::words::Lang;

/// Decides about somebody of whom nothing is known, and tells each rule.
pub fn tell(pack: &Pack) {
    let now = pack.effective.plus_s(86_400);
    let _ = decide(pack, &Facts::default(), &Context { areas: pack.areas() }, now);
    for rule in &pack.rules {
        assert!(Lang::ALL.iter().all(|lang| !sentence(pack, rule, *lang).is_empty()));
    }
}
