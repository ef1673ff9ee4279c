package storecontract

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// Call is one call of a bus's Handler.
type Call struct {
	Name string     // Event, All or Verified
	Hash share.Hash // of Event
	At   time.Time  // of Verified
	Made time.Time  // when the call came
}

// The names of calls.
const (
	Event    = "Invalidate"
	All      = "InvalidateAll"
	Verified = "Verified"
)

// Recorder is a Handler that writes down what it is told. Safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex
	calls []Call
}

// Invalidate implements Handler.
func (r *Recorder) Invalidate(h share.Hash) { r.add(Call{Name: Event, Hash: h}) }

// InvalidateAll implements Handler.
func (r *Recorder) InvalidateAll() { r.add(Call{Name: All}) }

// Verified implements Handler.
func (r *Recorder) Verified(at time.Time) { r.add(Call{Name: Verified, At: at}) }

func (r *Recorder) add(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Made = time.Now()
	r.calls = append(r.calls, c)
}

// Calls returns the calls so far, in order.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Changes returns the calls so far without Verified, in short: "*" for
// InvalidateAll, else the hash.
func (r *Recorder) Changes() []string {
	var out []string
	for _, c := range r.Calls() {
		switch c.Name {
		case All:
			out = append(out, "*")
		case Event:
			out = append(out, c.Hash.String())
		}
	}
	return out
}

// AwaitChanges waits until exactly these changes were made known, in order.
func (r *Recorder) AwaitChanges(tb testing.TB, want ...string) {
	tb.Helper()
	for end := time.Now().Add(10 * time.Second); !slices.Equal(r.Changes(), want); <-time.After(2 * time.Millisecond) {
		if got := r.Changes(); len(got) > len(want) || time.Now().After(end) {
			tb.Fatalf("changes made known: %s\nwant: %s", brief(got), brief(want))
		}
	}
}

func brief(changes []string) string {
	short := make([]string, 0, len(changes))
	for _, c := range changes {
		short = append(short, c[:min(6, len(c))])
	}
	return fmt.Sprint(len(short), short)
}

// AwaitVerified waits for a Verified that vouches for t.
func (r *Recorder) AwaitVerified(tb testing.TB, t time.Time) {
	tb.Helper()
	await(tb, "a Verified later than "+t.Format(time.StampMilli), func() bool { return r.LastVerified().After(t) })
}

// LastVerified returns what the last Verified vouched for.
func (r *Recorder) LastVerified() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range slices.Backward(r.calls) {
		if c.Name == Verified {
			return c.At
		}
	}
	return time.Time{}
}
