//go:build !race

package bytecache

import (
	"context"
	"testing"
)

// The race detector allocates by itself, so scripts/test.sh runs the tests named
// …Allocates… without it.

func TestRAMHitAllocatesItsReader(t *testing.T) {
	c := mustNew(t, testConfig(&store{}))
	o := Object{ID: "a", Size: 1000}
	mustFetch(t, c, o, 0, o.Size)
	got := testing.AllocsPerRun(1000, func() {
		r, err := c.Open(context.Background(), o, 0, o.Size)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		r.Close()
	})
	if got > 1 {
		t.Errorf("%v allocations; want 1", got)
	}
}
