package ledger

import (
	"context"
	"time"

	"rawlink/internal/share"
)

// fetched is what one round of questions brought.
type fetched struct {
	block     string // "": straight from the ceiling
	epoch     int64
	units     int64
	exhausted bool
	version   int64 // of the record that the ceiling was asked about

	install  share.Block // to be installed; zero: none
	replaces string      // instead of this block
}

const (
	tries    = 3
	tryAgain = 10 * time.Millisecond // times the number of the try
	oneTry   = 600 * time.Millisecond
	// lostAfter is how long a block that is open at the ceiling may be missing
	// before it is said to be lost: longer than its installation can be under way.
	lostAfter = time.Second
)

// fetch takes n downloads, from the block if there may be one and else from the
// ceiling. It is the leader's.
func (l *line) fetch(ctx context.Context, n int64, w want) (fetched, error) {
	l.giveUp()
	ask := share.Ask{N: n}
	if l.hasBlocks(w) {
		got, answer, err := l.take(ctx, n, w)
		switch {
		case err != nil:
			l.r.Meter.Took("unavailable")
			return l.ask(ctx, ask, w.version) // the block, if there is one, stays open
		case answer.State == Taken:
			return got, nil
		}
		l.stored = answer.Block
		ask.Block, ask.Spent = true, l.lost(answer)
	}
	return l.ask(ctx, ask, w.version)
}

// giveUp ends the questions that were repeated for so long that their answers may be
// forgotten by now, after which one that gives units back would give them twice. How
// long ago somebody was served says nothing of that: a line may have served nobody
// yet, or be busy with what it takes from a block.
func (l *line) giveUp() {
	now := l.r.Now()
	if l.pending != nil && now.Sub(l.taking) >= RepeatedFor {
		l.pending = nil
	}
	if l.asking != nil && now.Sub(l.asked) >= RepeatedFor {
		l.asking = nil
	}
}

// hasBlocks reports whether the share may have a block.
func (l *line) hasBlocks(w want) bool {
	return l.r.Blocks != nil && l.r.proven.Load() && HasBlocks(w.most) && l.direct <= w.epoch
}

// take puts the taking that is not answered yet again, or a new one, until it is
// answered.
func (l *line) take(ctx context.Context, n int64, w want) (got fetched, answer Answer, err error) {
	if l.pending == nil {
		l.seq++
		l.pending, l.taking = &Take{Edge: l.edge, Seq: l.seq, N: n, Epoch: w.epoch}, l.r.Now()
		if n > 1 || l.busy {
			l.pending.Extra = largeWindow
		}
	}
	sent := *l.pending
	err = insist(ctx, func(ctx context.Context) (err error) {
		answer, err = l.r.Blocks.Take(ctx, l.shareID, sent)
		return err
	})
	if err != nil {
		return fetched{}, Answer{}, err
	}
	l.pending = nil
	l.r.Meter.Took(answer.State.String())
	if answer.State == Taken {
		l.last, l.suspect = answer.Block, ""
		got = fetched{block: answer.Block, epoch: sent.Epoch, units: answer.Units}
	}
	return got, answer, nil
}

// insist puts a question until it is answered, a few times at most.
func insist(ctx context.Context, ask func(context.Context) error) (err error) {
	for try := range tries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(time.Duration(try) * tryAgain):
			}
		}
		one, cancel := context.WithTimeout(ctx, oneTry)
		err = ask(one)
		cancel()
		if err == nil || share.KindOf(err) != share.Unavailable {
			return err
		}
	}
	return err
}

// lost returns which block it is that gives nothing more.
func (l *line) lost(a Answer) string {
	if l.suspect != "" && a.Block != l.suspect && l.r.Now().Sub(l.since) > lostAfter {
		return l.suspect
	}
	if a.Block == "" && l.suspect == "" {
		return l.last // which was there once
	}
	return a.Block
}

// ask puts the ask that is not answered yet again, or this one, which is about the
// share as of a version of its record.
func (l *line) ask(ctx context.Context, ask share.Ask, version int64) (fetched, error) {
	if l.asking == nil {
		l.seq++
		ask.Edge, ask.Seq = l.edge, l.seq
		l.asking, l.asked, l.about = &ask, l.r.Now(), version
	}
	sent, about := *l.asking, l.about
	var grant share.Grant
	err := insist(ctx, func(ctx context.Context) (err error) {
		grant, err = l.r.Ceiling.Redeem(ctx, l.shareID, sent)
		return err
	})
	l.r.Meter.Asked(outcomeOf(grant, err))
	if err != nil {
		if share.KindOf(err) == share.Gone {
			l.asking = nil
		}
		return fetched{version: about}, err
	}
	l.asking = nil
	if sent.Return == 0 {
		if l.note(sent, grant); grant.Downloads == 0 && grant.Open != "" {
			return fetched{}, errInBlock
		}
	}
	return fetched{epoch: grant.Epoch, units: grant.Downloads, exhausted: grant.Exhausted, version: about, install: grant.Block, replaces: l.stored}, nil
}

func outcomeOf(g share.Grant, err error) string {
	switch {
	case err != nil && share.KindOf(err) == share.Gone:
		return "ended"
	case err != nil:
		return "unavailable"
	case g.Downloads == 0 && g.Exhausted:
		return "exhausted"
	case g.Downloads == 0 && g.Open != "":
		return "unavailable"
	}
	return "granted"
}

// note keeps what an answer says of the share's blocks.
func (l *line) note(sent share.Ask, g share.Grant) {
	switch {
	case g.Block.ID != "":
		l.suspect = ""
	case g.Open != "":
		l.direct = 0 // somebody has opened one since
		if g.Open != l.suspect {
			l.suspect, l.since = g.Open, l.r.Now()
		}
	case sent.Block: // so near the cap there are no more
		l.direct = g.Epoch + 1
	}
}

// install stores a granted block, once, in time of its own: what the questions before
// left of theirs may be nothing. Whether it got there, the next taking will tell.
func (l *line) install(ctx context.Context, got fetched) {
	ctx, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	l.last = got.install.ID
	installed, err := l.r.Blocks.Install(ctx, l.shareID, got.install, got.replaces)
	l.r.Meter.Installed(err == nil && installed)
	if err != nil || !installed {
		l.r.doubt()
	}
}
