// Package edgeparts puts an edge together from settings and mechanisms, for the
// two programs that have one: the edge itself and the all-in-one.
package edgeparts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"rawlink/cmd/internal/settings"
	"rawlink/edge"
	"rawlink/internal/ledger"
	"rawlink/internal/memstore"
	"rawlink/internal/ratelimit"
	"rawlink/internal/records"
	"rawlink/internal/share"
	"rawlink/internal/tracing"
	"rawlink/metrics"
)

// Bus is what an edge hears: Listen calls the handler until ctx ends.
type Bus interface {
	Listen(ctx context.Context, handler interface {
		Invalidate(share.Hash)
		InvalidateAll()
		Verified(at time.Time)
	}) error
}

// Parts are the mechanisms under an edge.
type Parts struct {
	Settings *settings.Edge
	Name     string // of this edge, in counts
	LeaseKey []byte
	Keyring  *share.Keyring
	Objects  edge.Objects
	Cache    records.Cache
	Truth    records.Truth
	Bus      Bus
	Ceiling  ledger.Ceiling
	Blocks   ledger.Blocks
	Leases   edge.Leases
	Sink     ledger.Sink
	Purges   edge.Purges
	Limits   ratelimit.Counter // counts tries of passwords for all edges; nil: this is the only one
	Registry *metrics.Registry
	Tracer   *tracing.Tracer // nil: nothing is traced
	Log      *slog.Logger
	Succeeds bool // a predecessor may still hold the directory of slices
}

// Node is an edge with the loops it needs.
type Node struct {
	edge    *edge.Edge
	layers  *records.Layers
	counts  *ledger.Counts
	journal *ledger.Journal
	redeem  *ledger.Redeemer
	bus     Bus
	heard   *metrics.Bus
	log     *slog.Logger
}

const (
	localLeases = 100_000                // clients remembered that resume uncapped links
	triedBy     = 100_000                // clients whose tries of passwords are counted in this process
	triedAt     = 100_000                // likewise shares
	countEvery  = 500 * time.Millisecond // how often counts are handed over
	handOver    = 5 * time.Second        // for the last hand-over at the end
)

// New puts the edge together.
func New(p Parts) (*Node, error) {
	config, err := configOf(p.Settings, p.LeaseKey)
	if err != nil {
		return nil, err
	}
	config.Succeeds = p.Succeeds
	layers := records.New(p.Cache, p.Truth, config.MaxStale, time.Now, metrics.NewLayers(p.Registry))
	journal, err := ledger.OpenJournal(p.Settings.EdgeJournalDir)
	if err != nil {
		return nil, fmt.Errorf("edge_journal_dir: %w", err)
	}
	counts := ledger.NewCounts(p.Name, journal, p.Sink, p.Log)
	blocks := p.Blocks
	if !p.Settings.LedgerBlocks {
		blocks = nil
	}
	redeem := ledger.New(ledger.Config{Ceiling: p.Ceiling, Blocks: blocks, Meter: metrics.NewLedger(p.Registry), Log: p.Log, Now: time.Now})
	e, err := edge.New(config, edge.Parts{
		Keys: p.Keyring, Records: layers, Objects: p.Objects, Ledger: redeem,
		Leases: p.Leases, LocalLeases: ledger.NewTable(localLeases, time.Now),
		Tries:   edge.Tries{Addresses: p.tries(triedBy), Shares: p.tries(triedAt)},
		Counter: counts, Purges: p.Purges, Metrics: metrics.NewEdge(p.Registry), Tracer: p.Tracer, Log: p.Log,
	})
	if err != nil {
		redeem.Close()
		return nil, errors.Join(err, journal.Close())
	}
	metrics.NewBytes(p.Registry, e.Bytes)
	metrics.NewLoad(p.Registry, e.Load)
	metrics.NewCounts(p.Registry, func() metrics.Counts {
		waiting, since := counts.Waiting()
		return metrics.Counts{Waiting: waiting, Since: since}
	})
	return &Node{edge: e, layers: layers, counts: counts, journal: journal, redeem: redeem, bus: p.Bus, heard: metrics.NewBus(p.Registry), log: p.Log}, nil
}

// tries counts tries of passwords: for all edges, or while that fails in here.
func (p *Parts) tries(most int) ratelimit.Counter {
	own := memstore.NewLimits(most, time.Now)
	if p.Limits == nil {
		return own
	}
	return &ratelimit.Backed{What: "password tries", Shared: p.Limits, Own: own, Log: p.Log}
}

