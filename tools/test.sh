#!/usr/bin/env bash
# Everything CI runs. KANGMA_DRILL=1 runs the sampled suites in full.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/need.sh
step() { printf '\n== %s\n' "$*"; }

need_nextest
need_browser
tools/check.sh
step "a private PostgreSQL"
POSTGRES_DIR=$(mktemp -d)
trap 'tools/postgres.sh stop "$POSTGRES_DIR"' EXIT
if [ -n "${DATABASE_URL:-}" ]; then
    KANGMA_TEST_POSTGRES_URL=$DATABASE_URL
else
    KANGMA_TEST_POSTGRES_URL=$(tools/postgres.sh start "$POSTGRES_DIR")
fi
export KANGMA_TEST_POSTGRES_URL
KANGMA_PG_BIN=$(tools/postgres.sh bin)
export KANGMA_PG_BIN
unset DATABASE_URL
# Stories wait more than they reckon.
THREADS=$(($(nproc) * 2))
step "Rust tests"
cargo nextest run --workspace --locked --no-fail-fast --test-threads "$THREADS"
step "the same stories on PostgreSQL"
# Not again what always runs on PostgreSQL, or on neither.
KANGMA_TEST_ENGINE=postgres cargo nextest run --workspace --locked --no-fail-fast --test-threads "$THREADS" \
    -E 'package(kangma) and not (binary(story_nodes) + binary(story_away) + binary(tidy) + binary(openapi))'
step "documentation examples"
cargo test --doc --workspace --locked --quiet
step "unit tests of the pages"
(cd web && npm test)
step "size of the pages"
(cd web && npm run --silent size)
tools/stories.sh
