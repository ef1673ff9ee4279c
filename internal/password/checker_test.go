package password

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/share"
)

func TestCheckerRemembersOnlyWhatMatches(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(1)
	c := NewChecker(1, time.Minute, func() time.Time { return time.Unix(clock.Load(), 0) })
	stored := Hash("right")
	for _, try := range []struct {
		text string
		want bool
	}{{"right", true}, {"wrong", false}, {"", false}} {
		if got, err := c.Matches(t.Context(), stored, try.text); got != try.want || err != nil {
			t.Errorf("Matches(%q) = %v, %v; want %v", try.text, got, err, try.want)
		}
		if got := c.Remembers(c.Pair(stored, try.text)); got != try.want {
			t.Errorf("Remembers(%q) = %v; want %v", try.text, got, try.want)
		}
	}
	if c.Remembers(c.Pair(Hash("right"), "right")) {
		t.Error("another share's hash of the same password is remembered")
	}
	clock.Add(59)
	if !c.Remembers(c.Pair(stored, "right")) {
		t.Error("forgotten before its life ended")
	}
	clock.Add(59)
	if !c.Remembers(c.Pair(stored, "right")) {
		t.Error("asking did not lengthen the life")
	}
	clock.Add(60)
	if c.Remembers(c.Pair(stored, "right")) {
		t.Error("remembered beyond its life")
	}
}

// A flood of guesses takes a fixed number of turns and of places to wait; the
// rest is refused at once.
func TestCheckerBoundsItsWork(t *testing.T) {
	t.Parallel()
	c := NewChecker(1, time.Minute, time.Now)
	c.turns <- struct{}{} // a hash that never ends
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var refused atomic.Int64
	for range 100 {
		group.Go(func() {
			if _, err := c.Matches(ctx, "x", "y"); share.KindOf(err) == share.Overloaded {
				refused.Add(1)
			}
		})
	}
	for len(c.queue) < cap(c.queue) || refused.Load() < 100-int64(cap(c.queue)) {
		runtime.Gosched()
	}
	cancel()
	group.Wait()
	if got, want := refused.Load(), 100-int64(cap(c.queue)); got != want {
		t.Errorf("%d refused; want %d", got, want)
	}
	if len(c.queue) != 0 {
		t.Errorf("%d still in the queue", len(c.queue))
	}
}
