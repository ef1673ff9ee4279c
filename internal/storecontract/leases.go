package storecontract

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"rawlink/internal/ledger"
)

// LeaseStore keeps the leases of capped shares.
type LeaseStore interface {
	Open(ctx context.Context, name ledger.Lease, budget int64) error
	Take(ctx context.Context, name ledger.Lease, bytes int64) (bool, error)
}

// Leases checks a LeaseStore. open returns a fresh one.
func Leases(t *testing.T, open func(t *testing.T) LeaseStore) {
	t.Helper()
	name := ledger.Lease{ShareID: "s", Object: "o", Client: ledger.Client{'c'}}
	type step struct{ bytes, want int64 } // want: 1 = taken
	tests := []struct {
		name  string
		steps []step
	}{
		{"asks for life", []step{{0, 1}, {0, 1}}},
		{"takes all", []step{{100, 1}, {1, 0}, {0, 1}}},
		{"refuses what is over the rest", []step{{60, 1}, {41, 0}, {40, 1}, {1, 0}}},
		{"gives back", []step{{100, 1}, {-30, 1}, {31, 0}, {30, 1}}},
		{"refuses far too much", []step{{1 << 62, 0}, {100, 1}}},
	}
	for _, tt := range tests {
		s := open(t)
		mustOpen(t, s, name, 100)
		for i, step := range tt.steps {
			if got := mustTake(t, s, name, step.bytes); got != (step.want == 1) {
				t.Errorf("%s: step %d, Take(%d) = %v", tt.name, i, step.bytes, got)
			}
		}
	}
	t.Run("leases are separate", func(t *testing.T) { leasesAreSeparate(t, open(t)) })
	t.Run("budget is exact", func(t *testing.T) { budgetIsExact(t, open(t)) })
	t.Run("opened again", func(t *testing.T) {
		s := open(t)
		mustOpen(t, s, name, 100)
		mustTake(t, s, name, 70)
		mustOpen(t, s, name, 50)
		if !mustTake(t, s, name, 80) || mustTake(t, s, name, 1) {
			t.Error("a lease opened again does not have what was left and what is new")
		}
	})
}

func leasesAreSeparate(t *testing.T, s LeaseStore) {
	mustOpen(t, s, ledger.Lease{ShareID: "s", Object: "o", Client: ledger.Client{'c'}}, 100)
	for _, other := range []ledger.Lease{
		{ShareID: "x", Object: "o", Client: ledger.Client{'c'}},
		{ShareID: "s", Object: "x", Client: ledger.Client{'c'}},
		{ShareID: "s", Object: "o", Client: ledger.Client{'x'}},
		{ShareID: "s", Object: "oc"},
		{ShareID: "s", Client: ledger.Client{'o', 'c'}},
		{},
	} {
		if mustTake(t, s, other, 0) {
			t.Errorf("%+v lives without having been opened", other)
		}
	}
}

func budgetIsExact(t *testing.T, s LeaseStore) {
	name := ledger.Lease{ShareID: "s", Object: "o", Client: ledger.Client{'c'}}
	mustOpen(t, s, name, 1000)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if ok, err := s.Take(t.Context(), name, 90); err != nil {
				t.Error(err)
			} else if ok {
				taken.Add(90)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 990 {
		t.Errorf("took %d of 1000 in steps of 90; want 990", taken.Load())
	}
}

func mustOpen(tb testing.TB, s LeaseStore, name ledger.Lease, budget int64) {
	tb.Helper()
	if err := s.Open(tb.Context(), name, budget); err != nil {
		tb.Fatal(err)
	}
}

func mustTake(tb testing.TB, s LeaseStore, name ledger.Lease, bytes int64) bool {
	tb.Helper()
	ok, err := s.Take(tb.Context(), name, bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return ok
}
