#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: the servers that they start
# (see internal/testenv), a C compiler for the race detector, Python for the
# conformance tests, npm for the linter of the API's document. Running it again
# changes nothing. It starts no service.
set -euo pipefail
cd "$(dirname "$0")/.."

have() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null; }

missing=()
have redis-server || missing+=(redis-server)
have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
have clamd || missing+=(clamav-daemon)
have strace || missing+=(strace)
have chromium || have chromium-browser || have google-chrome || missing+=(chromium)
have gcc || have clang || missing+=(gcc libc6-dev)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
have npm || missing+=(nodejs npm)

scripts/apt.sh deps "${missing[@]}"

scripts/versitygw.sh >/dev/null
scripts/seaweedfs.sh
