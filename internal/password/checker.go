package password

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync/atomic"
	"time"

	"rawlink/internal/share"
)

// Checker compares passwords with stored hashes for many clients at once, and
// bounds what that costs: a fixed number of slow hashes runs at a time, each in
// 19 MiB, and a fixed number of callers waits for a turn. Pairs that were found
// to match are remembered for a while, so that a player's hundreds of ranges cost
// one slow hash. Safe for concurrent use.
type Checker struct {
	turns chan struct{} // holds one of each hash that runs
	queue chan struct{} // likewise of each caller that runs or waits
	key   [sha256.Size]byte
	life  time.Duration
	now   func() time.Time

	// Each pair has one place, where the latest comer stands: bounded, and no
	// caller can push out more than one other.
	places [1 << 12]atomic.Pointer[remembered]
}

// Pair stands for a stored hash and a password that may belong to it: a keyed
// hash of both, under a key that this process drew and nobody else knows.
type Pair [sha256.Size]byte

type remembered struct {
	pair Pair
	ends atomic.Int64 // Unix nanoseconds
}

// waiting is how many callers wait for each hash that runs. At some 30 ms a hash
// the last of them waits for a second.
const waiting = 32

// NewChecker returns a checker that runs at most hashes (≥ 1) slow hashes at once
// and forgets a matching pair when nobody has asked for it for life.
func NewChecker(hashes int, life time.Duration, now func() time.Time) *Checker {
	hashes = max(1, hashes)
	c := &Checker{turns: make(chan struct{}, hashes), queue: make(chan struct{}, hashes*(1+waiting)), life: life, now: now}
	_, _ = rand.Read(c.key[:]) // never fails, see crypto/rand
	return c
}

// Pair names a stored hash and a password together.
func (c *Checker) Pair(stored, password string) (pair Pair) {
	h := hmac.New(sha256.New, c.key[:])
	h.Write([]byte(stored))
	h.Write([]byte{0}) // no stored hash contains it
	h.Write([]byte(password))
	h.Sum(pair[:0])
	return pair
}

// Remembers reports whether the pair was found to match not long ago. Whether a
// hash and a password match never changes, so a memory can't be out of date.
func (c *Checker) Remembers(pair Pair) bool {
	r := c.place(pair).Load()
	now := c.now()
	if r == nil || now.UnixNano() >= r.ends.Load() || subtle.ConstantTimeCompare(r.pair[:], pair[:]) != 1 {
		return false
	}
	r.ends.Store(now.Add(c.life).UnixNano())
	return true
}

// Matches reports whether the password belongs to the stored hash, and remembers
// it if so. Errors: Overloaded if too many wait already, or ctx's.
func (c *Checker) Matches(ctx context.Context, stored, password string) (bool, error) {
	select {
	case c.queue <- struct{}{}:
		defer func() { <-c.queue }()
	default:
		return false, errCrowded
	}
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if !Matches(stored, password) {
		return false, nil
	}
	pair := c.Pair(stored, password)
	r := &remembered{pair: pair}
	r.ends.Store(c.now().Add(c.life).UnixNano())
	c.place(pair).Store(r)
	return true, nil
}

var errCrowded = share.E(share.Overloaded, "check password", errors.New("too many wait"))

func (c *Checker) place(pair Pair) *atomic.Pointer[remembered] {
	return &c.places[(int(pair[0])<<8|int(pair[1]))%len(c.places)]
}
