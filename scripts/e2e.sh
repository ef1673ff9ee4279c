#!/usr/bin/env bash
# Plays Rawlink in a real browser, Debian's Chromium: the console, and what people
# see who open a link. Starts a `rawlink up` and a clamd of its own. With --pictures
# it also makes the pictures in docs/img. Other arguments go to Playwright.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/npm.sh

if [ "${1:-}" = --pictures ]; then
	shift
	export E2E_PICTURES=$PWD/docs/img
fi
export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
go build -trimpath -o bin/rawlink ./cmd/rawlink
export E2E_PROGRAM=$PWD/bin/rawlink PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
cd web
npx playwright test "$@"
