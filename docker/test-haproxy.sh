#!/bin/sh
# Two servers behind HAProxy with docker/haproxy.cfg: load spreads, and SIGTERM to one amid 50 streams loses none. ROUNDS=20
# Needs haproxy (apt-get install haproxy) and a build (npx tsc -b).
set -eu
cd "$(dirname "$0")/.."
command -v haproxy >/dev/null || { echo 'skipped: no haproxy here (apt-get install haproxy)'; exit 0; }
exec node scripts/drain-behind-proxy.mjs "$@"
