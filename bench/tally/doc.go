// Package tally keeps what a load run measures: latencies by outcome in
// HdrHistograms, counts, bytes, and the same for each second. Histograms are
// merged and never averaged: a mean of percentiles is no percentile of anything.
//
// Each response has two times: from when its request was due (what a user waits)
// and from when it was sent (what the server took). They differ when the server
// is so slow, or the generator so busy, that requests start late.
package tally
