package edge

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rawlink/cache"
	"rawlink/cache/bytecache"
	"rawlink/internal/ledger"
	"rawlink/internal/records"
	"rawlink/internal/share"
	"rawlink/internal/tracing"
	"rawlink/metrics"

	"github.com/valyala/fasthttp"
)

// Records is what lies behind this process's own record cache: the shared cache
// and then the origin. What it finds says where, and as of when it was true: a
// shared cache that is itself behind must not make a record look fresh. Fails as
// NotFound, which is an answer, or Unavailable. Must be safe for concurrent use
// and honour ctx.
type Records interface {
	Lookup(ctx context.Context, hash share.Hash) (records.Found, error)
}

// Objects reads stored bytes. Open returns bytes [from, from+n) of exactly the
// version etag names: all of them, or an error from Open or Read. Fails as
// NotFound, Changed or Unavailable. Cancelling ctx ends the read. Keys and
// signed URLs never stand in its errors.
type Objects interface {
	Open(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error)
}

// Ledger takes one download of a capped share: nil = granted, Gone = used up,
// Unavailable = not known, and then nothing may be served. Holds reports whether
// one is at hand in this process, though the share be used up for the others.
type Ledger interface {
	Redeem(ctx context.Context, rec *share.Record) error
	Holds(rec *share.Record) bool
}

// Leases keeps what counted clients may still fetch. Open begins a lease, adding to what is left of one.
// Take reserves bytes of a live one and reports whether it did: zero bytes ask
// whether it lives, a negative number gives back what was reserved and not sent.
type Leases interface {
	Open(ctx context.Context, lease ledger.Lease, budget int64) error
	Take(ctx context.Context, lease ledger.Lease, bytes int64) (bool, error)
}

// Counter counts a download of an uncapped share. It does no I/O.
type Counter interface{ Add(shareID string) }

// Purges is the origin's log of purged objects: what follows a number of it. A
// negative number is before all of the log.
type Purges interface {
	Purged(ctx context.Context, after int64) (share.Purges, error)
}

// Parts are what an edge is made of. All are required but Tracer, Now, and Tries where
// passwords are not enforced.
type Parts struct {
	Keys        *share.Keyring
	Records     Records
	Objects     Objects
	Ledger      Ledger
	Leases      Leases // of capped shares: seen by all edges
	LocalLeases Leases // of uncapped shares: in this process, never failing
	Tries       Tries  // required where passwords are enforced
	Counter     Counter
	Purges      Purges
	Metrics     *metrics.Edge
	Tracer      *tracing.Tracer // nil: no request is traced
	Log         *slog.Logger
	Now         func() time.Time // nil = time.Now
}

// Edge serves the files domain. Safe for concurrent use.
type Edge struct {
	cfg     Config
	parts   Parts
	keys    *share.Keyring
	metrics *metrics.Edge
	log     *slog.Logger
	now     func() time.Time
	proxies proxies
	always  always
	clients clients
	claims  claims
	crowd   *crowd // requests of each client
	grants  grants
	locks   *locks

	records  *cache.Records[share.Hash, *known]
	opening  *cache.Flights[ledger.Lease, payment] // ranges of one client that wait for its lease
	streams  *streams
	underway *underway // nil: bodies of links that end are finished
	judging  sync.WaitGroup
	bytes    *bytecache.Cache
	purged   *purged
	tallies  sync.Pool    // of *tally
	inFlight atomic.Int64 // requests whose tally is open
	warned   atomic.Bool  // of a proxy that names no clients

	base     context.Context // parent of all I/O; ends when Shutdown gives up on waiting
	cancel   context.CancelFunc
	server   *fasthttp.Server
	conns    conns
	overflow *overflow

	draining atomic.Bool // each answer is its connection's last
	left     atomic.Bool // the directory of slices is a successor's
}

// New returns an edge that is ready to Serve. Shutdown gives back what it holds.
func New(cfg Config, parts Parts) (*Edge, error) {
	if err := errors.Join(append(cfg.Problems(), parts.missing(cfg.EnforcePasswords))...); err != nil {
		return nil, fmt.Errorf("configure edge: %w", err)
	}
	e := &Edge{
		cfg: cfg, parts: parts, keys: parts.Keys, metrics: parts.Metrics, log: parts.Log, now: parts.Now,
		proxies: cfg.TrustedProxies, clients: clients{key: cfg.LeaseKey, seed: maphash.MakeSeed()},
		always:  newAlways(),
		claims:  claims{seed: maphash.MakeSeed()},
		crowd:   newCrowd(cfg.MaxPerClient),
		grants:  newGrants(cfg.LeaseKey),
		opening: cache.NewFlights[ledger.Lease, payment](cfg.RedeemTimeout),
		streams: newStreams(),
		purged:  newPurged(),
	}
	if e.now == nil {
		e.now = time.Now
	}
	records, err := cache.New(cache.Config[share.Hash, *known]{
		Load:        e.load,
		LoadTimeout: cfg.LookupTimeout,
		Refusal:     func(err error) bool { return share.KindOf(err) == share.NotFound },
		RefusalTTL:  cfg.NegativeTTL,
		MaxBytes:    cfg.RecordCacheBytes,
		Size:        knownSize,
		MaxStale:    cfg.MaxStale,
		ServeStale:  cfg.ServeStale,
		Now:         e.now,
	})
	if err != nil {
		return nil, fmt.Errorf("configure edge: %w", err)
	}
	e.records = records
	if e.bytes, err = e.newBytes(); err != nil {
		e.records.Close()
		return nil, fmt.Errorf("configure edge: %w", err)
	}
	e.locks = newLocks(cfg, parts.Tries, e.now)
	e.base, e.cancel = context.WithCancel(context.Background())
	e.server = e.newServer()
	e.overflow = e.newOverflow()
	if cfg.CutEnded {
		e.underway = newUnderway()
		e.judging.Go(e.followEnds)
	}
	return e, nil
}

