package edge

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"rawlink/cache"
	"rawlink/internal/share"

	"golang.org/x/sync/errgroup"
)

// underway knows the bodies that are being sent, so that those of a link which ends
// end with it: revoked, its file trashed, purged or found infected, its expiry brought
// forward. A body goes on past the expiry that it began with, and when the downloads
// are used up, for it was paid for. It holds no more than there are requests. Safe for
// concurrent use.
type underway struct {
	shards [64]bodies    // by the first byte of the link's hash
	woken  chan struct{} // holds one token if links are doubted

	mu      sync.Mutex // guards doubted
	doubted map[share.Hash]struct{}
}

// bodies are a part of them.
type bodies struct {
	changes atomic.Uint64 // of links, with bodies or without
	mu      sync.Mutex    // guards open, and the life of what is in it
	open    map[*stream]struct{}
}

// judgedAtOnce is how many links are looked up at once.
const judgedAtOnce = 64

func newUnderway() *underway {
	u := &underway{woken: make(chan struct{}, 1), doubted: make(map[share.Hash]struct{})}
	for i := range u.shards {
		u.shards[i].open = make(map[*stream]struct{})
	}
	return u
}

func (u *underway) of(hash share.Hash) *bodies { return &u.shards[hash[0]%uint8(len(u.shards))] }

// mark is read before a link is looked up, and given to enter.
func (u *underway) mark(hash share.Hash) uint64 { return u.of(hash).changes.Load() }

// enter notes a body about to be sent, until leave. What was found since mark may have
// changed before anybody could know of the body: it is looked at again.
func (u *underway) enter(s *stream, mark uint64) {
	hash := s.tally.hash
	at := u.of(hash)
	at.mu.Lock()
	at.open[s] = struct{}{}
	at.mu.Unlock()
	if at.changes.Load() != mark {
		u.doubt(hash)
	}
}

// leave ends what enter noted. The body isn't touched afterwards.
func (u *underway) leave(s *stream) {
	at := u.of(s.tally.hash)
	at.mu.Lock()
	defer at.mu.Unlock()
	delete(at.open, s)
}

// changed says that the link is not what it was. It never waits for anything.
func (u *underway) changed(hash share.Hash) {
	at := u.of(hash)
	at.changes.Add(1) // first: who enters from here on sees it
	at.mu.Lock()
	defer at.mu.Unlock()
	for s := range at.open {
		if s.tally.hash == hash {
			u.doubt(hash)
			return
		}
	}
}

// doubt has links looked at soon.
func (u *underway) doubt(hashes ...share.Hash) {
	u.mu.Lock()
	for _, hash := range hashes {
		u.doubted[hash] = struct{}{}
	}
	u.mu.Unlock()
	select {
	case u.woken <- struct{}{}:
	default:
	}
}

// doubts returns the links that are doubted, and forgets them.
func (u *underway) doubts() map[share.Hash]struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	doubted := u.doubted
	u.doubted = make(map[share.Hash]struct{})
	return doubted
}

// doubtAll has every link with a body under way looked at.
func (u *underway) doubtAll() {
	for i := range u.shards {
		at := &u.shards[i]
		at.mu.Lock()
		hashes := make([]share.Hash, 0, len(at.open))
		for s := range at.open {
			hashes = append(hashes, s.tally.hash)
		}
		at.mu.Unlock()
		u.doubt(hashes...)
	}
}

// end breaks off the link's bodies, but those that may go on.
func (u *underway) end(hash share.Hash, ends func(*known) bool) {
	at := u.of(hash)
	at.mu.Lock()
	defer at.mu.Unlock()
	for s := range at.open {
		if s.tally.hash == hash && ends(s.known) {
			s.stop()
		}
	}
}

// followEnds breaks off bodies whose links end, until the edge's I/O ends: of changes it
// hears from the bus, and every few moments it looks by itself.
func (e *Edge) followEnds() {
	every := time.NewTicker(e.judgeEvery())
	defer every.Stop()
	var looking errgroup.Group
	defer func() { _ = looking.Wait() }()
	looking.SetLimit(judgedAtOnce)
	for {
		select {
		case <-e.base.Done():
			return
		case <-every.C:
			e.underway.doubtAll()
		case <-e.underway.woken:
			e.judge(e.underway.doubts(), &looking)
		}
	}
}

// judgeEvery is how often all links with bodies are looked at. What will not be believed
// at the next look is asked for at this one, so a silent bus hides nothing for longer
// than MaxStale.
func (e *Edge) judgeEvery() time.Duration { return e.cfg.MaxStale / 4 }

// judge looks the links up and breaks off the bodies of those that have ended. What
// can't be looked up goes on, and is looked at again: else an outage of what stands
// behind the edge would end every large download.
func (e *Edge) judge(hashes map[share.Hash]struct{}, looking *errgroup.Group) {
	now := e.now()
	for hash := range hashes {
		k, state, err := e.records.Get(hash, now.Add(e.judgeEvery()))
		if state == cache.Hit {
			e.endBodies(hash, k, err)
			continue
		}
		looking.Go(func() error {
			ctx, cancel := context.WithTimeout(e.base, e.cfg.LookupTimeout)
			defer cancel()
			k, err := e.records.Fill(ctx, hash)
			e.endBodies(hash, k, err)
			return nil
		})
	}
}

// endBodies breaks off the link's bodies if what was found of it says so.
func (e *Edge) endBodies(hash share.Hash, found *known, err error) {
	switch {
	case share.KindOf(err) == share.NotFound:
		e.underway.end(hash, func(*known) bool { return true })
	case err == nil:
		now := e.now()
		e.underway.end(hash, func(began *known) bool {
			rec := found.rec
			if began.rec.ExpiresAt != 0 && rec.ExpiresAt >= began.rec.ExpiresAt {
				rec.ExpiresAt = 0 // not brought forward
			}
			return rec.Gate(now) != nil
		})
	}
}
