package ledger

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// Table keeps leases of uncapped shares in a fixed number of places. Every
// counted download passes here, so it holds no names but 64-bit digests of them,
// locks one small set at a time and allocates nothing. A set that is full forgets
// its least recently used lease, whose client is then counted once more: for an
// uncapped share a count is a statistic, not a right. Safe for concurrent use.
type Table struct {
	seed maphash.Seed
	now  func() time.Time
	sets []set
}

// ways is how many leases share one set.
const ways = 4

type set struct {
	mu     sync.Mutex // guards places
	places [ways]entry
}

// entry is one lease; the zero entry is a free place. Times are Unix seconds.
type entry struct {
	name   uint64
	budget int64
	opened int64
	used   int64
}

// NewTable returns an empty table with room for about size leases.
func NewTable(size int, now func() time.Time) *Table {
	sets := 1
	for sets*ways < size {
		sets *= 2
	}
	return &Table{seed: maphash.MakeSeed(), now: now, sets: make([]set, sets)}
}

// find returns the set that holds the lease, locked, and its name there.
func (t *Table) find(lease Lease) (*set, uint64) {
	name := maphash.Comparable(t.seed, lease)
	s := &t.sets[name%uint64(len(t.sets))]
	s.mu.Lock()
	return s, name
}

// live returns the lease's place if it lives at now.
func (s *set) live(name uint64, now int64) *entry {
	for i := range s.places {
		e := &s.places[i]
		if e.name == name && e.used != 0 {
			if now-e.used < seconds(LeaseIdle) && now-e.opened < seconds(LeaseMax) {
				return e
			}
			*e = entry{}
			return nil
		}
	}
	return nil
}

// Open begins the lease, or begins it anew, adding to what was left.
func (t *Table) Open(_ context.Context, lease Lease, budget int64) error {
	now := t.now().Unix()
	s, name := t.find(lease)
	defer s.mu.Unlock()
	place := s.live(name, now)
	if place != nil {
		budget = added(budget, place.budget)
	} else {
		place = &s.places[0]
		for i := range s.places[1:] {
			if e := &s.places[i+1]; e.used < place.used {
				place = e
			}
		}
	}
	*place = entry{name: name, budget: budget, opened: now, used: now}
	return nil
}

// Take reserves bytes of a live lease's budget; see Leases.Take.
func (t *Table) Take(_ context.Context, lease Lease, bytes int64) (bool, error) {
	now := t.now().Unix()
	s, name := t.find(lease)
	defer s.mu.Unlock()
	e := s.live(name, now)
	if e == nil || bytes > e.budget {
		return false, nil
	}
	e.budget -= bytes
	e.used = now
	return true, nil
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
