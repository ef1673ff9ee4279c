package drive

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"rawlink/bench/pace"
	"rawlink/bench/tally"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server takes some time for each request, and stands still once.
type server struct {
	takes  time.Duration
	stall  time.Duration // of the request number stallAt
	at     int64
	served atomic.Int64
	most   int64 // after which there is nothing to ask for; 0 = never
	closed atomic.Int64
}

func (s *server) Do(ctx context.Context) (tally.Sample, bool) {
	n := s.served.Add(1)
	if s.most > 0 && n > s.most {
		return tally.Sample{}, false
	}
	takes := s.takes
	if s.at > 0 && n == s.at {
		takes = s.stall
	}
	select {
	case <-time.After(takes):
		return tally.Sample{Outcome: tally.Hit, Took: takes}, true
	case <-ctx.Done():
		return tally.Sample{Outcome: tally.Broken, Failed: true, Took: takes}, true
	}
}

func (s *server) Close() { s.closed.Add(1) }

func plan(t *testing.T, rate string, span time.Duration) *pace.Plan {
	t.Helper()
	rates, err := pace.ParseRates(rate, span)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pace.NewPlan(rates, pace.Even, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A server that stands still must not hide the requests that came meanwhile:
// their latency counts from when they were due.
func TestNoCoordinatedOmission(t *testing.T) {
	s := &server{takes: time.Millisecond, at: 20, stall: 500 * time.Millisecond}
	into := tally.New()
	o := Options{Workers: 1, Plan: plan(t, "100", time.Second), Backlog: 100, Grace: time.Minute} // room for all, should this machine stand still too
	if err := Run(t.Context(), o, func(int) Worker { return s }, into); err != nil {
		t.Fatal(err)
	}
	whole := into.Whole()
	if whole.Count() != 100 {
		t.Errorf("%d requests ended; want 100", whole.Count())
	}
	// One request of 100 was slow to be served, but some 50 were due in that time.
	late := 0
	for _, bar := range whole.Due[tally.Hit].Distribution() {
		if bar.From > 50_000 {
			late += int(bar.Count)
		}
	}
	if late < 30 {
		t.Errorf("%d requests had to wait; want about 50", late)
	}
	if took := whole.Took[tally.Hit].ValueAtQuantile(90); took > 100_000 {
		t.Errorf("the server took %d µs at p90; want 1,000", took)
	}
}

// More than the backlog holds is dropped, and said to be.
func TestDrops(t *testing.T) {
	s := &server{takes: 100 * time.Millisecond}
	into := tally.New()
	o := Options{Workers: 1, Plan: plan(t, "1000", 500*time.Millisecond), Backlog: 10, Grace: 50 * time.Millisecond}
	if err := Run(t.Context(), o, func(int) Worker { return s }, into); err != nil {
		t.Fatal(err)
	}
	lag, dropped := into.Generator()
	ended := into.Whole().Count()
	if ended+dropped != 500 || dropped < 450 {
		t.Errorf("%d ended, %d dropped; want 500 together, nearly all dropped", ended, dropped)
	}
	if lag.TotalCount() == 0 || s.closed.Load() != 1 {
		t.Errorf("lag of %d requests; %d workers closed", lag.TotalCount(), s.closed.Load())
	}
}

func TestClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock is never late
		s := &server{takes: 10 * time.Millisecond}
		into := tally.New()
		began := time.Now()
		if err := Run(t.Context(), Options{Workers: 4, Span: 300 * time.Millisecond, Grace: time.Second}, func(int) Worker { return s }, into); err != nil {
			t.Fatal(err)
		}
		if n := into.Whole().Count(); n < 8 || n > 124 || time.Since(began) > time.Second {
			t.Errorf("%d requests in %v; want about 120 in 0.3 s", n, time.Since(began))
		}
	})
}

// An end of ctx breaks nothing off that ends within the grace, and what was
// measured stays.
func TestInterrupt(t *testing.T) {
	for name, o := range map[string]Options{
		"open":   {Workers: 2, Plan: plan(t, "100", time.Hour), Grace: time.Minute},
		"closed": {Workers: 2, Span: time.Hour, Grace: time.Minute},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		s, into := &server{takes: 5 * time.Millisecond}, tally.New()
		go func() { // after some of them, however long that takes here
			defer cancel()
			for s.served.Load() < 20 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
		}()
		if err := Run(ctx, o, func(int) Worker { return s }, into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		if s := into.Whole(); s.Count() < 5 || s.Failed > 0 {
			t.Errorf("%s: %d requests, %d failed; want some and none", name, s.Count(), s.Failed)
		}
	}
}

func TestNothingLeftToAskFor(t *testing.T) {
	s := &server{most: 7}
	into := tally.New()
	if err := Run(t.Context(), Options{Workers: 1, Plan: plan(t, "1000", time.Hour), Grace: time.Second}, func(int) Worker { return s }, into); err != nil {
		t.Fatal(err)
	}
	if n := into.Whole().Count(); n != 7 {
		t.Errorf("%d requests; want 7", n)
	}
}
