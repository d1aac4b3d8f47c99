#!/usr/bin/env bash
# Everything CI runs. KANGMA_DRILL=1 runs the sampled suites in full.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/need.sh
step() { printf '\n== %s\n' "$*"; }

need_nextest
need_browser
tools/check.sh
step "Rust tests"
cargo nextest run --workspace --locked --no-fail-fast
step "documentation examples"
cargo test --doc --workspace --locked --quiet
step "unit tests of the pages"
(cd web && npm test)
step "size of the pages"
(cd web && npm run --silent size)
tools/stories.sh
