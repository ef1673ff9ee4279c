package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Flights runs one fill per key at a time. Whoever asks for a key that is being
// filled waits for that fill and shares its result.
//
// A fill runs in a goroutine and a context of its own with a deadline, so a
// client that leaves takes nobody with it; of whoever began it, it has the values
// of their context. Whoever waits honours their own
// context. A fill that panics releases its waiters with an error.
type Flights[K comparable, V any] struct {
	base    context.Context // ends with Close; parent of every fill
	cancel  context.CancelFunc
	timeout time.Duration
	running sync.WaitGroup

	mu     sync.Mutex // guards air and closed; never held while filling
	air    map[K]*flight[V]
	closed bool
}

// flight is one fill in progress. value and err are written before done closes.
type flight[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// errClosed is what a fill asked for after Close fails with.
var errClosed = errors.New("cache is closed")

// NewFlights returns flights whose fills end after timeout at the latest.
func NewFlights[K comparable, V any](timeout time.Duration) *Flights[K, V] {
	base, cancel := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return &Flights[K, V]{
		base: base, cancel: cancel, timeout: timeout,
		air: make(map[K]*flight[V]),
	}
}

// Do returns the result of fill for the key, and whether it joined a fill that
// somebody else had started. If ctx ends first its error is returned and the
// fill goes on.
func (f *Flights[K, V]) Do(ctx context.Context, key K, fill func(context.Context) (V, error)) (value V, joined bool, err error) {
	flown, joined, err := f.board(ctx, key, fill)
	if err != nil {
		return value, false, err
	}
	select {
	case <-flown.done:
		return flown.value, joined, flown.err
	case <-ctx.Done():
		return value, joined, ctx.Err()
	}
}

// Close cancels the fills in progress and returns when they have ended.
func (f *Flights[K, V]) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.running.Wait()
}

// board returns the key's flight, starting it if there is none.
func (f *Flights[K, V]) board(ctx context.Context, key K, fill func(context.Context) (V, error)) (*flight[V], bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flown := f.air[key]; flown != nil {
		return flown, true, nil
	}
	if f.closed {
		return nil, false, errClosed
	}
	flown := &flight[V]{done: make(chan struct{}), err: errors.New("fill ended without a result")}
	f.air[key] = flown
	f.running.Add(1)
	go f.fly(WithValues(f.base, ctx), key, flown, fill) // ends with the fill, at the latest soon after timeout or Close
	return flown, false, nil
}

func (f *Flights[K, V]) fly(base context.Context, key K, flown *flight[V], fill func(context.Context) (V, error)) {
	defer f.running.Done()
	ctx, cancel := context.WithTimeout(base, f.timeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			flown.err = fmt.Errorf("panic in fill: %v", v)
		}
		f.mu.Lock()
		delete(f.air, key)
		f.mu.Unlock()
		close(flown.done)
	}()
	flown.value, flown.err = fill(ctx)
}
