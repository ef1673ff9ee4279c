#!/usr/bin/env bash
# Form first, for it costs seconds; then every test under the race detector. The
# conformance tests need their client: conformance.sh runs them.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l) # not what npm installed
if [ -n "$unformatted" ]; then
	printf 'gofmt these files:\n%s\n' "$unformatted" >&2
	exit 1
fi
go vet ./...
go vet -tags chaos,fleet ./internal/chaos
scripts/lint-api.sh
go list ./... | grep -v '^rawlink/internal/conformance' | xargs go test -race -timeout 20m
go test -run Allocates ./internal/share ./cache ./cache/bytecache ./edge # the race detector allocates by itself
