package main

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkFanOut revokes links that fifty edges know and asks each edge until it
// refuses: one sample an edge, from the API's answer to the end of the refusal.
// All edges, the origin and Redis share this machine.
func BenchmarkFanOut(b *testing.B) {
	s := simulate(b)
	links, err := s.field.Sow(b.Context(), []int64{1 << 10}, b.N, 0, func(int, int) {})
	if err != nil {
		b.Fatal(err)
	}
	s.ask(links, 1)
	var all []time.Duration
	b.ResetTimer()
	for _, link := range links {
		if err := s.client.Call(b.Context(), "revoke a link", "DELETE", "/shares/"+link.ID, nil, nil); err != nil {
			b.Fatal(err)
		}
		all = append(all, s.refused(link.Path, time.Now())...)
	}
	b.StopTimer()
	slices.Sort(all)
	at := func(share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(.5), "p50-ms")
	b.ReportMetric(at(.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
}

// refused returns how long after since each edge refused the link.
func (s *simulated) refused(path string, since time.Time) []time.Duration {
	s.t.Helper()
	took := make([]time.Duration, len(s.edges))
	var asking sync.WaitGroup
	for i, edge := range s.edges {
		asking.Go(func() {
			for {
				resp, err := s.http.Get("http://" + edge + path)
				if err != nil {
					s.t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				took[i] = time.Since(since)
				if resp.StatusCode == http.StatusGone {
					return
				}
				if took[i] > 10*time.Second {
					s.t.Errorf("edge %d still answers %d", i, resp.StatusCode)
					return
				}
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	asking.Wait()
	return took
}
