// Package drive makes a load run: it lets requests go when they are due and has
// workers, one a connection, carry them out.
//
// Open loop: starts follow a plan whatever the answers do. A request that finds no
// free worker waits, and its latency counts from when it was due. If more wait than
// the backlog holds, requests are dropped, and the run says how many.
//
// Closed loop: each worker asks again as soon as it has its answer. That finds the
// greatest throughput; its latencies are those of a client that is patient.
package drive
