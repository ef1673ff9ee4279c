package storecontract

import (
	"context"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// Listening has a new Recorder listen until the test ends, and returns when the
// bus has begun to hand on.
func Listening(tb testing.TB, bus EventBus) *Recorder {
	tb.Helper()
	r := &Recorder{}
	background(tb, func(ctx context.Context) { _ = bus.Listen(ctx, r) })
	r.AwaitChanges(tb, "*")
	return r
}

// Ticking plays an idle origin until the test ends. Ticks may fail.
func Ticking(tb testing.TB, bus EventBus) {
	background(tb, func(ctx context.Context) {
		for ctx.Err() == nil {
			_ = bus.Tick(ctx)
			<-time.After(20 * time.Millisecond)
		}
	})
}

// background runs f until the test ends; f must end with its context.
func background(tb testing.TB, f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	tb.Cleanup(func() { cancel(); wg.Wait() })
}

// RandomEvents returns n events of shares that never existed.
func RandomEvents(n int) []share.Event {
	events := make([]share.Event, n)
	for i := range events {
		events[i] = share.Event{Hash: randomHash(), Version: int64(i)}
	}
	return events
}

// Hashes returns the events' hashes as Recorder.Changes spells them.
func Hashes(events []share.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Hash.String())
	}
	return out
}

func mustPublish(tb testing.TB, bus EventBus, events []share.Event) {
	tb.Helper()
	Insist(tb, func() error { return bus.Publish(tb.Context(), events) })
}

func mustTick(tb testing.TB, bus EventBus) {
	tb.Helper()
	Insist(tb, func() error { return bus.Tick(tb.Context()) })
}

// Insist repeats what must succeed in the end.
func Insist(tb testing.TB, do func() error) {
	tb.Helper()
	if err := Again(do); err != nil {
		tb.Fatal(err)
	}
}

// Again repeats what found a store unavailable, as origins and edges do: on a busy
// machine a server misses the tight limits that its clients have.
func Again(do func() error) (err error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if err = do(); err == nil || share.KindOf(err) != share.Unavailable || time.Now().After(end) {
			return err
		}
	}
}
