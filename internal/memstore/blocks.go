package memstore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

// Blocks keeps, for each capped share, the block of downloads that the edges of
// this process take from. It ends with the process, and so is never of another
// history. Safe for concurrent use.
type Blocks struct {
	now func() time.Time

	mu   sync.Mutex        // guards what follows
	held map[string]*block // by share
	past []*block          // that were replaced or removed, the newest last
}

// maxPast bounds how many blocks are remembered after they were replaced or removed.
const maxPast = 1024

type block struct {
	share.Block
	free    int64
	removed bool
	edges   map[string]*slot
	before  map[string]answered // of edges that took from the blocks before, until they take from this one
}

// answered is the newest taking that an edge made of earlier blocks.
type answered struct {
	seq, units int64
	block      string
	at         time.Time
}

// slot is what one edge took.
type slot struct {
	seq, units, total int64 // newest taking, what it got, what all of them got
	at                time.Time
}

// NewBlocks returns an empty store that reads the time from now.
func NewBlocks(now func() time.Time) *Blocks {
	return &Blocks{now: now, held: map[string]*block{}}
}

var errLate = share.E(share.Unavailable, "take from block", errors.New("a later taking was answered"))

// Take implements ledger.Blocks.
func (b *Blocks) Take(_ context.Context, shareID string, t ledger.Take) (ledger.Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := b.held[shareID]
	if held == nil {
		return ledger.Answer{State: ledger.Missing}, nil
	}
	answer := ledger.Answer{State: ledger.Taken, Block: held.ID}
	s := held.edges[t.Edge]
	if a, found := held.before[t.Edge]; found && a.seq >= t.Seq {
		if a.seq > t.Seq {
			return ledger.Answer{}, errLate
		}
		return ledger.Answer{State: ledger.Taken, Block: a.block, Units: a.units}, nil
	}
	switch {
	case s != nil && s.seq == t.Seq:
		answer.Units = s.units
		return answer, nil
	case s != nil && s.seq > t.Seq:
		return ledger.Answer{}, errLate
	case held.Epoch < t.Epoch:
		answer.State = ledger.Outdated
		return answer, nil
	case held.free == 0:
		answer.State = ledger.Spent
		return answer, nil
	}
	if s == nil {
		s = &slot{}
		held.edges[t.Edge] = s
		delete(held.before, t.Edge)
	}
	n := min(t.N, held.free)
	n += max(0, min(t.Extra, held.Window, (held.free-n)/4))
	held.free -= n
	*s = slot{seq: t.Seq, units: n, total: s.total + n, at: b.now()}
	answer.Units = n
	return answer, nil
}

// Install implements ledger.Blocks.
func (b *Blocks) Install(_ context.Context, shareID string, granted share.Block, replaces string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := b.held[shareID]
	next := &block{Block: granted, free: granted.Units, edges: map[string]*slot{}}
	if held != nil {
		if held.ID != replaces {
			return false, nil
		}
		b.rememberLocked(held)
		next.before = held.answers(b.now().Add(-ledger.RepeatedFor))
	}
	b.held[shareID] = next
	return true, nil
}

func (b *Blocks) rememberLocked(past *block) {
	b.past = append(b.past[max(0, len(b.past)+1-maxPast):], past)
}

// answers are the newest takings of this block and of those before it, since then.
func (b *block) answers(since time.Time) map[string]answered {
	all := maps.Clone(b.before)
	if all == nil {
		all = map[string]answered{}
	}
	for edge, s := range b.edges {
		all[edge] = answered{seq: s.seq, units: s.units, block: b.ID, at: s.at}
	}
	maps.DeleteFunc(all, func(_ string, a answered) bool { return a.at.Before(since) })
	return all
}

// Prove implements ledger.Blocks.
func (b *Blocks) Prove(context.Context) error { return nil }

// Look returns what is stored of a block.
func (b *Blocks) Look(_ context.Context, shareID, id string) (h ledger.Holding, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lookLocked(shareID, id), nil
}

// Remove returns the same and takes the block away. Asked again, it returns the same.
func (b *Blocks) Remove(_ context.Context, shareID, id string) (ledger.Holding, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.lookLocked(shareID, id)
	if held := b.held[shareID]; h.Live && held != nil && held.ID == id {
		held.removed = true
		b.rememberLocked(held)
		delete(b.held, shareID)
	}
	return h, nil
}

func (b *Blocks) lookLocked(shareID, id string) ledger.Holding {
	held := b.held[shareID]
	live := held != nil && held.ID == id
	if !live {
		i := slices.IndexFunc(b.past, func(p *block) bool { return p.ID == id })
		if i < 0 {
			return ledger.Holding{}
		}
		held = b.past[i]
		live = held.removed
	}
	h := ledger.Holding{Found: true, Live: live, Free: held.free}
	for edge, s := range held.edges {
		h.Took = append(h.Took, ledger.Took{Edge: edge, Units: s.total, Idle: b.now().Sub(s.at)})
	}
	return h
}
