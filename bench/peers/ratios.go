package main

import "slices"

// spread is what several rounds say about one figure.
type spread struct{ Median, Min, Max float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	middle := len(v) / 2
	median := v[middle]
	if len(v)%2 == 0 {
		median = (v[middle-1] + v[middle]) / 2
	}
	return spread{Median: median, Min: v[0], Max: v[len(v)-1]}
}

// of returns the samples of a case and server, by round.
func of(samples []*sample, scenario, server string) []*sample {
	var some []*sample
	for _, s := range samples {
		if s.Case == scenario && s.Server == server {
			some = append(some, s)
		}
	}
	return some
}

// over returns one figure of all samples.
func over(samples []*sample, figure func(*sample) float64) spread {
	var values []float64
	for _, s := range samples {
		values = append(values, figure(s))
	}
	return spreadOf(values)
}

// ratios returns a figure of the edge by the same figure of a peer, round by
// round: neighbours in time, so that what slows the machine slows both.
func ratios(edge, peer []*sample, figure func(*sample) float64) spread {
	var values []float64
	for i := range min(len(edge), len(peer)) {
		values = append(values, figure(edge[i])/figure(peer[i]))
	}
	return spreadOf(values)
}
