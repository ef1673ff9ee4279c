package ledger

import "rawlink/internal/share"

// backlog holds batches until they are handed over, the oldest first. One that was sent
// never changes again, for it may have been applied. The others go on growing: a share's
// downloads are added to the batch that has the share. So a sink which is down for long
// costs memory, and journal, by shares and not by time.
type backlog struct {
	batches []*share.Batch
	grow    map[string]*share.Batch // by share: of this process, and never sent
	open    *share.Batch            // the one of them that takes further shares; nil: none
	last    share.Batch             // names the newest of this process
}

// maxShares bounds one batch, so that a sink takes it in a moment.
const maxShares = 1000

func newBacklog(edge, epoch string) backlog {
	return backlog{grow: map[string]*share.Batch{}, last: share.Batch{Edge: edge, Epoch: epoch}}
}

// adopt appends what dead processes left. They may have sent it, so it does not grow.
func (l *backlog) adopt(left []share.Batch) {
	for i := range left {
		if left[i].Edge == "" { // its name is damaged; nearly always it was this edge
			left[i].Edge = l.last.Edge
		}
		l.batches = append(l.batches, &left[i])
	}
}

// add counts downloads of a share, and returns the batch that has them.
func (l *backlog) add(shareID string, n int64) *share.Batch {
	b := l.grow[shareID]
	if b == nil {
		if b = l.open; b == nil || len(b.Count) == maxShares {
			b = l.begin()
		}
		l.grow[shareID] = b
	}
	b.Count[shareID] += n
	return b
}

func (l *backlog) begin() *share.Batch {
	l.last.Seq++
	fresh := l.last
	fresh.Count = map[string]int64{}
	l.open, l.batches = &fresh, append(l.batches, &fresh)
	return l.open
}

// send returns the oldest batch, which from now on stays as it is.
func (l *backlog) send() (oldest *share.Batch, ok bool) {
	if len(l.batches) == 0 {
		return nil, false
	}
	oldest = l.batches[0]
	if l.open == oldest {
		l.open = nil
	}
	for id := range oldest.Count {
		if l.grow[id] == oldest {
			delete(l.grow, id)
		}
	}
	return oldest, true
}

// sent forgets the oldest batch, which was taken over.
func (l *backlog) sent() {
	l.batches[0] = nil
	l.batches = l.batches[1:]
}

func (l *backlog) downloads() (n int64) {
	for _, b := range l.batches {
		for _, of := range b.Count {
			n += of
		}
	}
	return n
}
