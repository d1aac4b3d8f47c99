#!/usr/bin/env bash
# The stories, lived in a real browser against a real server.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/need.sh
need_browser
printf '\n== stories in the browser\n'
cargo build --locked -p kangma
(cd web && npm run --silent stories)
