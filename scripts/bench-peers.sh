#!/usr/bin/env bash
# Measures the edge beside nginx, Varnish and a bare handler on this machine and
# writes bench/RESULTS.md and bench/RESULTS.html; see bench/peers. Arguments go to it: -quick, -help.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=()
command -v nginx >/dev/null || missing+=(nginx)
command -v varnishd >/dev/null || missing+=(varnish)
command -v wrk >/dev/null || missing+=(wrk)
command -v taskset >/dev/null || missing+=(util-linux)

scripts/apt.sh bench-peers "${missing[@]}"

go build -trimpath -o bin/ ./cmd/rawlink ./bench/peers
bin/peers "$@"
