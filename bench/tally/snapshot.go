package tally

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Snapshot is what was measured over some time.
type Snapshot struct {
	At     time.Duration // its end, from the begin of the run on
	Span   time.Duration
	Counts [Outcomes]int64
	Bytes  [Outcomes]int64
	Failed int64
	Due    [Outcomes]*hdrhistogram.Histogram // µs; nil = none
	Took   [Outcomes]*hdrhistogram.Histogram
	First  *hdrhistogram.Histogram // to the answer's head; nil = none
}

// Count is the number of requests that ended.
func (s *Snapshot) Count() (n int64) {
	for _, count := range s.Counts {
		n += count
	}
	return n
}

// Rate is the requests per second.
func (s *Snapshot) Rate() float64 { return float64(s.Count()) / max(s.Span.Seconds(), 1e-9) }

// AllBytes is the bytes of all bodies.
func (s *Snapshot) AllBytes() (n int64) {
	for _, bytes := range s.Bytes {
		n += bytes
	}
	return n
}

// Merged returns the histogram of all outcomes together, from when requests were
// due. What the client slowed down or left on purpose is not in it.
func (s *Snapshot) Merged() *hdrhistogram.Histogram {
	all := NewHistogram()
	for o, h := range s.Due {
		if h != nil && Outcome(o) != Left && Outcome(o) != Slow {
			all.Merge(h)
		}
	}
	return all
}

// Cut returns what was measured since the last Cut, and begins anew. span is the
// time since then.
func (t *Tally) Cut(span time.Duration) *Snapshot {
	var sum totals
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		sum.merge(&s.second)
		s.second.reset()
		s.mu.Unlock()
	}
	return t.snapshot(&sum, span)
}

// Whole returns everything that was measured so far.
func (t *Tally) Whole() *Snapshot {
	var sum totals
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		sum.merge(&s.all)
		s.mu.Unlock()
	}
	return t.snapshot(&sum, time.Since(t.begun))
}

func (t *Tally) snapshot(sum *totals, span time.Duration) *Snapshot {
	return &Snapshot{
		At: time.Since(t.begun), Span: span, Counts: sum.count, Bytes: sum.bytes, Failed: sum.failed,
		Due: sum.due, Took: sum.took, First: sum.firstByte,
	}
}

// Generator returns the generator's own lateness, µs, and how many requests it
// never started.
func (t *Tally) Generator() (lag *hdrhistogram.Histogram, dropped int64) {
	t.lagging.Lock()
	defer t.lagging.Unlock()
	lag = NewHistogram()
	lag.Merge(t.lag)
	return lag, t.dropped
}
