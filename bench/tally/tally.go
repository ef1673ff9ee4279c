package tally

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The histograms' range and precision, in microseconds: three digits up to ten
// minutes, in 160 kB.
const (
	unit     = time.Microsecond
	longest  = int64(10 * time.Minute / unit)
	digits   = 3
	shardsOf = 4 // so that workers seldom wait for each other
)

// NewHistogram returns an empty histogram of the sort used here, in microseconds.
func NewHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, digits) }

// Sample is one finished request.
type Sample struct {
	Outcome   Outcome
	Failed    bool          // not what the request should have come to
	Bytes     int64         // of the body
	Due       time.Duration // from when it was due to its end
	Took      time.Duration // from when it was sent to its end
	FirstByte time.Duration // from when it was sent to the answer's head; 0 = none came
}

// Tally takes samples of a run. Safe for concurrent use.
type Tally struct {
	shards [shardsOf]shard
	begun  time.Time

	lagging sync.Mutex // guards the rest
	lag     *hdrhistogram.Histogram
	dropped int64
}

// shard is what some of the workers fill.
type shard struct {
	mu     sync.Mutex
	all    totals
	second totals // since the last Cut
	_      [64]byte
}

// totals are sums over some time.
type totals struct {
	count     [Outcomes]int64
	bytes     [Outcomes]int64
	failed    int64
	due, took [Outcomes]*hdrhistogram.Histogram // nil until used
	firstByte *hdrhistogram.Histogram
}

// New returns a tally that begins now.
func New() *Tally { return &Tally{begun: time.Now(), lag: NewHistogram()} }

// Add takes a sample of a worker.
func (t *Tally) Add(worker int, s Sample) {
	shard := &t.shards[worker%shardsOf]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.all.add(&s)
	shard.second.add(&s)
}

func (t *totals) add(s *Sample) {
	o := s.Outcome
	t.count[o]++
	t.bytes[o] += s.Bytes
	if s.Failed {
		t.failed++
	}
	record(&t.due[o], s.Due)
	record(&t.took[o], s.Took)
	if s.FirstByte > 0 {
		record(&t.firstByte, s.FirstByte)
	}
}

func record(into **hdrhistogram.Histogram, d time.Duration) {
	if *into == nil {
		*into = NewHistogram()
	}
	_ = (*into).RecordValue(min(max(1, int64(d/unit)), longest)) // always in range
}

// Lag notes by how much the generator itself was late to let a request go.
func (t *Tally) Lag(d time.Duration) {
	t.lagging.Lock()
	defer t.lagging.Unlock()
	record(&t.lag, d)
}

// Drop notes requests that were due and never started.
func (t *Tally) Drop(n int64) {
	t.lagging.Lock()
	defer t.lagging.Unlock()
	t.dropped += n
}

// merge adds up; from is left as it is.
func (t *totals) merge(from *totals) {
	for o := range Outcomes {
		t.count[o] += from.count[o]
		t.bytes[o] += from.bytes[o]
		join(&t.due[o], from.due[o])
		join(&t.took[o], from.took[o])
	}
	t.failed += from.failed
	join(&t.firstByte, from.firstByte)
}

func join(into **hdrhistogram.Histogram, from *hdrhistogram.Histogram) {
	if from == nil || from.TotalCount() == 0 {
		return
	}
	if *into == nil {
		*into = NewHistogram()
	}
	(*into).Merge(from)
}

// reset empties t and keeps its memory.
func (t *totals) reset() {
	for o := range Outcomes {
		for _, h := range []*hdrhistogram.Histogram{t.due[o], t.took[o]} {
			if h != nil {
				h.Reset()
			}
		}
	}
	if t.firstByte != nil {
		t.firstByte.Reset()
	}
	t.count, t.bytes, t.failed = [Outcomes]int64{}, [Outcomes]int64{}, 0
}
