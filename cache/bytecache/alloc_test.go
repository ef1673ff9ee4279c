//go:build !race

package bytecache

import (
	"context"
	"testing"
)

// The race detector allocates by itself, so scripts/test.sh runs the tests named
// …Allocates… without it.

func TestRAMHitAllocatesNothing(t *testing.T) {
	c := mustNew(t, testConfig(&store{}))
	o := Object{ID: "a", Size: 1000}
	mustFetch(t, c, o, 0, o.Size)
	idle(t, c) // it is in RAM a moment after its last byte was given out
	var r Reader
	got := testing.AllocsPerRun(1000, func() {
		if err := c.Open(context.Background(), &r, o, 0, o.Size); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		r.Close()
	})
	if got > 0 {
		t.Errorf("%v allocations; want 0", got)
	}
}
