#!/usr/bin/env bash
# Fuzzes each target of each package for FUZZTIME, one after the other: the go
# command takes one target at a time.
set -euo pipefail
cd "$(dirname "$0")/.."

go list -f '{{.Dir}}' ./... | while read -r dir; do
	{ grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null || true; } | while read -r _ target; do
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "$dir" </dev/null
	done
done
