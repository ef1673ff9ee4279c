package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"rawlink/internal/share"
)

// Ceiling is the origin. Redeem answers one ask once, however often it is asked;
// kinds: Gone if the share has ended, Unavailable if it is not known what it
// answered. Settle may be repeated, too.
type Ceiling interface {
	Redeem(ctx context.Context, shareID string, ask share.Ask) (share.Grant, error)
	Settle(ctx context.Context, uses []share.Use) error
}

// Meter is told what the ledger does. Safe for concurrent use.
type Meter interface {
	Combined(requests int) // that went in one question
	Took(state string)     // what a block answered; unavailable if it did not
	Asked(outcome string)  // what the ceiling answered: granted, exhausted, ended, unavailable
	Installed(ok bool)     // a block
	Held(change int64)     // units that this process holds for requests to come
	Fence(proven bool)     // whether blocks are used at all
	Returned(units int64)  // that were held, and nobody came
}

// Config is what a Redeemer is made of. All but Blocks are required.
type Config struct {
	Ceiling Ceiling
	Blocks  Blocks // nil: every download is taken from the ceiling
	Meter   Meter
	Log     *slog.Logger
	Now     func() time.Time
}

// Redeemer takes downloads for one edge process. Safe for concurrent use.
type Redeemer struct {
	Config
	boot    string // names this process
	opened  atomic.Int64
	proven  atomic.Bool // blocks are fenced
	doubted atomic.Bool // and were not written: the proof is due
	proof   prover
	base    context.Context
	cancel  context.CancelFunc
	leaders sync.WaitGroup

	mu    sync.RWMutex // guards lines; never held while waiting
	lines map[string]*line
	ended bool
}

// New returns a Redeemer that takes from ceilings only, until Run has proven the
// blocks' fence. Close it after use.
func New(c Config) *Redeemer {
	r := &Redeemer{Config: c, boot: rand.Text()[:12], lines: map[string]*line{}}
	r.proof.r = r
	r.base, r.cancel = context.WithCancel(context.Background())
	return r
}

var (
	errUsedUp  = share.E(share.Gone, "redeem", errors.New("no download is left"))
	errInBlock = share.E(share.Unavailable, "redeem", errors.New("what is left is in a block that is not at hand"))
	errClosed  = share.E(share.Unavailable, "redeem", errors.New("the ledger is closed"))
)

// Redeem takes one download of a capped share: nil if it may be served. Kinds:
// Gone if none is left or the share has ended, Unavailable if none could be had
// before ctx ended; then nothing may be served.
func (r *Redeemer) Redeem(ctx context.Context, rec *share.Record) error {
	l, err := r.enter(rec.ShareID)
	if err != nil {
		return err
	}
	defer l.leave()
	w := l.join(ctx, rec)
	if w == nil {
		return nil
	}
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
		return l.quit(w, ctx.Err())
	}
}

// Prove has the store of blocks prove its fence, as Run does time and again.
func (r *Redeemer) Prove(ctx context.Context) {
	r.proof.at = time.Time{}
	r.proof.next(ctx)
}

// Holds reports whether a download of the share is at hand in this process,
// though its ceiling may be used up.
func (r *Redeemer) Holds(rec *share.Record) bool {
	r.mu.RLock()
	l := r.lines[rec.ShareID]
	r.mu.RUnlock()
	return l != nil && l.holds(rec.CapEpoch)
}

// enter returns the share's line, which stays until leave.
func (r *Redeemer) enter(shareID string) (*line, error) {
	r.mu.RLock()
	l, ended := r.lines[shareID], r.ended
	if l != nil && !ended {
		l.users.Add(1)
	}
	r.mu.RUnlock()
	if ended {
		return nil, errClosed
	}
	if l != nil {
		return l, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if l = r.lines[shareID]; l == nil {
		l = &line{r: r, shareID: shareID, edge: r.boot + strconv.FormatInt(r.opened.Add(1), 36)}
		r.lines[shareID] = l
	}
	l.users.Add(1)
	return l, nil
}

// Close ends what is under way and returns when it has ended.
func (r *Redeemer) Close() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.cancel()
	r.leaders.Wait()
}
