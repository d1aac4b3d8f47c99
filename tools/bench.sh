#!/usr/bin/env bash
# Measures against yardsticks in the same run; PEOPLE residents, one million by default.
# BENCH_ONLY=sqlite,postgres,nodes,tail,dashboard,core runs some parts.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/need.sh
need_debian wrk wrk
cargo build --release --locked -p kangma -p hello -p rates
for peer in node certlogic; do
    (cd "bench/peers/$peer" && npm ci --no-audit --no-fund --silent)
done
exec node tools/bench.mjs "$@"
