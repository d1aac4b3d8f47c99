//! How long it takes to load and check a pack with all that it extends: the effective Hangzhou pack.
//! `cargo run --release -p rates --bin load_rate [-- --json]`

#[path = "../../../../crates/core/tests/common/shipped.rs"]
mod shipped;

use std::hint::black_box;
use std::time::Instant as Stopwatch;

use kangma_core::rules::pack::{Library, Pack};

const ROUNDS: usize = 50;

fn main() {
    let packs = shipped::shipped();
    let library = Library::new(packs.clone());
    let files = library.get("hangzhou-2020-02-11").expect("the pack ships");
    let mut took: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Stopwatch::now();
            black_box(Pack::load_with(black_box(files), &library).expect("it loads"));
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    let (median_ms, slowest_ms) = (took[ROUNDS / 2], took[ROUNDS - 1]);
    if std::env::args().any(|a| a == "--json") {
        println!("{}", serde_json::json!({ "median_ms": median_ms, "slowest_ms": slowest_ms }));
    } else {
        println!(
            "loading the effective Hangzhou pack: {median_ms:.2} ms, slowest of {ROUNDS} {slowest_ms:.2} ms"
        );
    }
}
