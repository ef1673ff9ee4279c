package storecontract

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/ratelimit"
)

// LimitStore counts requests.
type LimitStore interface {
	Take(ctx context.Context, client string, budgets []ratelimit.Budget) ([]ratelimit.Standing, error)
}

// Limits checks a LimitStore. open returns a fresh one.
func Limits(t *testing.T, open func(t *testing.T) LimitStore) {
	t.Helper()
	t.Run("counts in turn", func(t *testing.T) { limitsInTurn(t, open(t)) })
	t.Run("clients and budgets are separate", func(t *testing.T) { limitsAreSeparate(t, open(t)) })
	t.Run("exact under concurrency", func(t *testing.T) { limitsAreExact(t, open(t)) })
	t.Run("windows end", func(t *testing.T) { windowsEnd(t, open(t)) })
}

func budget(name string, most int64) ratelimit.Budget {
	return ratelimit.Budget{Name: name, Most: most, Per: time.Minute}
}

func mustCount(tb testing.TB, s LimitStore, client string, budgets ...ratelimit.Budget) []ratelimit.Standing {
	tb.Helper()
	got, err := s.Take(tb.Context(), client, budgets)
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func limitsInTurn(t *testing.T, s LimitStore) {
	all, few := budget("all", 3), budget("few", 1)
	for i, want := range [][]int64{{1, 1}, {2, 2}, {3, 3}, {4}, {5}} { // used, of all and of few
		got := mustCount(t, s, "c", all, few)
		if len(got) != len(want) {
			t.Fatalf("request %d: %+v; want %d standings", i+1, got, len(want))
		}
		for j, standing := range got {
			b := []ratelimit.Budget{all, few}[j]
			if standing.Budget != b || standing.Used != want[j] || standing.Over() != (want[j] > b.Most) {
				t.Errorf("request %d: %+v; want %d used of %+v", i+1, standing, want[j], b)
			}
			if standing.Left <= 0 || standing.Left > b.Per || standing.Seconds() < 1 || standing.Seconds() > 60 {
				t.Errorf("request %d: the window ends in %v", i+1, standing.Left)
			}
		}
	}
	// Over in all, few was left alone: 3 are used, and this is the fourth.
	if got := mustCount(t, s, "c", few); got[0].Used != 4 {
		t.Errorf("used %d of few; want 4", got[0].Used)
	}
}

func limitsAreSeparate(t *testing.T, s LimitStore) {
	for _, client := range []string{"a", "b"} {
		for _, name := range []string{"x", "y"} {
			if got := mustCount(t, s, client, budget(name, 1)); got[0].Used != 1 {
				t.Errorf("%s of %s: used %d; want 1", name, client, got[0].Used)
			}
		}
	}
}

func limitsAreExact(t *testing.T, s LimitStore) {
	var admitted atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				if got, err := s.Take(t.Context(), "c", []ratelimit.Budget{budget("b", 33)}); err != nil {
					t.Error(err)
				} else if !got[0].Over() {
					admitted.Add(1)
				}
			}
		})
	}
	group.Wait()
	if admitted.Load() != 33 {
		t.Errorf("%d of 80 admitted; want 33", admitted.Load())
	}
}

func windowsEnd(t *testing.T, s LimitStore) {
	short := ratelimit.Budget{Name: "b", Most: 1, Per: 50 * time.Millisecond}
	mustCount(t, s, "c", short)
	await(t, "a new window", func() bool { return mustCount(t, s, "c", short)[0].Used == 1 })
}
