// Package scrape reads what servers say of themselves before and after a run:
// Prometheus metrics of ops listeners, and Redis's INFO. What changed in between
// is what the run cost them.
package scrape
