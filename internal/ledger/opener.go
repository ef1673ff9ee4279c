package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"rawlink/internal/share"
)

// Opening is a lease to be opened with a budget in bytes.
type Opening struct {
	Lease  Lease
	Budget int64
}

// SharedLeases keeps leases where all edges see them. OpenAll opens leases of one
// share in one command, which id names: repeated, it adds nothing.
type SharedLeases interface {
	OpenAll(ctx context.Context, id string, all []Opening) error
	Take(ctx context.Context, name Lease, bytes int64) (bool, error)
}

// Opener opens leases behind the requests that they belong to: nobody has to wait for
// it, and what comes while a command is under way goes in the next one. A client
// that is quicker than its lease is held up until it is open. A lease that could
// not be opened costs its client one more download. Safe for concurrent use.
type Opener struct {
	leases SharedLeases
	base   context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex // guards what follows; never held while waiting
	waiting int
	shares  map[string]*openings
	closed  bool
}

// openings are a share's: those that are collected, and those under way.
type openings struct{ next, now *batch }

type batch struct {
	budgets map[Lease]int64
	hurry   chan struct{} // closed when somebody waits
	hurried bool
	done    chan struct{} // closed when the command was answered
}

const (
	openBatch  = 256     // leases in one command
	openMost   = 1 << 16 // that wait
	openWithin = time.Second
	openAgain  = 10 * time.Millisecond // between attempts
	// openPause is how long leases of a busy share are collected, while nobody
	// asks for one of them. Another edge learns of them so much later.
	openPause = 5 * time.Millisecond
)

var errManyLeases = share.E(share.Unavailable, "open lease", errors.New("too many leases wait to be opened"))

// NewOpener returns an Opener. Close it after use.
func NewOpener(leases SharedLeases) *Opener {
	o := &Opener{leases: leases, shares: map[string]*openings{}}
	o.base, o.cancel = context.WithCancel(context.Background())
	return o
}

// Open has the lease opened soon, or begun anew; see Leases.Open.
func (o *Opener) Open(_ context.Context, name Lease, budget int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.waiting >= openMost {
		return errManyLeases
	}
	s := o.shares[name.ShareID]
	if s == nil {
		s = &openings{}
		o.shares[name.ShareID] = s
		o.work.Go(func() { o.run(name.ShareID, s) }) // ends when there are none to open
	}
	if s.next == nil {
		s.next = &batch{budgets: map[Lease]int64{}, hurry: make(chan struct{}), done: make(chan struct{})}
	}
	if _, again := s.next.budgets[name]; !again {
		o.waiting++
	}
	s.next.budgets[name] = added(budget, s.next.budgets[name])
	return nil
}

// Take reserves bytes of a live lease's budget; see Leases.Take.
func (o *Opener) Take(ctx context.Context, name Lease, bytes int64) (bool, error) {
	if b := o.opening(name); b != nil {
		select {
		case <-b.done:
		case <-ctx.Done():
			return false, share.E(share.Unavailable, "take from lease", ctx.Err())
		}
	}
	return o.leases.Take(ctx, name, bytes)
}

// opening returns the batch that is to open the lease, nil if none is, and has it
// hurry.
func (o *Opener) opening(name Lease) *batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.shares[name.ShareID]
	if s == nil {
		return nil
	}
	for _, b := range []*batch{s.next, s.now} {
		if b != nil {
			if _, found := b.budgets[name]; found {
				if !b.hurried {
					b.hurried = true
					close(b.hurry)
				}
				return b
			}
		}
	}
	return nil
}

// run opens what is collected of a share until nothing is.
func (o *Opener) run(shareID string, s *openings) {
	for {
		o.mu.Lock()
		s.now, s.next = s.next, nil
		if s.now == nil {
			delete(o.shares, shareID)
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
		o.open(s.now)
		o.mu.Lock()
		o.waiting -= len(s.now.budgets)
		next := s.next
		o.mu.Unlock()
		close(s.now.done)
		if next != nil {
			o.collect(next)
		}
	}
}

// collect waits for more leases of a batch.
func (o *Opener) collect(b *batch) {
	pause := time.NewTimer(openPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-b.hurry:
	case <-o.base.Done():
	}
}

// open opens a batch. What fails until its time is over is lost.
func (o *Opener) open(b *batch) {
	ctx, cancel := context.WithTimeout(o.base, openWithin)
	defer cancel()
	all := make([]Opening, 0, min(len(b.budgets), openBatch))
	flush := func() {
		for id := rand.Text(); len(all) > 0 && ctx.Err() == nil; <-time.After(openAgain) {
			if err := o.leases.OpenAll(ctx, id, all); share.KindOf(err) != share.Unavailable {
				break
			}
		}
		all = all[:0]
	}
	for name, budget := range b.budgets {
		if all = append(all, Opening{name, budget}); len(all) == openBatch {
			flush()
		}
	}
	flush()
}

// Close opens what is still collected and returns when that is done, after a
// second at the latest.
func (o *Opener) Close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	stop := time.AfterFunc(openWithin, o.cancel)
	defer stop.Stop()
	o.work.Wait()
	o.cancel()
}
