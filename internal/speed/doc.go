// Package speed measures the control plane as partners meet it: the real
// programs, a real database that syncs each commit to disk, and keep-alive
// clients over HTTP, all on one machine. It has only benchmarks:
//
//	make bench-api
package speed
