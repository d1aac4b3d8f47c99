#!/usr/bin/env bash
# The sampled suites in full, then the drills on a release build; each prints its figures.
# DRILL_ONLY=name runs one of tools/drill, or fuzz, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/need.sh
need_debian wrk wrk
[ -n "${DRILL_ONLY:-}" ] || KANGMA_DRILL=1 tools/test.sh
if [ "${DRILL_ONLY:-fuzz}" = fuzz ]; then tools/fuzz.sh; fi
cargo build --release --locked -p kangma
for drill in tools/drill/*.mjs; do
    name=$(basename "$drill" .mjs)
    [ "${DRILL_ONLY:-$name}" = "$name" ] || continue
    printf '\n== drill: %s\n' "$name"
    PEOPLE=${PEOPLE:-100000} node "$drill"
done
