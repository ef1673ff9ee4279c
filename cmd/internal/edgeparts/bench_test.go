package edgeparts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"rawlink/cmd/internal/settings"
	"rawlink/edge"
	"rawlink/internal/database"
	"rawlink/internal/ledger"
	"rawlink/internal/memstore"
	"rawlink/internal/redisstore"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/metrics"
	"rawlink/origin/store"
)

// one is an object store that holds one object.
type one []byte

func (o one) Open(_ context.Context, _, _ string, from, n int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(o[from : from+n])), nil
}

// rig is an edge on a socket, with a real Redis and a database behind it.
type rig struct {
	b      *testing.B
	tables *store.Store
	mint   *share.Mint
	keys   *share.Keyring
	values *metrics.Registry
	addr   string
	file   store.File
}

// direct calls the origin as the embedded edge does.
type direct struct{ *store.Store }

func newRig(b *testing.B, withRedis bool) *rig {
	ctx, stop := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	r := &rig{b: b, values: metrics.New()}
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	db, err := database.OpenSQLite(ctx, filepath.Join(b.TempDir(), "bench.db"))
	check(err)
	r.tables, err = store.Open(ctx, db, store.Options{CountPermanentLinks: true})
	check(err)
	r.keys, err = share.ParseKeyring("1:" + share.NewKey())
	check(err)
	r.mint, err = share.ParseMint(share.NewKey())
	check(err)
	content := bytes.Repeat([]byte("x"), 1024)
	r.addFile(ctx, content)
	bus := memstore.NewBus()
	parts := Parts{
		Settings: &settings.Edge{FilesAddr: "127.0.0.1:0", EdgeJournalDir: b.TempDir(), EdgeMaxStale: 5 * time.Second, EdgeServeStale: time.Minute, EdgeMaxAge: time.Hour, EdgeRecordCache: 64 << 20,
			EdgeCacheRAM: 64 << 20, EdgeCacheSmall: 1 << 20, EdgeCacheDisk: 1 << 30, EdgeMaxInFlight: 16384, EdgeMaxConns: 65536, EdgeMaxPerClient: 4096,
			EdgeMaxClientConns: 4096, EdgeSendStall: time.Minute, EdgeMinRate: 1024, EdgePasswordTries: 10, EdgePasswordShareTries: 100, EdgePasswordHashes: 2,
			EdgeCutEnded: true, EdgePreviewBots: "count", LedgerCountMode: "lease", LedgerBlocks: true},
		Name: "bench", LeaseKey: bytes.Repeat([]byte("k"), 32), Keyring: r.keys, Objects: one(content),
		Cache: memstore.NewRecords(memstore.Config{}, time.Now), Truth: r.tables, Bus: bus, Ceiling: direct{r.tables},
		Blocks: memstore.NewBlocks(time.Now), Leases: ledger.NewLeases(100_000, time.Now), Sink: r.tables, Purges: r.tables, Registry: r.values, Log: log,
	}
	if withRedis {
		shared, err := redisstore.Open(redisstore.Config{URL: "redis://" + testenv.Redis(b).Addr}, log)
		check(err)
		b.Cleanup(func() { _ = shared.Close() })
		opener := ledger.NewOpener(shared.Leases)
		b.Cleanup(opener.Close)
		parts.Blocks, parts.Leases = shared.Blocks, opener
	}
	node, err := New(parts)
	check(err)
	ln, err := edge.Listen("127.0.0.1:0")
	check(err)
	r.addr = ln.Addr().String()
	var running sync.WaitGroup
	running.Go(func() { _ = node.Run(ctx, ln, Within(time.Second)) })
	running.Go(func() {
		for ctx.Err() == nil {
			_ = bus.Tick(ctx)
			time.Sleep(250 * time.Millisecond)
		}
	})
	b.Cleanup(func() { stop(); running.Wait(); _ = db.Close() })
	time.Sleep(500 * time.Millisecond) // the fence is proven, ticks are heard
	return r
}

