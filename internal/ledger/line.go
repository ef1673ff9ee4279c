package ledger

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/tracing"
)

// line is where the requests of one share wait for downloads. One of its
// goroutines at a time, the leader, fetches them for all.
type line struct {
	r       *Redeemer
	shareID string
	edge    string       // names this line to blocks and ceilings
	users   atomic.Int32 // requests that have entered

	mu      sync.Mutex // guards what follows; never held while fetching
	queue   []*waiter
	leading bool
	want    want
	held    []hold // taken, and not served
	low     int64  // with fewer held, more are fetched before anybody waits; 0: never
	uses    []*use // of blocks
	used    time.Time

	// Only the leader touches these; whoever begins to lead finds them settled.
	seq     int64
	pending *Take      // sent, and not answered
	taking  time.Time  // when it was put first
	asking  *share.Ask // sent, and not answered
	asked   time.Time  // when it was put first
	about   int64      // version of the record that it was put for
	last    string     // the block that was taken from last, or installed
	stored  string     // the block that was found and gives nothing more; "": none was found
	busy    bool       // somebody was served just now
	suspect string     // a block that is open at the ceiling and not to be found
	since   time.Time  // it is
	direct  int64      // 1 + epoch of which there are no blocks any more
}

// want is what the requests of a line know of their share.
type want struct {
	version, most, epoch int64
}

type waiter struct {
	ctx    context.Context // of the request; for its trace
	answer chan error
}

// hold is units of one block, or of none: straight from the ceiling.
type hold struct {
	use   *use
	epoch int64
	units int64
}

func (l *line) leave() { l.users.Add(-1) }

// join takes a unit that is held, or waits in the queue: then it returns where.
func (l *line) join(ctx context.Context, rec *share.Record) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rec.Version >= l.want.version {
		l.want = want{rec.Version, rec.MaxDownloads, rec.CapEpoch}
	}
	if l.serveLocked(max(rec.CapEpoch, l.want.epoch)) {
		if l.heldLocked() < l.low {
			l.leadLocked()
		}
		return nil
	}
	w := &waiter{ctx: ctx, answer: make(chan error, 1)}
	l.queue = append(l.queue, w)
	l.leadLocked()
	return w
}

// leadLocked has a leader fetch, if none does.
func (l *line) leadLocked() {
	if !l.leading {
		l.leading = true
		l.r.leaders.Go(l.lead) // ends with the queue, soon after Close at the latest
	}
}

func (l *line) heldLocked() (units int64) {
	for _, h := range l.held {
		units += h.units
	}
	return units
}

// quit leaves the queue, unless the answer came first.
func (l *line) quit(w *waiter, cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, w); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		return share.E(share.Unavailable, "redeem", cause)
	}
	return <-w.answer // it is there, for it was sent under the lock
}

func (l *line) holds(epoch int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.held, func(h hold) bool { return h.units > 0 && h.epoch >= epoch })
}

// serveLocked hands one held unit out. Those of an earlier cap are given up.
func (l *line) serveLocked(epoch int64) bool {
	for len(l.held) > 0 {
		h := &l.held[0]
		if h.units > 0 && h.epoch >= epoch {
			h.units--
			l.r.Meter.Held(-1)
			h.use.serve()
			l.used = l.r.Now()
			return true
		}
		l.dropLocked()
	}
	return false
}

// dropLocked gives the first held units up.
func (l *line) dropLocked() {
	h := l.held[0]
	l.held = l.held[1:]
	if h.units == 0 {
		return
	}
	l.r.Meter.Held(-h.units)
	l.r.Meter.Returned(h.units)
	h.use.giveUp(h.units)
}

// lead fetches for those who wait until nobody does.
func (l *line) lead() {
	for {
		l.mu.Lock()
		n, want := len(l.queue), l.want
		if n == 0 && l.heldLocked() >= l.low {
			l.leading = false
			l.mu.Unlock()
			return
		}
		l.busy = n == 0 || !l.idleLocked(holdIdle/10)
		l.low = 0 // until more is given than was asked for
		base := l.r.base
		if n > 0 {
			base = tracing.Under(base, l.queue[0].ctx)
		}
		l.mu.Unlock()
		ctx, cancel := context.WithTimeout(base, fetchWithin)
		got, err := l.fetch(ctx, max(1, int64(n)), want)
		cancel()
		l.deliver(n, got, err)
		if got.install.ID != "" {
			l.install(base, got)
		}
	}
}

const (
	fetchWithin = 2 * time.Second // bounds one round of questions
	worthAhead  = 8               // units given beyond those that were waited for
)

// deliver gives what was fetched to those who have waited longest and holds the
// rest. asked is how many waited when the question was put.
//
// That none is left, or that the share has ended, is the truth about the record that
// the question was put for. If a newer one is known, which may have a higher cap or a
// later end, whoever waits goes on waiting for an answer about that.
func (l *line) deliver(asked int, got fetched, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if got.units > 0 {
		l.r.Meter.Held(got.units)
		l.held = append(l.held, hold{use: l.useLocked(got.block), epoch: got.epoch, units: got.units})
		if more := got.units - int64(max(1, asked)); more >= worthAhead {
			l.low = more / 2
		}
	}
	served := 0
	for served < len(l.queue) && l.serveLocked(l.want.epoch) {
		l.queue[served].answer <- nil
		served++
	}
	l.queue = slices.Delete(l.queue, 0, served)
	overtaken := got.version < l.want.version
	switch {
	case err != nil && share.KindOf(err) != share.Gone:
		l.refuseLocked(min(asked-served, len(l.queue)), err)
	case overtaken:
	case err != nil:
		l.refuseLocked(len(l.queue), err)
	case got.exhausted:
		l.refuseLocked(len(l.queue), errUsedUp)
	}
	if served > 0 {
		l.r.Meter.Combined(served)
	}
}

func (l *line) refuseLocked(n int, err error) {
	n = max(0, n)
	for _, w := range l.queue[:n] {
		w.answer <- err
	}
	l.queue = slices.Delete(l.queue, 0, n)
}
