package main

import (
	"math"
	"slices"
)

// span is bytes [From, From+Length) of the object.
type span struct{ From, Length int64 }

const (
	mib         = 1 << 20
	edgeSlice   = 4 * mib
	slowReaders = 2000
)

// The trials' names of figures, which are their tables' columns too.
const (
	ttfb50, ttfb99  = "TTFB p50 ms", "TTFB p99 ms"
	rateMB          = "MB/s"
	getsPerSlice    = "GETs per unique slice"
	bytesPerByte    = "store bytes per unique slice byte"
	idleMiB, above  = "idle RSS MiB", "RSS above idle MiB"
	readersCut      = "readers cut"
	nginxFour       = "nginx slice 4m"
	nginxOne        = "nginx slice 1m"
	coldRanges      = "cold ranges"
	coldHerd        = "cold herd"
	coldStream      = "cold stream"
	slowCase        = "slow readers"
	rangesOfClients = 5
)

var allTrials = []trial{
	{
		name: coldRanges, about: "200 clients, 5 random ranges of 1 MiB each; they begin within 8 s.",
		columns: []string{ttfb50, ttfb99, rateMB, getsPerSlice, bytesPerByte}, run: runColdRanges,
		goals: func(f func(server, name string) float64) []goal {
			return []goal{
				{coldRanges, getsPerSlice, f(nameEdge, getsPerSlice), 1, true},
				{coldRanges, bytesPerByte, f(nameEdge, bytesPerByte), 1.02, true},
				{coldRanges, "TTFB p99 by that of " + nginxFour, f(nameEdge, ttfb99) / f(nginxFour, ttfb99), 0.2, true},
				{coldRanges, "TTFB p99 by that of " + nginxOne, f(nameEdge, ttfb99) / f(nginxOne, ttfb99), 0.2, true},
			}
		},
	},
	{
		name: coldHerd, about: "200 clients within half a second, a random range of 1 MiB each in the first 32 MiB: what is new and wanted by all.",
		columns: []string{ttfb50, ttfb99, rateMB, getsPerSlice, bytesPerByte}, run: runColdHerd,
		goals: func(f func(server, name string) float64) []goal {
			return []goal{
				{coldHerd, getsPerSlice, f(nameEdge, getsPerSlice), 1, true},
				{coldHerd, bytesPerByte, f(nameEdge, bytesPerByte), 1.02, true},
				{coldHerd, "TTFB p99 by that of " + nginxFour, f(nameEdge, ttfb99) / f(nginxFour, ttfb99), 0.2, true},
				{coldHerd, "TTFB p99 by that of " + nginxOne, f(nameEdge, ttfb99) / f(nginxOne, ttfb99), 0.2, true},
			}
		},
	},
	{
		name: coldStream, about: "One client: 32 times the first 64 KiB of a slice not yet there, 0.1 s apart; then 1 GiB from begin to end.",
		columns: []string{ttfb50, ttfb99, rateMB}, run: runColdStream,
		goals: func(f func(server, name string) float64) []goal {
			return []goal{
				{coldStream, "TTFB p50 beyond the store's, ms", f(nameEdge, ttfb50) - f(nameStore, ttfb50), 5, true},
				{coldStream, "rate by the store's", f(nameEdge, rateMB) / f(nameStore, rateMB), 0.95, false},
			}
		},
	},
	{
		name: slowCase, about: "2,000 clients of one 1 GiB file, from random places on, 16 KiB a second each, for 10 s; all slices are on disk before they come.",
		columns: []string{idleMiB, above, readersCut}, run: runSlowReaders,
		goals: func(f func(server, name string) float64) []goal {
			return []goal{
				{slowCase, above, f(nameEdge, above), 256, true},
				{slowCase, readersCut, f(nameEdge, readersCut), 0, true},
			}
		},
	},
}

// percentile returns the p-th percentile by nearest rank.
func percentile(values []float64, p float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if len(v) == 0 {
		return 0
	}
	return v[max(0, int(math.Ceil(p/100*float64(len(v))))-1)]
}
