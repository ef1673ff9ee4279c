package tally

import (
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Percentiles come from the merged histogram: four workers whose latencies lie far
// apart are where a mean of percentiles would be wrong.
func TestMergedNotAveraged(t *testing.T) {
	tally := New()
	var adding sync.WaitGroup
	for worker := range 4 {
		adding.Go(func() {
			for range 250 {
				d := time.Duration(worker+1) * 10 * time.Millisecond
				tally.Add(worker, Sample{Outcome: Hit, Bytes: 10, Due: d, Took: d / 2, FirstByte: d / 4})
			}
		})
	}
	adding.Wait()
	tally.Add(0, Sample{Outcome: Gone, Failed: true, Due: time.Second})
	s := tally.Whole()
	if got := s.Due[Hit].ValueAtQuantile(50); got < 19_900 || got > 20_100 {
		t.Errorf("p50 is %d µs; want 20,000 (the mean of the workers' is 25,000)", got)
	}
	if got := s.Due[Hit].ValueAtQuantile(99); got < 39_900 || got > 40_100 {
		t.Errorf("p99 is %d µs; want 40,000", got)
	}
	if s.Count() != 1001 || s.Counts[Gone] != 1 || s.Failed != 1 || s.AllBytes() != 10_000 {
		t.Errorf("count %d, gone %d, failed %d, bytes %d", s.Count(), s.Counts[Gone], s.Failed, s.AllBytes())
	}
	if got := s.Due[Gone].ValueAtQuantile(50); got < 999_000 {
		t.Errorf("the refusal's latency is %d µs: it got mixed with the hits'", got)
	}
}

func TestCutBeginsAnew(t *testing.T) {
	tally := New()
	tally.Add(1, Sample{Outcome: Hit, Due: time.Millisecond})
	tally.Add(2, Sample{Outcome: Miss, Due: time.Second})
	if s := tally.Cut(time.Second); s.Count() != 2 || s.Merged().TotalCount() != 2 {
		t.Errorf("first cut has %d", s.Count())
	}
	tally.Add(1, Sample{Outcome: Hit, Due: 3 * time.Millisecond})
	s := tally.Cut(time.Second)
	if s.Count() != 1 || s.Due[Miss] != nil || s.Merged().Max() < 2990 || s.Merged().Max() > 3010 {
		t.Errorf("second cut has %d, greatest %d µs; want 1 and 3,000", s.Count(), s.Merged().Max())
	}
	if n := tally.Whole().Count(); n != 3 {
		t.Errorf("the whole has %d; want 3", n)
	}
}

func TestGenerator(t *testing.T) {
	tally := New()
	tally.Lag(0)
	tally.Lag(time.Hour) // clamped
	tally.Drop(3)
	if lag, dropped := tally.Generator(); lag.TotalCount() != 2 || dropped != 3 || lag.Max() < 599_000_000 {
		t.Errorf("lag of %d, greatest %d, dropped %d", lag.TotalCount(), lag.Max(), dropped)
	}
}
