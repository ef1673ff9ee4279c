package storecontract

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rawlink/internal/share"
)

// Handler is the listening side of a bus. (An alias, as in the implementations.)
type Handler = interface {
	Invalidate(h share.Hash)
	InvalidateAll()
	Verified(at time.Time)
}

// EventBus carries events from origins to edges.
type EventBus interface {
	Publish(ctx context.Context, events []share.Event) error
	Tick(ctx context.Context) error
	Listen(ctx context.Context, h Handler) error
}

// Bus checks an EventBus in fair weather. open returns a fresh one.
func Bus(t *testing.T, open func(t *testing.T) EventBus) {
	t.Helper()
	t.Run("hands on in order", func(t *testing.T) { handsOnInOrder(t, open(t)) })
	t.Run("listeners are independent", func(t *testing.T) { listenersAreIndependent(t, open(t)) })
	t.Run("ends with its context", func(t *testing.T) { endsWithItsContext(t, open(t)) })
	t.Run("two ticks vouch", func(t *testing.T) { twoTicksVouch(t, open(t)) })
	t.Run("a late tick vouches for nothing new", func(t *testing.T) { lateTick(t, open(t)) })
	t.Run("never vouches for what it did not hand on", func(t *testing.T) { neverVouchesTooMuch(t, open(t)) })
}

func handsOnInOrder(t *testing.T, bus EventBus) {
	mustPublish(t, bus, RandomEvents(3)) // before anybody listens: never heard of
	r := Listening(t, bus)
	events := RandomEvents(1000)
	mustPublish(t, bus, nil)
	mustPublish(t, bus, events[:1])
	mustPublish(t, bus, events[1:900]) // more than fits in one message
	mustPublish(t, bus, events[900:])
	r.AwaitChanges(t, append([]string{"*"}, Hashes(events)...)...)
}

func listenersAreIndependent(t *testing.T, bus EventBus) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	first := &Recorder{}
	go func() { ended <- bus.Listen(ctx, first) }()
	first.AwaitChanges(t, "*")
	events := RandomEvents(2)
	mustPublish(t, bus, events[:1])
	second := Listening(t, bus)
	first.AwaitChanges(t, "*", events[0].Hash.String())

	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Listen returned %v; want the context's error", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Listen did not end with its context")
	}
	mustPublish(t, bus, events[1:])
	second.AwaitChanges(t, "*", events[1].Hash.String())
	first.AwaitChanges(t, "*", events[0].Hash.String())
}

// endsWithItsContext: the end breaks a read off that would wait for longer. A busy
// machine may be slow to see that, but not each time.
func endsWithItsContext(t *testing.T, bus EventBus) {
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		r, ended := &Recorder{}, make(chan struct{})
		go func() { defer close(ended); _ = bus.Listen(ctx, r) }()
		r.AwaitChanges(t, "*")
		<-time.After(50 * time.Millisecond) // it reads
		began := time.Now()
		cancel()
		<-ended
		if time.Since(began) < 300*time.Millisecond {
			return
		}
	}
	t.Error("Listen ends long after its context")
}

func twoTicksVouch(t *testing.T, bus EventBus) {
	r := Listening(t, bus)
	mustTick(t, bus)
	event := RandomEvents(1)
	mustPublish(t, bus, event)
	r.AwaitChanges(t, "*", event[0].Hash.String()) // so the tick has been heard as well
	if at := r.LastVerified(); !at.IsZero() {
		t.Errorf("one tick vouched for %v", at)
	}
	Ticking(t, bus)
	r.AwaitVerified(t, time.Now())
	last := time.Time{}
	for _, c := range r.Calls() {
		if c.Name == Verified && (!c.At.After(last) || c.At.After(c.Made)) {
			t.Errorf("Verified(%v) after Verified(%v), made at %v", c.At, last, c.Made)
		}
		if c.Name == Verified {
			last = c.At
		}
	}
}

// lateTick freezes an origin between its last look at the outbox and its tick.
// A change committed meanwhile is not published, and must not be vouched for.
func lateTick(t *testing.T, bus EventBus) {
	r := Listening(t, bus)
	mustTick(t, bus)
	// Here the origin looks: nothing to publish.
	committed := time.Now()
	<-time.After(1200 * time.Millisecond) // frozen, for longer than any read waits
	mustTick(t, bus)
	event := RandomEvents(1)
	mustPublish(t, bus, event)
	r.AwaitChanges(t, "*", event[0].Hash.String())
	if at := r.LastVerified(); !at.Before(committed) {
		t.Errorf("vouched for a change that was committed %v before and not handed on", at.Sub(committed))
	}
}

// neverVouchesTooMuch plays an origin that now and then dawdles at any point.
func neverVouchesTooMuch(t *testing.T, bus EventBus) {
	r := Listening(t, bus)
	dawdle := func() {
		if rand.N(3) == 0 {
			<-time.After(rand.N(20 * time.Millisecond))
		}
	}
	committed := map[share.Hash]time.Time{}
	var outbox []share.Event
	for range 150 {
		dawdle()
		preparing := outbox     // what the look at the outbox finds
		late := RandomEvents(1) // committed too late to be found
		committed[late[0].Hash] = time.Now()
		outbox = late
		dawdle()
		mustPublish(t, bus, preparing)
		dawdle()
		mustTick(t, bus)
	}
	await(t, "all events", func() bool { // "*", and all but the last; one that was published again comes again
		heard := r.Changes()
		slices.Sort(heard)
		return len(slices.Compact(heard)) == len(committed)
	})
	vouched := 0
	for _, c := range r.Calls() {
		switch c.Name {
		case Event:
			delete(committed, c.Hash)
		case Verified:
			vouched++
			for _, at := range committed {
				if at.Before(c.At) {
					t.Fatalf("vouched for a change committed %v earlier and not handed on", c.At.Sub(at))
				}
			}
		}
	}
	if vouched < 10 {
		t.Errorf("vouched %d times in 150 ticks", vouched)
	}
}
