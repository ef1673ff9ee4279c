package edge

import (
	"context"
	"sync/atomic"
	"time"

	"rawlink/cache"
	"rawlink/cache/bytecache"
	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

// source says where a record came from, in logs, metrics and Server-Timing.
type source uint8

const (
	sourceNone source = iota
	sourceL1
	sourceStale // l1, unverified: nothing could be asked
	sourceL2
	sourceOrigin
	sourceError
	sources
)

// String returns the source's name.
func (s source) String() string {
	return [sources]string{"none", "l1", "stale", "l2", "origin", "error"}[s]
}

// sourceOf returns the source that the layer behind this process names.
func sourceOf(name string) source {
	if name == "l2" {
		return sourceL2
	}
	return sourceOrigin
}

// known is a record as this process holds it: shared by all its requests and
// immutable, but for exhausted.
type known struct {
	rec    share.Record
	source source           // l2 or origin
	object bytecache.Object // the record's bytes
	heads  heads            // what all good answers have in common
	// exhausted is set when the ledger says that the cap is used up, which is
	// final for the record's version.
	exhausted atomic.Bool
}

// usedUp reports whether it is known that no download is left.
func (e *Edge) usedUp(k *known) bool {
	return k.rec.Capped() && (k.rec.Exhausted || k.exhausted.Load()) && !e.parts.Ledger.Holds(&k.rec)
}

// lookup returns the share's record if it may be served now. Its gates come
// before any precondition, so a link that has ended never answers 304.
func (e *Edge) lookup(hash share.Hash, req *request, now time.Time, t *tally) (*known, error) {
	t.hash = hash
	if e.underway != nil {
		t.mark = e.underway.mark(hash)
	}
	k, from, err := e.find(t.ctx, hash, now)
	e.metrics.Lookup(from.String())
	if err != nil {
		return nil, err
	}
	t.record(k, from)
	if err := k.rec.Gate(now); err != nil {
		return nil, err
	}
	if e.refusesPreview(k, req) {
		return k, errPreview
	}
	if e.usedUp(k) {
		if err := e.resumable(t.ctx, k, req); err != nil {
			return nil, err
		}
	}
	return k, e.unlock(k, req, t)
}

// find returns the record from this process or from behind it.
func (e *Edge) find(ctx context.Context, hash share.Hash, now time.Time) (*known, source, error) {
	k, state, err := e.records.Get(hash, now)
	e.metrics.L1(state.String())
	if state == cache.Hit {
		return k, sourceL1, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.cfg.LookupTimeout)
	defer cancel()
	fresh, err := e.records.Fill(ctx, hash)
	if err == nil {
		return fresh, fresh.source, nil
	}
	if !maybeDown(err) {
		return nil, sourceError, refineLookup(err)
	}
	k, state, refusal := e.records.Get(hash, now) // again: it may have been invalidated meanwhile, or vouched for
	switch {
	case state == cache.Hit:
		return k, sourceL1, refusal
	case state == cache.Stale && !k.rec.Capped():
		return k, sourceStale, nil
	}
	return nil, sourceError, refineLookup(err)
}

// load asks behind this process. It is the Load of the record cache.
func (e *Edge) load(ctx context.Context, hash share.Hash) (*known, time.Time, error) {
	found, err := e.parts.Records.Lookup(ctx, hash)
	if err != nil {
		return nil, time.Time{}, err
	}
	k := &known{rec: found.Record, source: sourceOf(found.Source), object: objectOf(&found.Record)}
	k.heads = headsFor(&k.rec, e.cfg.MaxAge)
	return k, found.AsOf, nil
}

// knownSize estimates what a record occupies, in bytes.
func knownSize(k *known) int64 {
	if k == nil {
		return 0
	}
	const fixed = 1024 // the struct, and the rendered headers' fixed parts
	return fixed + 3*int64(len(k.rec.Name)+len(k.rec.MIME)+len(k.rec.Object.Key)+len(k.rec.PasswordHash))
}

// resumable is the gate of a share whose downloads are all taken: only a client
// that holds a lease gets past it, to fetch the rest of what it was counted for.
// A GET of the whole object could not be paid for by any lease, so nothing is
// asked for it.
func (e *Edge) resumable(ctx context.Context, k *known, req *request) error {
	whole := req.method == methodGet && req.rangeText == "" && req.conditions == (conditions{})
	if whole || e.cfg.CountMode == CountStrict {
		return errExhausted
	}
	ctx, cancel := context.WithTimeout(ctx, e.cfg.RedeemTimeout)
	defer cancel()
	live, err := e.leasesOf(k).Take(ctx, e.leaseOf(k, req), 0)
	switch {
	case err != nil:
		return share.E(share.Unavailable, "look for lease", err)
	case !live:
		return errExhausted
	}
	return nil
}

// leasesOf returns where the share's leases are kept: for capped shares where
// all edges see them, for the rest in this process, off the network.
func (e *Edge) leasesOf(k *known) Leases {
	if k.rec.Capped() {
		return e.parts.Leases
	}
	return e.parts.LocalLeases
}

// leaseOf names the lease that this client would hold.
func (e *Edge) leaseOf(k *known, req *request) ledger.Lease {
	return ledger.Lease{
		ShareID: k.rec.ShareID,
		Object:  k.rec.Object.Version,
		Client:  e.clients.name(req.addr, req.agent, k.rec.Capped()),
	}
}

// maybeDown reports whether the error means that nobody could be asked.
func maybeDown(err error) bool { return share.KindOf(refineLookup(err)) == share.Unavailable }

// refineLookup gives an error of a fill that nobody classified its kind.
func refineLookup(err error) error {
	if err == cache.ErrUnsettled { //nolint:errorlint // returned bare by contract
		return share.E(share.Unavailable, "look up record", err)
	}
	return err
}