// Problems reports what an edge would not take of its settings.
func Problems(s *settings.Edge) []error {
	config, err := configOf(s, make([]byte, share.KeySize)) // the key is another matter
	if err != nil {
		return nil // said by the settings themselves
	}
	return config.Problems()
}

func configOf(s *settings.Edge, leaseKey []byte) (edge.Config, error) {
	proxies, err := s.Proxies()
	if err != nil {
		return edge.Config{}, fmt.Errorf("edge_trusted_proxies: %w", err)
	}
	c := edge.Defaults()
	c.LeaseKey, c.CountMode, c.PreviewBots = leaseKey, edge.CountMode(s.LedgerCountMode), edge.PreviewBots(s.EdgePreviewBots)
	c.CutEnded = s.EdgeCutEnded
	c.TrustedProxies, c.ProxyProtocol = proxies, s.EdgeProxyProtocol
	c.EnforcePasswords, c.PasswordTries, c.PasswordShareTries, c.PasswordHashes = s.EdgeEnforcePasswords, s.EdgePasswordTries, s.EdgePasswordShareTries, s.EdgePasswordHashes
	c.CacheRAM, c.SmallMax, c.CacheDir, c.CacheDisk = int64(s.EdgeCacheRAM), int64(s.EdgeCacheSmall), s.EdgeCacheDir, int64(s.EdgeCacheDisk)
	c.RecordCacheBytes, c.MaxStale, c.ServeStale, c.MaxAge = int64(s.EdgeRecordCache), s.EdgeMaxStale, s.EdgeServeStale, s.EdgeMaxAge
	c.MaxPerClient, c.MaxConnsPerClient, c.MaxInFlight, c.MaxConns = s.EdgeMaxPerClient, s.EdgeMaxClientConns, s.EdgeMaxInFlight, s.EdgeMaxConns
	c.SendStall, c.MinRate = s.EdgeSendStall, int64(s.EdgeMinRate)
	return c, nil
}

// Close gives back what a node holds that is not going to Run.
func (n *Node) Close() error {
	err := n.edge.Shutdown(context.Background(), ended())
	n.redeem.Close()
	return errors.Join(err, n.journal.Close())
}

// Drain returns, when serving is to end, the context of the last requests, and that
// of idle connections, on which one may yet come.
type Drain func(ctx context.Context) (last, idle context.Context, cancel context.CancelFunc)

// Within is a Drain of which a plain limit is known.
func Within(grace time.Duration) Drain {
	return func(ctx context.Context) (last, idle context.Context, cancel context.CancelFunc) {
		last, cancel = context.WithTimeout(context.WithoutCancel(ctx), grace)
		return last, ended(), cancel
	}
}

// ended returns a context that has.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Run serves on ln until ctx ends, then lets running bodies finish for as long as
// drain says. The bus is heard and counts are handed over until the last body
// ended; the directory of slices is a successor's from the beginning of that.
// Call it once.
func (n *Node) Run(ctx context.Context, ln net.Listener, drain Drain) error {
	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.bus.Listen(loops, n); err != nil && loops.Err() == nil {
			n.log.ErrorContext(loops, "the bus is no longer heard", "error", err)
		}
	})
	running.Go(func() { n.counts.Run(loops, countEvery, handOver) })
	running.Go(func() { n.redeem.Run(loops, handOver) })
	running.Go(func() {
		n.edge.TakeOver(loops)
		n.edge.FollowPurges(loops)
	})
	defer func() { _ = n.journal.Close() }()
	defer running.Wait()
	defer stopLoops()

	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		last, idle, cancel := drain(ctx)
		defer cancel()
		n.edge.LeaveDisk()
		if err := n.edge.Shutdown(last, idle); err != nil {
			n.log.WarnContext(last, "bodies were cut off at the end of the grace", "error", err)
		}
	})
	err := n.edge.Serve(ln)
	if stop() { // ctx did not end: serving did
		_ = n.edge.Shutdown(context.WithoutCancel(ctx), ended())
		return err
	}
	<-drained
	return nil
}

// Invalidate implements the bus's handler.
func (n *Node) Invalidate(hash share.Hash) {
	n.edge.Invalidate(hash)
	n.heard.Heard()
}

// InvalidateAll implements the bus's handler.
func (n *Node) InvalidateAll() {
	n.edge.InvalidateAll()
	n.heard.Gap()
}

// Verified implements the bus's handler.
func (n *Node) Verified(at time.Time) {
	n.layers.Verified(at)
	n.edge.Verified(at)
	n.heard.Verified(at)
}
