package edge

import (
	"context"
	"math"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

// How a request for bytes was paid for, as it stands in metrics.
const (
	paidGranted = "granted" // one download, from the ledger
	paidCounted = "counted" // one download of an uncapped share
	paidLeased  = "leased"  // by a download counted earlier
	paidProbe   = "probe"   // not at all, nor need it be
)

// redeem pays for the plan's bytes and is the last thing that may refuse them.
// HEAD, 304, 412 and 416 send none and cost nothing.
//
// A range inside a live lease is free, also when the cap is used up by now, unless
// the client has as many under way as a lease may have; any other GET takes a
// download and opens a lease for its client. The lease's bytes
// are reserved here and, where they were not sent, given back by tally.
func (e *Edge) redeem(k *known, req *request, p plan, t *tally) error {
	paid, err := e.pay(k, req, p, t)
	switch {
	case err != nil:
		e.metrics.Redeem(refusedAs(err))
	case paid != "":
		e.metrics.Redeem(paid)
	}
	return err
}

func (e *Edge) pay(k *known, req *request, p plan, t *tally) (string, error) {
	switch p.charge {
	case chargeNothing:
		return "", nil
	case chargeProbe:
		return paidProbe, nil
	}
	ctx := t.ctx
	if k.rec.Capped() { // else it is all in this process, and waits for nothing
		limited, cancel := context.WithTimeout(ctx, e.cfg.RedeemTimeout)
		defer cancel()
		ctx = limited
	}
	if e.cfg.CountMode == CountStrict {
		return e.count(ctx, k)
	}
	t.lessee = lessee{k: k, lease: e.leaseOf(k, req), bytes: p.bytes()}
	t.entered = p.charge == chargeRange && e.streams.enter(t.lessee.lease)
	paid, held, err := t.lessee.paidBy(ctx, e, t.entered)
	t.reserved = held
	return paid, err
}

// lessee is a client that asks for bytes of a share; the zero lessee asks for none.
type lessee struct {
	k     *known
	lease ledger.Lease
	bytes int64 // that the answer would send
}

// paidBy pays for the bytes, with a lease if they may be a lease's. held reports
// whether they are reserved in one.
func (l *lessee) paidBy(ctx context.Context, e *Edge, leased bool) (paid string, held bool, err error) {
	if !leased {
		return l.download(ctx, e)
	}
	for {
		live, err := e.leasesOf(l.k).Take(ctx, l.lease, l.bytes)
		if live && err == nil {
			return paidLeased, true, nil
		}
		if err != nil {
			return l.unproved(ctx, e, err)
		}
		// A client that fetches 16 ranges at once has no lease yet in any of
		// them. One pays, the others wait for the lease it opens and try again.
		// The turn may outlive this request, whose memory is then another's: it
		// works on a copy.
		turn := *l
		result, joined, err := e.opening.Do(ctx, l.lease, func(ctx context.Context) (payment, error) {
			return turn.open(ctx, e)
		})
		if err != nil || !joined {
			return result.paid, result.held, err
		}
	}
}

// payment is what one of several simultaneous requests did for all of them.
type payment struct {
	paid string
	held bool
}

// open pays for the first of several simultaneous ranges, unless the lease was
// opened between its look and its turn.
func (l *lessee) open(ctx context.Context, e *Edge) (payment, error) {
	live, err := e.leasesOf(l.k).Take(ctx, l.lease, l.bytes)
	p := payment{paidLeased, true}
	switch {
	case err != nil:
		p.paid, p.held, err = l.unproved(ctx, e, err)
	case !live:
		p.paid, p.held, err = l.download(ctx, e)
	}
	return p, err
}

// unproved pays for what a lease may have paid for already, since it is never served
// for free. If there is nothing left to pay with, who was counted can't be told from
// the others now; the lease may be there at the next try.
func (l *lessee) unproved(ctx context.Context, e *Edge, reason error) (paid string, held bool, err error) {
	paid, held, err = l.download(ctx, e)
	if share.KindOf(err) == share.Gone {
		err = share.E(share.Unavailable, "look for lease", reason)
	}
	return paid, held, err
}

// download takes a download and opens the lease that comes with it. A lease
// that can't be opened costs the client its free ranges, not this answer.
func (l *lessee) download(ctx context.Context, e *Edge) (paid string, held bool, err error) {
	paid, err = e.count(ctx, l.k)
	if err != nil {
		return "", false, err
	}
	leases := e.leasesOf(l.k)
	err = leases.Open(ctx, l.lease, budget(&l.k.rec)-l.bytes)
	if err == nil && l.bytes > sentAtOnce && l.k.rec.Capped() {
		_, _ = leases.Take(ctx, l.lease, 0) // returns when it is open, or can't be
	}
	return paid, err == nil, nil
}

// sentAtOnce is how many bytes of a body the kernel has as soon as they are sent:
// these arrive even if this edge dies. Of a larger one a client may get a part, and go
// on at another edge; so its lease is there before its first byte.
const sentAtOnce = 64 << 10

// count takes one download.
func (e *Edge) count(ctx context.Context, k *known) (string, error) {
	if !k.rec.Capped() {
		e.parts.Counter.Add(k.rec.ShareID)
		return paidCounted, nil
	}
	if e.usedUp(k) {
		return "", errExhausted
	}
	err := e.parts.Ledger.Redeem(ctx, &k.rec)
	if err == nil {
		return paidGranted, nil
	}
	if share.KindOf(err) == share.Gone {
		k.exhausted.Store(true)
		return "", errExhausted
	}
	return "", err
}

// budget returns how many bytes one download may send in all. Players read a
// file several times over; a download manager does not.
func budget(rec *share.Record) int64 {
	times := int64(4)
	if rec.Permission == share.View {
		times = 16
	}
	if rec.Object.Size > math.MaxInt64/times {
		return math.MaxInt64
	}
	return times * rec.Object.Size
}

func refusedAs(err error) string {
	switch share.KindOf(err) {
	case share.Gone:
		return "gone"
	case share.Unavailable:
		return "unavailable"
	}
	return "error"
}
