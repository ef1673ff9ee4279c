package ledger

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// kinds are the two that keep leases in process.
var kinds = map[string]func(size int, now func() time.Time) keeper{
	"leases": func(size int, now func() time.Time) keeper { return NewLeases(size, now) },
	"table":  func(size int, now func() time.Time) keeper { return NewTable(size, now) },
}

type keeper interface {
	Open(ctx context.Context, lease Lease, budget int64) error
	Take(ctx context.Context, lease Lease, bytes int64) (bool, error)
}

func TestLeaseLife(t *testing.T) {
	name := Lease{ShareID: "s", Object: "o", Client: Client{'c'}}
	tests := []struct {
		name  string
		other Lease
		after []time.Duration // a use of zero bytes after each; the last one decides
		want  bool
	}{
		{"at once", name, []time.Duration{0}, true},
		{"another share", Lease{"x", "o", Client{'c'}}, []time.Duration{0}, false},
		{"another version", Lease{"s", "x", Client{'c'}}, []time.Duration{0}, false},
		{"another client", Lease{"s", "o", Client{'x'}}, []time.Duration{0}, false},
		{"idle just short", name, []time.Duration{LeaseIdle - time.Second}, true},
		{"idle too long", name, []time.Duration{LeaseIdle}, false},
		{"use keeps it", name, []time.Duration{9 * time.Minute, 9 * time.Minute, 9 * time.Minute}, true},
		{"a day ends it", name, repeat(9*time.Minute, 161), false},
	}
	for _, tt := range tests {
		for kind, open := range kinds {
			now := time.Unix(1000, 0)
			s := open(10, func() time.Time { return now })
			mustOpen(t, s, name, 100)
			var got bool
			for _, d := range tt.after {
				now = now.Add(d)
				got, _ = s.Take(context.Background(), tt.other, 0)
			}
			if got != tt.want {
				t.Errorf("%s, %s: live = %v; want %v", kind, tt.name, got, tt.want)
			}
		}
	}
}

func TestLeaseBudgetIsExact(t *testing.T) {
	s := NewLeases(10, time.Now)
	name := Lease{ShareID: "s"}
	mustOpen(t, s, name, 1000)
	var sent atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if ok, _ := s.Take(context.Background(), name, 90); ok {
				sent.Add(90)
			}
		})
	}
	wg.Wait()
	if sent.Load() != 990 {
		t.Errorf("took %d bytes of 1000 in steps of 90; want 990", sent.Load())
	}
	if ok, _ := s.Take(context.Background(), name, -80); !ok {
		t.Error("giving back was refused")
	}
	if ok, _ := s.Take(context.Background(), name, 90); !ok {
		t.Error("what was given back can't be taken")
	}
}

func TestLeasesAreBounded(t *testing.T) {
	s := NewLeases(3, time.Now)
	for i := range 10 {
		mustOpen(t, s, Lease{ShareID: fmt.Sprint(i)}, 1)
		_, _ = s.Take(context.Background(), Lease{ShareID: "0"}, 0) // keep the first in use
	}
	if len(s.held) != 3 || s.used.Len() != 3 {
		t.Errorf("%d leases, %d in order; want 3", len(s.held), s.used.Len())
	}
	for id, want := range map[string]bool{"0": true, "9": true, "1": false} {
		if got, _ := s.Take(context.Background(), Lease{ShareID: id}, 0); got != want {
			t.Errorf("lease %s live = %v; want %v", id, got, want)
		}
	}
}

func mustOpen(tb testing.TB, s keeper, name Lease, budget int64) {
	tb.Helper()
	if err := s.Open(context.Background(), name, budget); err != nil {
		tb.Fatal(err)
	}
}

func repeat(d time.Duration, n int) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}

// A full set forgets its oldest lease, never a live one's budget.
func TestTableIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewTable(ways, func() time.Time { return now })
	for i := range 3 * ways {
		now = now.Add(time.Second)
		mustOpen(t, s, Lease{ShareID: fmt.Sprint(i)}, 100)
	}
	for i := range 3 * ways {
		live, _ := s.Take(context.Background(), Lease{ShareID: fmt.Sprint(i)}, 100)
		if want := i >= 2*ways; live != want {
			t.Errorf("lease %d: live = %v; want %v", i, live, want)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for kind, open := range kinds {
		b.Run(kind, func(b *testing.B) {
			s, lease := open(100_000, time.Now), Lease{ShareID: "01a20bbc-5943-742f-8eba-891d108a7273", Object: "0123456789abcdef"}
			b.ReportAllocs()
			for i := range b.N {
				lease.Client[0], lease.Client[1] = byte(i), byte(i>>8)
				_ = s.Open(context.Background(), lease, 100)
			}
		})
	}
}
