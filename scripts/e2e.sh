#!/usr/bin/env bash
# Plays Rawlink in a real browser, Debian's Chromium: the console, and what people
# see who open a link. Starts a `rawlink up` and a clamd of its own. With --pictures
# it makes the pictures in docs/img instead. Other arguments go to Playwright.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/npm.sh

export CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
go build -trimpath -o bin/rawlink ./cmd/rawlink
export E2E_PROGRAM=$PWD/bin/rawlink PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
cd web
if [ "${1:-}" = --pictures ]; then
	export E2E_PICTURES=$PWD/../docs/img
	for view in views pages; do # each with a Rawlink to which nothing else was done
		npx playwright test "e2e/$view.spec.ts"
	done
else
	npx playwright test "$@"
fi
