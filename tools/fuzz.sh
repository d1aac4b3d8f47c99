#!/usr/bin/env bash
# Fuzzing by coverage: conditions and the files of packs, from those that ship. FUZZ_RUNS inputs each.
# An input that breaks something is kept as target/fuzz/<name>/broken-*; what reached something new, in found.
set -euo pipefail
cd "$(dirname "$0")/.."
RUNS=${FUZZ_RUNS:-100000}
export CARGO_TARGET_DIR=target/fuzz/build
# What libFuzzer wants of the compiler: which edges were reached, and what was compared with what.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks"
# With a target of its own, build scripts and macros are compiled without those flags.
HOST=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --quiet -p kangma-fuzz --target "$HOST"

# The files that ship, each with the bytes that say which it is; and their conditions, for each kind of fact.
node tools/fuzz.mjs target/fuzz
for name in condition pack; do
    printf '\n== %s: %s inputs\n' "$name" "$RUNS"
    log=target/fuzz/$name.log
    "$CARGO_TARGET_DIR/$HOST/release/$name" target/fuzz/"$name"/{found,seeds} -runs="$RUNS" -seed=1 -timeout=10 \
        -rss_limit_mb=2048 -max_len=65536 -dict=target/fuzz/words.dict -artifact_prefix="target/fuzz/$name/broken-" \
        -print_final_stats=1 >"$log" 2>&1 || {
        tail -n 60 "$log"
        exit 1
    }
    grep -E '^stat::|DONE' "$log"
done