// missing names the parts that are not there.
func (p Parts) missing(passwords bool) error {
	var problems []error
	for name, absent := range map[string]bool{
		"keys": p.Keys == nil, "records": p.Records == nil, "objects": p.Objects == nil, "ledger": p.Ledger == nil,
		"leases": p.Leases == nil, "local leases": p.LocalLeases == nil, "counter": p.Counter == nil, "purges": p.Purges == nil,
		"metrics": p.Metrics == nil, "log": p.Log == nil,
		"tries": passwords && (p.Tries.Addresses == nil || p.Tries.Shares == nil),
	} {
		if absent {
			problems = append(problems, fmt.Errorf("%s: required", name))
		}
	}
	return errors.Join(problems...)
}

// handle is fasthttp's way in.
func (e *Edge) handle(ctx *fasthttp.RequestCtx) { e.answer(ctx, (*Edge).serve) }

// answer serves a request or says why not. A panic in a room costs this one request.
func (e *Edge) answer(ctx *fasthttp.RequestCtx, serve func(*Edge, *fasthttp.RequestCtx, *tally) error) {
	t := e.open()
	defer func() {
		if v := recover(); v != nil {
			err := e.panicked(v, t)
			ctx.Response.Reset()
			e.sendRefusal(ctx, refusalOf(err), t)
		}
		if e.draining.Load() {
			ctx.SetConnectionClose()
		}
	}()
	e.trace(ctx, t)
	if err := serve(e, ctx, t); err != nil {
		t.err = err
		e.sendRefusal(ctx, refusalOf(err), t)
	}
	if !t.streamed {
		t.free()
	}
}

// serve is the hallway: each room once, in order, one way out per room.
func (e *Edge) serve(ctx *fasthttp.RequestCtx, t *tally) error {
	req := &t.request
	if err := e.admit(ctx, t); err != nil {
		return err
	}
	if req.method == methodOptions {
		e.sendPreflight(ctx, t)
		return nil
	}
	t.enter(roomClaim)
	c, err := e.claim(&req.token)
	if err != nil {
		return err
	}
	t.enter(roomLookup)
	k, err := e.lookup(c.hash, req, t.start, t)
	if err != nil {
		return err
	}
	if req.method == methodPost {
		e.sendGrant(ctx, k, req, t)
		return nil
	}
	t.enter(roomPlan)
	p := decide(req, &k.rec, &k.heads)
	t.enter(roomRead)
	if err := e.read(k, p, t); err != nil {
		e.distrust(c.hash, err)
		return err
	}
	t.enter(roomRedeem)
	if err := e.redeem(k, req, p, t); err != nil {
		return err
	}
	t.enter(roomSend)
	e.send(ctx, c, k, p, t)
	return nil
}

// distrust forgets a record whose object turned out not to be there.
func (e *Edge) distrust(hash share.Hash, err error) {
	var s *storeError
	if errors.As(err, &s) && s.disproves() {
		e.records.Invalidate(hash)
	}
}

// panicked notes a recovered panic and returns it as an error.
func (e *Edge) panicked(v any, t *tally) error {
	e.metrics.Panic()
	t.err = fmt.Errorf("panic: %v", v)
	return t.err
}

// Invalidate says that what is known of the share may be wrong: the next
// request asks again, also if the answer to an earlier one is on its way.
func (e *Edge) Invalidate(hash share.Hash) {
	e.records.Invalidate(hash)
	if e.underway != nil {
		e.underway.changed(hash)
	}
	e.purged.suspect()
}

// InvalidateAll says that invalidations may have been missed.
func (e *Edge) InvalidateAll() {
	e.records.InvalidateAll()
	if e.underway != nil {
		e.underway.doubtAll()
	}
	e.purged.suspect()
}

// Bytes returns a reading of the byte cache.
func (e *Edge) Bytes() metrics.Bytes {
	s := e.bytes.Stats()
	return metrics.Bytes{
		RAMHits: s.RAMHits, DiskHits: s.DiskHits, Fills: s.Fills, Joined: s.Joined, Passed: s.Passed, Overtaken: s.Overtaken,
		StoreReads: s.StoreOpens, StoreBytes: s.StoreBytes, Resumed: s.Resumed, Abandoned: s.Abandoned,
		RAMEvicted: s.RAMEvicted, DiskEvicted: s.DiskEvicted, Damaged: s.Damaged, DiskFails: s.DiskRefused,
		RAMBytes: s.RAMBytes, BufferBytes: s.BufferBytes, DiskBytes: s.DiskBytes,
		DiskSlices: s.DiskSlices, Flying: s.Flying, Degraded: s.Degraded != nil,
	}
}

// Load returns a reading of what this edge is limited in.
func (e *Edge) Load() metrics.Load {
	return metrics.Load{Conns: e.conns.count(), MaxConns: e.cfg.MaxConns, MaxInFlight: e.cfg.MaxInFlight}
}

// Verified says that every invalidation sent up to at has been given to
// Invalidate: a tick of the bus.
func (e *Edge) Verified(at time.Time) { e.records.Verified(at) }
