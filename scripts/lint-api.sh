#!/usr/bin/env bash
# Lints the API's document with Spectral, from a copy of its own, made once per
# version. The document is what a running origin serves: a test asks for it.
set -euo pipefail
cd "$(dirname "$0")/.."
pin=@stoplight/spectral-cli@6.16.3
place=$PWD/bin/spectral

if [ "$(cat "$place/pin" 2>/dev/null)" != "$pin" ]; then
	echo "lint-api: installing $pin"
	rm -rf "$place"
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$place" "$pin"
	echo "$pin" >"$place/pin" # last: an interrupted install starts over
fi

document=$(mktemp --suffix .json)
trap 'rm -f "$document"' EXIT
RAWLINK_DOCUMENT=$document go test -count=1 -run '^TestDocument$' ./origin >/dev/null
"$place/node_modules/.bin/spectral" lint --fail-severity warn --ruleset scripts/spectral.yaml "$document"
