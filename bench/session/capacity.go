package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rawlink/bench/report"
)

// Goal is what a deployment promises.
type Goal struct {
	Quantile float64       // of latency from the intended start: 0.5, 0.9, 0.99 or 0.999
	Latency  time.Duration // not to be passed at it
	Failed   float64       // share of the requests that may fail
}

// String returns the goal in words.
func (g Goal) String() string {
	return fmt.Sprintf("p%g ≤ %v, failed ≤ %g %%, every request started", 100*g.Quantile, g.Latency, 100*g.Failed)
}

// misses says why a run did not meet the goal, "" if it did.
func (g Goal) misses(r *report.Report) string {
	due := r.All.Due
	at := map[float64]float64{.5: due.P50, .9: due.P90, .99: due.P99, .999: due.P999}[g.Quantile]
	switch failed := float64(r.Failed) / float64(max(1, r.Requests)); {
	case r.Requests == 0:
		return "no answer"
	case r.Generator.Dropped > 0:
		return fmt.Sprintf("%d never started", r.Generator.Dropped)
	case failed > g.Failed:
		return fmt.Sprintf("%.2f %% failed", 100*failed)
	case at > float64(g.Latency)/millis:
		return fmt.Sprintf("p%g is %.1f ms", 100*g.Quantile, at)
	}
	return ""
}

// Search says where to look for the knee.
type Search struct {
	From, To  float64       // requests per second
	Precision float64       // of the knee, such as 0.05
	Step      time.Duration // how long each rate is tried
	Goal      Goal
}

// Validate says what is wrong with the search.
func (s *Search) Validate() error {
	switch {
	case s.From <= 0 || s.To <= s.From:
		return fmt.Errorf("from, to: want 0 < from < to, have %g and %g", s.From, s.To)
	case s.Precision < .005 || s.Precision > .5:
		return fmt.Errorf("precision: want 0.005 to 0.5, have %g", s.Precision)
	case s.Step < time.Second:
		return fmt.Errorf("step: want at least 1s, have %v", s.Step)
	case s.Goal.Latency <= 0:
		return fmt.Errorf("latency: want more than 0, have %v", s.Goal.Latency)
	}
	return nil
}

// Capacity finds the greatest rate that meets the goal: it doubles the rate until
// one does not, then halves the gap. The report is of the best run, with all rates
// that were tried.
func (s *Session) Capacity(ctx context.Context, search Search) (*report.Report, error) {
	found := &report.Capacity{Goal: search.Goal.String()}
	var best, last *report.Report
	try := func(rate float64) (met bool, err error) {
		s.config.Rate, s.config.Duration = fmt.Sprint(rate), search.Step
		r, err := s.Run(ctx)
		if err != nil {
			last = r
			return false, err
		}
		step := report.Step{
			Rate: rate, Achieved: float64(r.Requests) / max(r.Seconds, 1e-9), P50: r.All.Due.P50, P99: r.All.Due.P99, P999: r.All.Due.P999,
			Failed: float64(r.Failed) / float64(max(1, r.Requests)), Dropped: r.Generator.Dropped, Why: search.Goal.misses(r),
		}
		step.Met = step.Why == ""
		found.Steps = append(found.Steps, step)
		s.view.Note("%.0f requests/s: p99 %.2f ms: %s", rate, step.P99, or(step.Why, "met"))
		last = r
		if step.Met {
			best, found.Knee = r, max(found.Knee, rate)
		} else {
			found.Limit = r.Generator.Bottleneck
		}
		return step.Met, nil
	}
	err := search.over(try)
	if best == nil {
		best = last
	}
	if best == nil {
		return nil, err
	}
	if found.Limit != "" {
		found.Limit = "What gave in: " + found.Limit + "."
	}
	best.Capacity = found
	if last != nil && errors.Is(err, ErrInterrupted) {
		best.Interrupted = true
	}
	return best, err
}

// over tries rates until the gap between the best and the next is small enough.
func (s *Search) over(try func(rate float64) (bool, error)) error {
	good, bad := 0.0, 0.0
	for rate := s.From; bad == 0; rate = min(2*rate, s.To) {
		met, err := try(rate)
		if err != nil {
			return err
		}
		if !met {
			bad = rate
		} else if good = rate; rate >= s.To {
			return nil // it holds everywhere that was asked about
		}
	}
	if good == 0 {
		return nil // not even the first
	}
	for bad/good > 1+s.Precision {
		rate := (good + bad) / 2
		met, err := try(rate)
		if err != nil {
			return err
		}
		if met {
			good = rate
		} else {
			bad = rate
		}
	}
	return nil
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}
