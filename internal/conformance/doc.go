// Package conformance runs the published Python client of the API, unmodified,
// against whole Rawlinks. The client is pinned in scripts/conformance.sh, which
// installs it and starts these tests: make conformance.
package conformance
