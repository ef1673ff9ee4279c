package edge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A purged file's record is gone at once, by the bus like any change. Its bytes
// leave this edge by the origin's log of purges, which reaches back far enough
// for an edge that was down or cut off: each event of the bus is a reason to look,
// and how far the log was followed is kept beside the bytes.

// The rhythm of looking at the log: after an event, so that a burst of them is
// one look, and after a failure.
const (
	purgePause = time.Second
	purgeRetry = 10 * time.Second
)

// markName is the file that says how far the log was followed, in decimal.
const markName = "purged-to"

var errPurged = errors.New("object was purged")

// purged remembers what was purged lately, for requests under way, and whether
// there may be more.
type purged struct {
	suspected chan struct{} // holds one token if there may be

	mu     sync.Mutex
	names  map[string]struct{}
	recent [purgedKept]string // ring of the keys of names
	next   int
}

// purgedKept is how many names are remembered. A request that saw a record before
// its end reads the store within seconds, or never.
const purgedKept = 4096

func newPurged() *purged {
	p := &purged{suspected: make(chan struct{}, 1), names: make(map[string]struct{})}
	p.suspect() // what came to pass while this process wasn't running
	return p
}

// suspect has the log looked at soon. It never waits.
func (p *purged) suspect() {
	select {
	case p.suspected <- struct{}{}:
	default:
	}
}

func (p *purged) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.names[name]
	return ok
}

func (p *purged) add(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.names[name]; ok {
		return
	}
	delete(p.names, p.recent[p.next])
	p.names[name], p.recent[p.next] = struct{}{}, name
	p.next = (p.next + 1) % purgedKept
}

// FollowPurges removes what is purged from this edge's memory and disk, until ctx
// ends. One goroutine calls it.
func (e *Edge) FollowPurges(ctx context.Context) {
	mark := e.purgeMark()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.purged.suspected:
		}
		pause := purgePause
		err := e.catchUp(ctx, &mark)
		if err != nil && ctx.Err() == nil {
			pause = purgeRetry
			e.purged.suspect()
		}
		if failing != (err != nil) && ctx.Err() == nil { // say it when it changes
			failing = err != nil
			if failing {
				e.log.WarnContext(ctx, "purged files may still have bytes here; it will be tried again", "error", err)
			} else {
				e.log.InfoContext(ctx, "purged files have no bytes here again")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// catchUp follows the log from mark to its end.
func (e *Edge) catchUp(ctx context.Context, mark *int64) error {
	for {
		log, err := e.parts.Purges.Purged(ctx, *mark)
		if err != nil {
			return fmt.Errorf("follow purges: %w", err)
		}
		if log.Lost { // down for longer than the log reaches back, or new here
			err = e.bytes.PurgeAll()
		}
		for _, name := range log.Objects {
			e.purged.add(name) // before its bytes go: no fill begins from here on
			err = errors.Join(err, e.bytes.Purge(name))
			e.metrics.Purge()
		}
		if err != nil {
			return fmt.Errorf("remove purged bytes: %w", err)
		}
		if log.Last != *mark {
			*mark = log.Last
			if err := e.keepPurgeMark(*mark); err != nil {
				return err
			}
		}
		if !log.More {
			return nil
		}
	}
}

// purgeMark reads how far the log was followed: -1, which is before all of it, if
// that isn't known. Without a directory nothing is held yet, nor after a purge of
// all.
func (e *Edge) purgeMark() int64 {
	if e.cfg.CacheDir == "" {
		return -1
	}
	text, err := os.ReadFile(filepath.Join(e.cfg.CacheDir, markName))
	if err != nil {
		return -1
	}
	mark, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || mark < 0 {
		return -1
	}
	return mark
}

// keepPurgeMark writes the mark. A crash leaves the old or the new one: to follow
// a part of the log twice does no harm.
func (e *Edge) keepPurgeMark(mark int64) error {
	if e.cfg.CacheDir == "" || e.left.Load() || e.draining.Load() { // a successor's mark is behind ours
		return nil
	}
	path := filepath.Join(e.cfg.CacheDir, markName)
	err := os.WriteFile(path+".new", strconv.AppendInt(nil, mark, 10), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("keep the purge mark: %w", err)
	}
	return nil
}
