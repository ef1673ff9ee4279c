package origin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rawlink/cache"
	"rawlink/internal/objects"
	"rawlink/internal/outbound"
	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/tracing"
	"rawlink/metrics"
	"rawlink/origin/store"
)

// Objects is what the origin needs of an object store. The errors' kinds are
// those of package objects.
type Objects interface {
	PresignPut(ctx context.Context, put objects.PutSpec) (objects.Signed, error)
	PresignGet(ctx context.Context, get objects.GetSpec) (objects.Signed, error)
	StartParts(ctx context.Context, put objects.PutSpec) (uploadID string, err error)
	PresignPart(ctx context.Context, key, uploadID string, number int, size int64, expires time.Duration) (objects.Signed, error)
	CompleteParts(ctx context.Context, key, uploadID string, parts []objects.Part) error
	AbortParts(ctx context.Context, key, uploadID string) error
	OpenParts(ctx context.Context, before time.Time, visit func(key, uploadID string) error) error
	Settle(ctx context.Context, key, etag, to string) error
	Put(ctx context.Context, key, contentType string, size int64, r io.Reader) (objects.Info, error)
	Head(ctx context.Context, key string) (objects.Info, error)
	Open(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
}

// RecordCache is the shared cache that edges read records from. Put never
// replaces a record by one of a smaller version.
type RecordCache interface {
	Put(ctx context.Context, hash share.Hash, record share.Record) error
}

// Bus carries events and ticks to the edges.
type Bus interface {
	Publish(ctx context.Context, events []share.Event) error
	Tick(ctx context.Context) error
}

// Parts is everything an Origin is put together from. All but Tracer are required.
type Parts struct {
	Store   *store.Store
	Objects Objects
	Scanner scan.Scanner
	Records RecordCache
	Bus     Bus
	Limits  Limiter
	Blocks  Blocks
	Keyring *share.Keyring
	Mint    *share.Mint
	Metrics *metrics.Origin
	Tracer  *tracing.Tracer // nil: no request is traced
	Log     *slog.Logger
}

// Origin serves the API and does its background work. Safe for concurrent use.
type Origin struct {
	Parts
	config    Config
	hashing   chan struct{} // holds a token for each password that is being hashed
	sources   *outbound.Client
	receivers *outbound.Client                     // of webhooks
	settling  *cache.Flights[string, share.Object] // bytes of uploads that are being taken over, by file id
	importing chan struct{}                        // holds a token for each import under way
	uncounted atomic.Bool                          // requests can't be counted for rate limits just now
	unwatched atomic.Bool                          // blocks can't be watched just now
}

// storeWait is less than what clients and proxies usually wait for an answer.
const storeWait = 10 * time.Second

// New puts an origin together.
func New(config Config, parts Parts) (*Origin, error) {
	if err := errors.Join(config.Problems()...); err != nil {
		return nil, err
	}
	if parts.Store == nil || parts.Objects == nil || parts.Scanner == nil || parts.Records == nil || parts.Bus == nil || parts.Limits == nil || parts.Blocks == nil ||
		parts.Keyring == nil || parts.Mint == nil || parts.Metrics == nil || parts.Log == nil {
		return nil, errors.New("origin: a part is missing")
	}
	if config.StoreWait == 0 {
		config.StoreWait = storeWait
	}
	return &Origin{
		Parts: parts, config: config, hashing: make(chan struct{}, runtime.GOMAXPROCS(0)),
		settling:  cache.NewFlights[string, share.Object](settleLimit),
		importing: make(chan struct{}, config.Imports.AtOnce),
		sources: outbound.New(outbound.Config{
			Allow: config.Imports.Allow, Ports: config.Imports.Ports, Plain: true,
			Redirects: config.Imports.Redirects, Idle: config.Imports.Idle, Agent: "Rawlink-Import/1",
		}),
		receivers: outbound.New(outbound.Config{
			Allow: config.Webhooks.Allow, Ports: config.Webhooks.Ports, Plain: config.Webhooks.Plain, Idle: config.Webhooks.Timeout, Agent: "Rawlink-Webhook/1",
		}),
	}, nil
}

// Run does the background work until ctx ends: it scans uploads and removes what
// has expired. Relay is apart from it: it ends later.
func (o *Origin) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range o.config.ScanWorkers {
		group.Go(func() error { return o.runJobs(ctx, store.JobScan, o.scanFile) })
	}
	for range o.config.RescanWorkers {
		group.Go(func() error { return o.runJobs(ctx, store.JobRescan, o.scanFile) })
	}
	group.Go(func() error { return o.runJobs(ctx, store.JobRemoveObject, o.removeObject) })
	group.Go(func() error { return o.runJobs(ctx, store.JobAbortParts, o.abortParts) })
	group.Go(func() error { return o.runJobs(ctx, store.JobEmptyTrash, o.purgeTrash) })
	for range o.config.Webhooks.Workers {
		group.Go(func() error { return o.deliverEvents(ctx) })
	}
	group.Go(func() error { return o.expireShares(ctx) })
	group.Go(func() error { return o.runJobs(ctx, store.JobPurgeCDN, o.purgeCDN) })
	group.Go(func() error { return o.expireUploads(ctx) })
	group.Go(func() error { return o.sweep(ctx) })
	group.Go(func() error { return o.sweepParts(ctx) })
	group.Go(func() error { return o.watchBlocks(ctx) })
	group.Go(func() error { return o.gauge(ctx) })
	return group.Wait()
}
