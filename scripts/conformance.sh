#!/usr/bin/env bash
# Runs the conformance tests: they drive Rawlink with the published Python client
# in a virtual environment of its own, made once per set of pinned versions.
set -euo pipefail
cd "$(dirname "$0")/.."
pins=(fluidcloud==0.1.0 httpx==0.28.1)
venv=$PWD/bin/venv

if [ "$(cat "$venv/pins" 2>/dev/null)" != "${pins[*]}" ]; then
	echo "conformance: installing ${pins[*]}"
	python3 -m venv --clear "$venv"
	"$venv/bin/python" -m pip install --quiet "${pins[@]}"
	echo "${pins[*]}" >"$venv/pins" # last: an interrupted install starts over
fi

RAWLINK_SDK_PYTHON=$venv/bin/python go test -count=1 -timeout 20m ./internal/conformance/...
