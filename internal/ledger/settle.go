package ledger

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"rawlink/internal/share"
)

// use counts what became of the units that a line took from one block. The
// methods of a nil use, of units straight from the ceiling, do nothing: those
// were counted there.
type use struct {
	block            string
	served, returned atomic.Int64
	told             share.Use // what the ceiling knows; only Run touches it
}

func (u *use) serve() {
	if u != nil {
		u.served.Add(1)
	}
}

func (u *use) giveUp(units int64) {
	if u != nil {
		u.returned.Add(units)
	}
}

// useLocked returns the line's use of a block, nil for none.
func (l *line) useLocked(block string) *use {
	if block == "" {
		return nil
	}
	for _, u := range l.uses {
		if u.block == block {
			return u
		}
	}
	u := &use{block: block}
	l.uses = append(l.uses, u)
	return u
}

const (
	settleEvery  = 250 * time.Millisecond
	settleWithin = 5 * time.Second
	settleBatch  = 500
	// holdIdle is how long units are held for a line in which nobody is served.
	// Origins infer from silence what a dead edge served, after InferAfter.
	holdIdle = time.Second
	lineIdle = time.Minute // then a line is forgotten
	keepUses = 64          // a block that is older than so many is not met again
)

// RepeatedFor is how long a question that is not answered is repeated, from when it was
// put first. Stores of blocks keep their answers for as long, ceilings for far longer.
const RepeatedFor = 10 * time.Minute

// InferAfter is how long an edge must not have taken from a block before what it
// took counts as served without its word.
const InferAfter = 5 * time.Second

// Run tells the ceiling what was served, until ctx ends; then gives back what is
// held, and tells the rest. It also proves the blocks' fence, time and again.
func (r *Redeemer) Run(ctx context.Context, grace time.Duration) {
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	for {
		r.proof.next(ctx)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer cancel()
			r.Close()
			r.Settle(last, 0)
			return
		case <-ticker.C:
			r.Settle(ctx, holdIdle)
		}
	}
}

// Settle tells the ceiling what was served by now. Units of lines in which
// nobody was served for idle are given back. One caller at a time: Run, while it
// runs.
func (r *Redeemer) Settle(ctx context.Context, idle time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	var uses []*use
	var report []share.Use
	lines := r.all()
	r.tidy(ctx, lines, idle)
	for _, l := range lines {
		for _, u := range l.reportable(idle) {
			if now := u.word(l.edge); now != u.told {
				uses, report = append(uses, u), append(report, now)
			}
		}
	}
	for len(report) > 0 {
		n := min(len(report), settleBatch)
		if err := r.Ceiling.Settle(ctx, report[:n]); err != nil {
			return // told again, in whole, the next time
		}
		for i, u := range uses[:n] {
			u.told = report[i]
		}
		uses, report = uses[n:], report[n:]
	}
	r.forget()
}

func (u *use) word(edge string) share.Use {
	return share.Use{Block: u.block, Edge: edge, Served: u.served.Load(), Returned: u.returned.Load()}
}

func (r *Redeemer) all() []*line {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*line, 0, len(r.lines))
	for _, l := range r.lines {
		all = append(all, l)
	}
	return all
}

// reportable returns the line's uses, after giving up what it holds in vain.
func (l *line) reportable(idle time.Duration) []*use {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) > 0 && l.idleLocked(idle) {
		kept := l.held
		l.held = nil
		for _, h := range kept {
			if h.use == nil { // straight from the ceiling: tidy returns them
				l.held = append(l.held, h)
				continue
			}
			l.r.Meter.Held(-h.units)
			l.r.Meter.Returned(h.units)
			h.use.giveUp(h.units)
		}
	}
	return slices.Clone(l.uses)
}

// idleLocked reports whether nobody has been served for so long.
func (l *line) idleLocked(idle time.Duration) bool { return l.r.Now().Sub(l.used) >= idle }

// forget drops lines that nobody has used for long and that owe nothing, and of
// the others the uses of blocks that are past.
func (r *Redeemer) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, l := range r.lines {
		if l.users.Load() == 0 && l.done() {
			delete(r.lines, id)
		}
	}
}

// done reports whether the line may be forgotten.
func (l *line) done() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	told := func(u *use) bool { return u.word(l.edge) == u.told }
	for len(l.uses) > keepUses && told(l.uses[0]) && !slices.ContainsFunc(l.held, func(h hold) bool { return h.use == l.uses[0] }) {
		l.uses = l.uses[1:]
	}
	for _, u := range l.uses {
		if !told(u) {
			return false
		}
	}
	if l.leading || len(l.held) > 0 || !l.idleLocked(lineIdle) {
		return false
	}
	l.giveUp() // there is no leader
	return l.pending == nil && l.asking == nil
}
