#!/usr/bin/env bash
# Runs the conformance tests: they drive Rawlink with the published Python client
# and with schemathesis, each in a virtual environment of its own, made once per
# set of pinned versions.
set -euo pipefail
cd "$(dirname "$0")/.."

venv() { # venv NAME PACKAGE==VERSION… makes bin/NAME
	local place=$PWD/bin/$1 pins=${*:2}
	if [ "$(cat "$place/pins" 2>/dev/null)" != "$pins" ]; then
		echo "conformance: installing $pins"
		python3 -m venv --clear "$place"
		"$place/bin/python" -m pip install --quiet "${@:2}"
		echo "$pins" >"$place/pins" # last: an interrupted install starts over
	fi
}
venv venv fluidcloud==0.1.0 httpx==0.28.1
venv schemathesis schemathesis==4.32.5

export RAWLINK_SDK_PYTHON=$PWD/bin/venv/bin/python RAWLINK_SCHEMATHESIS=$PWD/bin/schemathesis/bin/st
go test -count=1 -timeout 20m "$@" ./internal/conformance/...
