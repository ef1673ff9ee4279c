package judge

import (
	"sync/atomic"
	"time"

	"rawlink/bench/seed"
)

// Ledger counts the downloads that were served of one capped link. Safe for
// concurrent use.
type Ledger struct {
	Link   *seed.Link
	served atomic.Int64
}

// Serve notes a 200 and breaks the rule if it is one too many.
func (l *Ledger) Serve(b *Book) {
	if n := l.served.Add(1); n > l.Link.Cap {
		b.Break(Cap, "share %s: download %d of at most %d was served", l.Link.ID, n, l.Link.Cap)
	}
}

// Served is how many downloads were served.
func (l *Ledger) Served() int64 { return l.served.Load() }

// Life is when a link was revoked. Safe for concurrent use.
type Life struct {
	Link  *seed.Link
	ended atomic.Int64 // Unix nanoseconds of the API's answer; 0 = it lives
}

// End notes that the API has acknowledged the revocation.
func (l *Life) End(at time.Time) { l.ended.Store(at.UnixNano()) }

// Alive says whether the link had not been revoked by then.
func (l *Life) Alive(at time.Time) bool {
	ended := l.ended.Load()
	return ended == 0 || at.UnixNano() <= ended
}

// Serve judges an answer with bytes, or a 304, to a request sent at this time.
func (l *Life) Serve(b *Book, sent time.Time, bound time.Duration) {
	ended := l.ended.Load()
	if after := time.Duration(sent.UnixNano() - ended); ended != 0 && after > bound {
		b.Break(Revoked, "share %s: served to a request sent %v after its revocation was acknowledged; the bound is %v", l.Link.ID, after.Round(time.Millisecond), bound)
	}
}