func (r *rig) addFile(ctx context.Context, content []byte) {
	tenant, err := r.tables.CreateTenant(ctx, store.Tenant{Name: "t", BytesLimit: store.Unlimited, LinksLimit: store.Unlimited})
	if err != nil {
		r.b.Fatal(err)
	}
	space, err := r.tables.CreateSpace(ctx, tenant.ID, "s", nil)
	if err != nil {
		r.b.Fatal(err)
	}
	u, err := r.tables.ReserveUpload(ctx, store.Upload{TenantID: tenant.ID, SpaceID: space.ID, OriginalName: "n", MIME: "application/zip", Size: int64(len(content))}, time.Hour)
	if err != nil {
		r.b.Fatal(err)
	}
	if r.file, err = r.tables.CompleteUpload(ctx, u, share.Object{Key: u.ObjectKey, Version: "v"}); err != nil {
		r.b.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if err := r.tables.SetVerdict(ctx, r.file.ID, store.Verdict{Status: share.Clean, SHA256: hex.EncodeToString(sum[:])}); err != nil {
		r.b.Fatal(err)
	}
}

// link returns the URL of a new link; most 0 is without a cap.
func (r *rig) link(most int64) string {
	var token share.Token
	n := store.NewShare{TenantID: r.file.TenantID, FileID: r.file.ID, Permission: share.Download,
		Hash: func(id string) share.Hash { token = r.mint.Token(r.keys, id); return share.HashToken(string(token)) }}
	if most > 0 {
		n.MaxDownloads = &most
	}
	if _, err := r.tables.CreateShare(context.Background(), n); err != nil {
		r.b.Fatal(err)
	}
	return "http://" + r.addr + "/s/" + string(token)
}

// load has clients ask for url until n were served, and returns how many were.
func (r *rig) load(client *fasthttp.HostClient, clients int, n int64, url func(i int64) string) int64 {
	var next, served atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			req, res := &fasthttp.Request{}, &fasthttp.Response{}
			req.Header.SetUserAgent(fmt.Sprint("client ", c))
			for i := next.Add(1); i <= n; i = next.Add(1) {
				req.SetRequestURI(url(i))
				if err := client.Do(req, res); err == nil && res.StatusCode() == 200 {
					served.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return served.Load()
}

// commands returns how many questions went to Redis and to the origin.
func (r *rig) commands() (n float64) {
	families, err := r.values.Gather()
	if err != nil {
		r.b.Fatal(err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "rawlink_edge_ledger_takes") || strings.HasPrefix(f.GetName(), "rawlink_edge_ledger_asks") || strings.HasPrefix(f.GetName(), "rawlink_edge_ledger_blocks") {
			for _, m := range f.GetMetric() {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

var _ prometheus.Gatherer = (*metrics.Registry)(nil)

// BenchmarkLinks measures one edge under closed-loop clients: links without a
// cap, with a large one, and with caps that are small enough for the ceiling to
// be asked each time. commands/download is what went to Redis and the origin.
func BenchmarkLinks(b *testing.B) {
	for _, redis := range []bool{false, true} {
		where := map[bool]string{false: "process", true: "redis"}[redis]
		for _, kind := range []struct {
			name    string
			clients int
			most    int64
		}{
			{"uncapped", 64, 0}, {"large cap", 64, 1 << 40},
			{"uncapped", 256, 0}, {"large cap", 256, 1 << 40}, {"small caps", 256, 100},
		} {
			b.Run(fmt.Sprintf("%s/%s/%d clients", where, kind.name, kind.clients), func(b *testing.B) {
				r := newRig(b, redis)
				client := &fasthttp.HostClient{Addr: r.addr, MaxConns: kind.clients}
				links := make([]string, 1)
				if small := kind.most > 0 && kind.most <= 100; small {
					links = make([]string, int64(b.N)/kind.most+1)
				}
				for i := range links {
					links[i] = r.link(kind.most)
				}
				pick := func(i int64) string { return links[0] }
				if len(links) > 1 {
					pick = func(i int64) string { return links[(i-1)/kind.most] }
				}
				before := r.commands()
				b.ResetTimer()
				served := r.load(client, kind.clients, int64(b.N), pick)
				b.StopTimer()
				if served != int64(b.N) {
					b.Errorf("%d served of %d", served, b.N)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "downloads/s")
				if kind.most > 0 {
					b.ReportMetric((r.commands()-before)/float64(b.N), "commands/download")
				}
			})
		}
	}
}
