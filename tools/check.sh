#!/usr/bin/env bash
# Formatting, lints, types.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; }

step "formatting"
cargo fmt --check
step "clippy, warnings denied"
cargo clippy --workspace --all-targets --locked -- -D warnings
step "types of the pages"
(cd web && npm run --silent check)
