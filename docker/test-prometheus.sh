#!/bin/sh
# Prometheus with docker/prometheus/prometheus.yml reads a server that answers; every query of the dashboard must then have data.
# Needs prometheus (apt-get install prometheus) and a build (npx tsc -b).
set -eu
cd "$(dirname "$0")/.."
command -v prometheus >/dev/null || { echo 'skipped: no prometheus here (apt-get install prometheus)'; exit 0; }
exec node scripts/dashboard-data.mjs "$@"
