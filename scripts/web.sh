#!/usr/bin/env bash
# Checks the console's sources and builds them into origin/console, from where the
# origin embeds them. With --check it builds elsewhere and wants the bytes that are
# committed.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/npm.sh

cd web
export LC_ALL=C.UTF-8 TZ=UTC
npm run --silent check
if [ "${1:-}" != --check ]; then
	npm run --silent build
	exit
fi
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
npm run --silent build -- --logLevel warn --outDir "$built"
if ! diff -r "$built" ../origin/console; then
	echo "web: origin/console is not what web/console makes; run \`make web\` and commit it" >&2
	exit 1
fi
