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
PAGES=
trap '[ -z "$PAGES" ] || kill "$PAGES" || true; tools/postgres.sh stop "$POSTGRES_DIR"' EXIT
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
nextest() { cargo nextest run "${TESTED[@]}" --tests --no-fail-fast --test-threads "$THREADS" "$@"; }
step "Rust tests"
nextest
step "the same stories on PostgreSQL; beside them, for they mostly wait, the unit tests of the pages"
(cd web && exec nice npm test) >"$POSTGRES_DIR/pages.log" 2>&1 &
PAGES=$!
# Not again what always runs on PostgreSQL, or on neither.
KANGMA_TEST_ENGINE=postgres nextest -E 'package(kangma) and not test(/^(story_nodes|story_away|tidy|openapi)::/)'
step "unit tests of the pages"
PASSED=true
wait "$PAGES" || PASSED=false
PAGES=
cat "$POSTGRES_DIR/pages.log"
$PASSED
step "documentation examples"
cargo test --doc "${TESTED[@]}" --quiet
step "size of the pages"
(cd web && npm run --silent size)
tools/stories.sh
