#!/usr/bin/env bash
# Installs what web/package-lock.json names, once for each state of that file.
set -euo pipefail
cd "$(dirname "$0")/../web"

if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || a == 20 && b >= 19 ? 0 : 1)' 2>/dev/null; then
	echo "web: please install Node.js 20.19 or newer (found: $(node --version 2>/dev/null || echo none))" >&2
	exit 1
fi
state=$(sha256sum package-lock.json)
if [ "$(cat node_modules/.installed 2>/dev/null)" != "$state" ]; then
	echo "web: installing from package-lock.json"
	npm ci --no-fund --no-audit --loglevel=error
	echo "$state" >node_modules/.installed # last: an interrupted install starts over
fi
