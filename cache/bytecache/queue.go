package bytecache

import (
	"container/list"
	"sync/atomic"
)

// ticket is a value's place in the queues. uses may be raised at any time; the
// rest is guarded by whoever guards the queues.
type ticket struct {
	fingerprint uint64
	bytes       int64
	uses        atomic.Uint32 // since it was queued, up to maxUses

	element *list.Element // nil while not queued
	lane    *lane
}

const (
	maxUses    = 3
	promotesAt = 2    // uses that bring a newcomer to the main lane
	minGhosts  = 1024 // remembered at least, see remember
)

// used notes a use. It takes no lock, and writes nothing for what is hot.
func (t *ticket) used() {
	if t.uses.Load() < maxUses {
		t.uses.Add(1) // overshooting in a race does no harm
	}
}

type lane struct {
	list  list.List // newest in front
	bytes int64
}

// queues decides what has to go, after S3-FIFO (Yang et al., SOSP 2023).
// Newcomers wait in a small lane, a tenth of the bytes: what isn't used again
// there leaves without having displaced anything from the main lane, where uses
// earn further rounds. What left the small lane and comes back soon goes
// straight to the main one. A scan therefore can't wash out what is popular,
// and a hit moves nothing, which a list in order of use would have to.
//
// Not safe for concurrent use, apart from ticket.used.
type queues[V interface{ place() *ticket }] struct {
	small, main lane
	young, old  map[uint64]struct{} // fingerprints of those who left the small lane
}

func (q *queues[V]) len() int { return q.small.list.Len() + q.main.list.Len() }

func (q *queues[V]) add(v V) {
	t := v.place()
	t.uses.Store(0)
	if q.remembers(t.fingerprint) {
		q.push(&q.main, v)
		return
	}
	q.push(&q.small, v)
}

func (q *queues[V]) push(l *lane, v V) {
	t := v.place()
	t.lane, t.element = l, l.list.PushFront(v)
	l.bytes += t.bytes
}

// remove takes a value out; it may have gone already.
func (q *queues[V]) remove(v V) {
	t := v.place()
	if t.element == nil {
		return
	}
	t.lane.list.Remove(t.element)
	t.lane.bytes -= t.bytes
	t.element = nil
}

// victim removes and returns the value that has to go next. detach may refuse
// one that is in use, as losing it would free nothing; if all are, ok is false.
func (q *queues[V]) victim(detach func(V) bool) (v V, ok bool) {
	refused := 0 // in the small lane
	for range (maxUses + 1) * (q.len() + 1) {
		l := &q.main
		if q.small.list.Len() > refused && (q.small.bytes*10 > q.small.bytes+q.main.bytes || q.main.list.Len() == 0) {
			l = &q.small
		}
		oldest := l.list.Back()
		if oldest == nil {
			break
		}
		v = oldest.Value.(V)
		t := v.place()
		switch uses := t.uses.Load(); {
		case l == &q.small && uses >= promotesAt:
			q.remove(v)
			t.uses.Store(0)
			q.push(&q.main, v)
		case l == &q.main && uses > 0:
			t.uses.Store(min(uses, maxUses) - 1)
			l.list.MoveToFront(oldest)
		case !detach(v):
			l.list.MoveToFront(oldest)
			if l == &q.small {
				refused++
			}
		default:
			q.remove(v)
			if l == &q.small {
				q.remember(t.fingerprint)
			}
			return v, true
		}
	}
	var none V
	return none, false
}

// remember keeps between one and two times as many fingerprints as there are
// values: two sets, of which the older is dropped when the younger is full.
func (q *queues[V]) remember(fingerprint uint64) {
	if q.young == nil || len(q.young) >= max(minGhosts, q.len()) {
		q.old, q.young = q.young, make(map[uint64]struct{})
	}
	q.young[fingerprint] = struct{}{}
}

func (q *queues[V]) remembers(fingerprint uint64) bool {
	_, young := q.young[fingerprint]
	_, old := q.old[fingerprint]
	return young || old
}
