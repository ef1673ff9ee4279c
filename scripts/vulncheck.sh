#!/usr/bin/env bash
# Looks for known vulnerabilities in what the programs call. The database comes as the
# Go module that holds it, of a pinned day, so that this works wherever modules can be
# had and says the same everywhere; raise the version to learn of new ones. A finding
# in a dependency fails. One in the standard library is a matter of the Go that builds
# the programs: it is shown, and fails where VULN_STRICT is set.
set -euo pipefail
cd "$(dirname "$0")/.."
module=golang.org/x/vulndb version=v0.0.0-20261105234957-e22db6528018

check=$(scripts/tool.sh govulncheck golang.org/x/vuln/cmd/govulncheck v1.9.0)
if ! (cd "$(go env GOROOT)" && GOFLAGS=-mod=mod go mod download "$module@$version") 2>/dev/null; then
	echo "vulncheck: *** NOT CHECKED: $module can't be downloaded here ***" >&2
	exit 0
fi
found=$(mktemp)
trap 'rm -f "$found"' EXIT
status=0
"$check" -db "file://$(go env GOMODCACHE)/$module@$version/data/osv" ./cmd/... >"$found" || status=$?
case $status in
0)
	echo "vulncheck: nothing known (database of ${version:7:8})"
	;;
3)
	if grep -q '^  Module: ' "$found" || [ -n "${VULN_STRICT:-}" ]; then
		cat "$found" >&2
		exit 1
	fi
	fix=$(grep -oE 'Fixed in: .*@go[0-9.]+' "$found" | grep -oE 'go[0-9.]+$' | sort -V | tail -1)
	echo "vulncheck: no dependency is affected; $(grep -c '^Vulnerability #' "$found") finding(s) in the standard library of $(go env GOVERSION): build releases with $fix or newer" >&2
	;;
*)
	cat "$found" >&2
	exit "$status"
	;;
esac
