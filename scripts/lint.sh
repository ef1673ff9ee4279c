#!/usr/bin/env bash
# Runs the linters and the layer rules of .golangci.yml, compares the list of licences
# with what is built, and looks for known vulnerabilities.
set -euo pipefail
cd "$(dirname "$0")/.."

lint=$(scripts/tool.sh golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint v2.15.0)
"$lint" run "$@" ./...
go run ./internal/licenses -check
scripts/vulncheck.sh
