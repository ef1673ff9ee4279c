//go:build !race

package share

import (
	"testing"
	"time"
)

// The race detector allocates by itself, so scripts/test.sh runs the tests named
// …Allocates… without it.

func TestVerifyAllocatesNothing(t *testing.T) {
	r := ring(t, "1:"+NewKey())
	good := string(r.Seal([randomSize]byte{1}))
	bad := good[:TokenLen-1] + "_"
	if n := testing.AllocsPerRun(1000, func() { r.Verify(good); r.Verify(bad) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	revoked, now := Record{Revoked: true}, time.Now()
	if n := testing.AllocsPerRun(1000, func() { _ = revoked.Gate(now) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
