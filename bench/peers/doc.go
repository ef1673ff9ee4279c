// Command peers measures the edge beside what its users would otherwise put in
// front of a bucket: nginx proxy_cache, nginx on plain files, Varnish, and a bare
// fasthttp handler as the ceiling of what an edge in Go can reach.
//
// # What makes the figures comparable
//
// All servers get the same requests for the same bytes and answer with the same
// header names, taken from an answer of the edge; this is checked, with digests,
// before anything is measured. Each server has one core to itself, the load
// client another. Servers take turns within a round (A B C A B C …), each ratio
// is of two neighbours in one round, and the median of the rounds is reported.
// The client's core may be busy before the server's: then the ratio that counts
// is of requests per second of the server's processor time.
//
// An error of the load client, or a request that passed through a cache which
// should have answered it, voids the run.
//
// # Files
//
//	main       flags, and one run from start to report
//	objects    what is served
//	partner    the objects' way into Rawlink, through its API
//	edge, nginx, varnish, bare    one file per server
//	process    a pinned child and its end; cputime: what it used
//	verify     the same answers everywhere
//	load       one measurement; rounds: all of them; profile: where the edge's time goes
//	ratios     medians; report: RESULTS.md and results.json; html: RESULTS.html, chart: its drawings
//
// It listens on loopback only and ends what it started, also when interrupted.
package main
