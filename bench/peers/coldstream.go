package main

import (
	"context"
	"time"
)

func runColdStream(ctx context.Context, l *lab, note func(string, map[string]float64)) error {
	var probes []span
	for i := range int64(32) {
		probes = append(probes, span{i * 8 * mib, 64 << 10})
	}
	direct := func() (*server, error) { return l.store, nil }
	cold := func() (*server, error) { return l.startColdEdge(ctx, false) }
	for _, begin := range []func() (*server, error){direct, cold} {
		figures := map[string]float64{}
		var name string
		for _, plan := range [][]span{probes, {{0, l.object.Size}}} { // each at an empty server
			s, err := begin()
			if err != nil {
				return err
			}
			h, err := l.read(ctx, s, job{Plan: [][]span{plan}, Pause: 100 * time.Millisecond})
			if s != l.store {
				s.proc.stop()
			}
			if err != nil {
				return err
			}
			if name = s.name; len(plan) > 1 {
				figures[ttfb50], figures[ttfb99] = percentile(h.TTFB, 50), percentile(h.TTFB, 99)
			} else {
				figures[rateMB] = float64(h.Bytes) / h.Seconds / 1e6
			}
		}
		note(name, figures)
	}
	return nil
}
