package memstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"rawlink/internal/share"
)

// Handler is told what the bus says, by whoever publishes and under the bus's
// lock: it must return soon and not call the bus. (An alias: see redisstore.)
type Handler = interface {
	// Invalidate: what is known about this share may be wrong.
	Invalidate(h share.Hash)
	// InvalidateAll: anything may have changed; nothing known is to be believed.
	InvalidateAll()
	// Verified: every change committed before at has been handed over. Each call
	// brings a later time.
	Verified(at time.Time)
}

// Bus hands events straight to the listeners in this process: when Publish
// returns, every listener has been told. Safe for concurrent use.
type Bus struct {
	mu        sync.Mutex // guards what follows, and is held while listeners are told
	listeners []*listener
	ticked    time.Time // when the last Tick was called
}

// listener is one Listen call: what tells two of one Handler apart.
type listener struct{ Handler }

// NewBus returns a bus without listeners.
func NewBus() *Bus { return &Bus{} }

// Publish tells every listener.
func (b *Bus) Publish(_ context.Context, events []share.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.listeners {
		for _, e := range events {
			l.Invalidate(e.Hash)
		}
	}
	return nil
}

// Tick tells listeners that nothing is left to say. One loop calls it: publish
// every change that is committed now, then Tick.
//
// What is vouched for is the time of the Tick before: the caller began to look
// for changes after that, so whatever was committed by then has been published,
// however long the caller was held up since.
func (b *Bus) Tick(context.Context) error {
	called := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ticked.IsZero() {
		for _, l := range b.listeners {
			l.Verified(b.ticked)
		}
	}
	b.ticked = called
	return nil
}

// Listen hands everything that is published from now on to h, until ctx ends;
// it returns ctx's error. It begins with one InvalidateAll.
func (b *Bus) Listen(ctx context.Context, h Handler) error {
	self := &listener{h}
	b.mu.Lock()
	b.listeners = append(b.listeners, self)
	h.InvalidateAll()
	b.mu.Unlock()

	<-ctx.Done()

	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.listeners, self)
	b.listeners = slices.Delete(b.listeners, i, i+1)
	return ctx.Err()
}
