package ledger

import (
	"context"
	"time"

	"rawlink/internal/share"
)

const (
	proveAgain  = time.Minute     // after an answer
	proveRetry  = time.Second     // after none
	proveWithin = 2 * time.Second // for one proof
)

// prover keeps the Redeemer's word on the fence true.
type prover struct {
	r    *Redeemer
	at   time.Time // of the next proof
	said string    // the last reason that was logged
}

// next proves the fence if it is time to.
func (p *prover) next(ctx context.Context) {
	if p.r.Blocks == nil || ctx.Err() != nil || p.r.Now().Before(p.at) && !p.r.doubted.Swap(false) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, proveWithin)
	defer cancel()
	err := p.r.Blocks.Prove(ctx)
	p.at = p.r.Now().Add(proveAgain)
	if share.KindOf(err) == share.Unavailable && err != nil {
		p.at = p.r.Now().Add(proveRetry)
		if p.r.proven.Load() {
			return // nothing was disproven; takings will find out what is wrong
		}
	}
	p.r.proven.Store(err == nil)
	p.r.Meter.Fence(err == nil)
	p.say(ctx, err)
}

// doubt has blocks used no more until the next proof, which writes one of its own. Where
// blocks are found missing and can't be stored, each question would have the ceiling open
// another one, of which every unit is lost.
func (r *Redeemer) doubt() {
	r.proven.Store(false)
	r.doubted.Store(true)
	r.Meter.Fence(false)
}

// say logs what changed.
func (p *prover) say(ctx context.Context, err error) {
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	if reason == p.said {
		return
	}
	p.said = reason
	if err == nil {
		p.r.Log.InfoContext(ctx, "blocks of downloads are fenced, and used again")
		return
	}
	p.r.Log.WarnContext(ctx, "no blocks of downloads: each is taken from the origin", "error", err)
}
