#!/usr/bin/env bash
# The stories, lived in a real browser against a real server.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/need.sh
need_browser
printf '\n== stories in the browser\n'
# With the tests, so that nothing is built for it alone.
cargo build "${TESTED[@]}" --tests
(cd web && npm run --silent stories)
