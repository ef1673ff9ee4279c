package ledger

import (
	"container/list"
	"context"
	"math"
	"sync"
	"time"
)

// Lease names the right of one client to go on fetching one version of a
// share's bytes without being counted again. It is opened by a counted GET.
type Lease struct {
	ShareID string
	Object  string // the store's version of the bytes: a new upload ends the lease
	Client  Client
}

// Client stands for one client: a keyed hash of its address and user agent, of
// which nothing raw is kept.
type Client [16]byte

// Lives of a lease.
const (
	LeaseIdle = 10 * time.Minute // unused for so long, it ends
	LeaseMax  = 24 * time.Hour   // used or not, it ends
)

// Leases keeps leases in this process. It holds at most a fixed number: beyond
// it the one unused for longest ends early, which costs its client one more
// download and never gives one away. Safe for concurrent use; its methods do no
// I/O and never fail.
type Leases struct {
	limit int
	now   func() time.Time

	mu   sync.Mutex // guards what follows
	held map[Lease]*list.Element
	used *list.List // of *lease, most recently used first
}

type lease struct {
	name   Lease
	budget int64 // bytes that may still be sent
	opened time.Time
	used   time.Time
}

// NewLeases returns an empty set that holds at most limit leases (≥ 1).
func NewLeases(limit int, now func() time.Time) *Leases {
	return &Leases{limit: max(1, limit), now: now, held: make(map[Lease]*list.Element), used: list.New()}
}

// Open begins the lease, or begins it anew: its time starts again and budget, in
// bytes, is added to what was left, since each counted download brings its own.
func (s *Leases) Open(_ context.Context, name Lease, budget int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.expireLocked(now)
	if old := s.held[name]; old != nil {
		budget = added(budget, old.Value.(*lease).budget)
		s.dropLocked(old)
	}
	for len(s.held) >= s.limit {
		s.dropLocked(s.used.Back())
	}
	s.held[name] = s.used.PushFront(&lease{name: name, budget: budget, opened: now, used: now})
	return nil
}

// Take reserves bytes of a live lease's budget and reports whether it did. Zero
// bytes ask whether the lease lives; a negative number gives back what an
// earlier reservation did not send.
func (s *Leases) Take(_ context.Context, name Lease, bytes int64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.expireLocked(now)
	held := s.held[name]
	if held == nil {
		return false, nil
	}
	l := held.Value.(*lease)
	if now.Sub(l.opened) >= LeaseMax {
		s.dropLocked(held)
		return false, nil
	}
	if bytes > l.budget {
		return false, nil
	}
	l.budget -= bytes
	l.used = now
	s.used.MoveToFront(held)
	return true, nil
}

// expireLocked drops the leases that nobody used for LeaseIdle.
func (s *Leases) expireLocked(now time.Time) {
	for last := s.used.Back(); last != nil; last = s.used.Back() {
		if now.Sub(last.Value.(*lease).used) < LeaseIdle {
			return
		}
		s.dropLocked(last)
	}
}

func (s *Leases) dropLocked(e *list.Element) {
	delete(s.held, e.Value.(*lease).name)
	s.used.Remove(e)
}

// added is a new budget on top of what is left of an old one.
func added(budget, left int64) int64 {
	if left <= 0 {
		return budget
	}
	return min(budget, math.MaxInt64-left) + left
}
