package ledger

import (
	"context"
	"time"

	"rawlink/internal/share"
)

const (
	tidyLines  = 64 // in one go
	tidyWithin = time.Second
)

// tidy has questions answered that nobody waits for any more, and gives back
// what was taken straight from the ceiling, for lines in which nobody was served
// for idle. It stops at the first one that fails: there will be more.
func (r *Redeemer) tidy(ctx context.Context, lines []*line, idle time.Duration) {
	done := 0
	for _, l := range lines {
		if !l.beginTidy(idle) {
			continue
		}
		err := l.tidy(ctx)
		l.endTidy()
		if done++; err != nil || done == tidyLines {
			return
		}
	}
}

// beginTidy takes the lead, if the line is idle and leaderless. What only a
// leader may look at is looked at later.
func (l *line) beginTidy(idle time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leading || len(l.queue) > 0 || !l.idleLocked(idle) {
		return false
	}
	l.leading = l.pending != nil || l.asking != nil || len(l.held) > 0
	return l.leading
}

// endTidy gives the lead back, to those who came meanwhile if any did.
func (l *line) endTidy() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leading = len(l.queue) > 0; l.leading {
		l.r.leaders.Go(l.lead)
	}
}

func (l *line) tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tidyWithin)
	defer cancel()
	l.giveUp()
	if l.pending != nil {
		got, _, err := l.take(ctx, l.pending.N, want{})
		if err != nil {
			return err
		}
		l.deliver(0, got, nil)
	}
	if l.asking != nil {
		got, err := l.ask(ctx, share.Ask{}, 0)
		if err != nil && share.KindOf(err) != share.Gone {
			return err
		}
		l.deliver(0, got, nil)
		if got.install.ID != "" {
			l.install(ctx, got)
		}
	}
	return l.giveBack(ctx)
}

// giveBack returns what was granted directly and is still held. Whether it
// arrives or not, it is no longer held: it may be somebody else's.
func (l *line) giveBack(ctx context.Context) error {
	l.mu.Lock()
	var units, epoch int64
	kept := l.held[:0]
	for _, h := range l.held {
		if h.use != nil || units > 0 && h.epoch != epoch {
			kept = append(kept, h)
			continue
		}
		units, epoch = units+h.units, h.epoch
	}
	l.held = kept
	l.mu.Unlock()
	if units == 0 {
		return nil
	}
	l.r.Meter.Held(-units)
	l.r.Meter.Returned(units)
	_, err := l.ask(ctx, share.Ask{Return: units, Epoch: epoch}, 0)
	return err
}
