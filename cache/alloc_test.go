//go:build !race

package cache

import (
	"context"
	"testing"
	"time"
)

// The race detector allocates by itself, so scripts/test.sh runs the tests named
// …Allocates… without it.

func TestHitAllocatesNothing(t *testing.T) {
	s := &source{load: func(context.Context, string) (int, error) { return 1, nil }}
	r := mustRecords(t, nil, s)
	mustFill(t, r, "k")
	now := time.Now()
	got := testing.AllocsPerRun(1000, func() {
		if _, state, _ := r.Get("k", now); state != Hit {
			t.Fatal("not a hit")
		}
	})
	if got != 0 {
		t.Errorf("%v allocations; want 0", got)
	}
}
