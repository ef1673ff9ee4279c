package chaos

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Edges is how many edges a World has.
const Edges = 3

// Link is a raw link as its owner knows it.
type Link struct {
	ID   string
	Path string // of its URL: /s/…
	Cap  int64  // max_downloads; 0 = none
	Body []byte // what it leads to

	mu    sync.Mutex
	ended time.Time // when the revocation was acknowledged; zero before
	tally Tally
	late  [Edges]time.Duration // how long after the acknowledgement an edge still began to serve, or sent what it had begun
	seen  []Seen
}

// Tally is what clients got from a link.
type Tally struct {
	Visits      int64 // requests
	Bodies      int64 // downloads begun: 200, or 206 outside a lease, with at least its header
	Whole       int64 // of these, received to the last byte
	Resumed     int64 // ranges that a download paid for
	Refused     int64 // 410
	Unavailable int64 // 503
	Lost        int64 // no answer
	Repeats     int64 // requests that the client's transport sent once more
	Bytes       int64
}

// Unsure is how many downloads the ledger may have granted that no client got:
// each for a request that was not answered, or answered 503.
func (t Tally) Unsure() int64 { return t.Unavailable + t.Lost + t.Repeats }

func (t *Tally) add(u Tally) {
	t.Visits += u.Visits
	t.Bodies += u.Bodies
	t.Whole += u.Whole
	t.Resumed += u.Resumed
	t.Refused += u.Refused
	t.Unavailable += u.Unavailable
	t.Lost += u.Lost
	t.Repeats += u.Repeats
	t.Bytes += u.Bytes
}

// Visit is one request of a client and what came of it.
type Visit struct {
	Link       *Link
	Edge       int
	Begin, End time.Time
	Last       time.Time // when the last bytes of the body came; zero if none did
	Status     int       // 0: no answer
	Bytes      int64     // of the body
	Whole      bool      // every byte that was asked for, and the right ones
	Resume     bool      // asked for bytes that an earlier download has paid for
	Tries      int       // how often the request was written; 0 if no edge was reached
	Fault      string
}

// Served reports whether the visit got bytes.
func (v *Visit) Served() bool { return v.Status == 200 || v.Status == 206 }

// Seen is when and where a body was served.
type Seen struct {
	Edge  int
	Begin time.Time
	End   time.Time
	Whole bool
}

// Oracle writes down what clients get and says which promises were broken. Safe
// for concurrent use.
type Oracle struct {
	mu     sync.Mutex
	links  []*Link
	faults []string // what may never come: wrong bytes, unexpected answers
}

// maxFaults bounds what is listed of one kind of trouble.
const maxFaults = 20

// Watch has the oracle judge a link.
func (o *Oracle) Watch(l *Link) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.links = append(o.links, l)
}

// Links are the links watched so far.
func (o *Oracle) Links() []*Link {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.links)
}

// Ended notes that the link's revocation was acknowledged now.
func (l *Link) Ended(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = now
}

// Tally is what clients got so far.
func (l *Link) Tally() Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tally
}

// Seen is every body that was served so far.
func (l *Link) Seen() []Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

// Late is how long after the acknowledged revocation each edge still began to serve, or
// sent what it had begun.
func (l *Link) Late() [Edges]time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.late
}

// Note takes a finished visit down.
func (o *Oracle) Note(v *Visit) {
	if v.Fault != "" {
		o.Fault("edge %d: %s", v.Edge, v.Fault)
	}
	l := v.Link
	l.mu.Lock()
	defer l.mu.Unlock()
	t := Tally{Visits: 1, Bytes: v.Bytes, Repeats: int64(max(0, v.Tries-1))}
	switch {
	case v.Served() && v.Resume:
		t.Resumed = 1
	case v.Served():
		t.Bodies = 1
		if v.Whole {
			t.Whole = 1
		}
		l.seen = append(l.seen, Seen{v.Edge, v.Begin, v.End, v.Whole})
	case v.Status == 410:
		t.Refused = 1
	case v.Status == 503:
		t.Unavailable = 1
	case v.Status == 0 && v.Tries > 0:
		t.Lost = 1
	}
	l.tally.add(t)
	if v.Served() && !l.ended.IsZero() {
		serving := v.Last
		if v.Begin.After(l.ended) {
			serving = v.Begin
		}
		l.late[v.Edge] = max(l.late[v.Edge], serving.Sub(l.ended))
	}
}

// Fault notes what may never come, whatever fails.
func (o *Oracle) Fault(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.faults) < maxFaults {
		o.faults = append(o.faults, fmt.Sprintf(format, args...))
	}
}
