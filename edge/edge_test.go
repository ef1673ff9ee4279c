package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/records"
	"rawlink/internal/share"
	"rawlink/metrics"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveOnce) != "" {
		serveOneFile(m)
		return
	}
	// fasthttp keeps one goroutine for the Date header for the process's life, and
	// each server's janitor sleeps for up to ten seconds after its end.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// bufferSize is a size that several writes of a body make up, and more.
const bufferSize = 64 << 10

const (
	testAgent = "probe/1.0"
	modified  = 1_700_000_000
)

// The fakes: function fields, so a test says only what it changes.

type fakeRecords func(ctx context.Context, h share.Hash) (share.Record, string, error)

func (f fakeRecords) Lookup(ctx context.Context, h share.Hash) (records.Found, error) {
	record, source, err := f(ctx, h)
	return records.Found{Record: record, Source: source}, err
}

type fakeObjects func(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error)

func (f fakeObjects) Open(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error) {
	return f(ctx, key, etag, from, n)
}

type fakeLedger func(ctx context.Context, shareID string) error

func (f fakeLedger) Redeem(ctx context.Context, rec *share.Record) error { return f(ctx, rec.ShareID) }

func (fakeLedger) Holds(*share.Record) bool { return false }

type fakePurges func(ctx context.Context, after int64) (share.Purges, error)

func (f fakePurges) Purged(ctx context.Context, after int64) (share.Purges, error) {
	return f(ctx, after)
}

func noPurges(context.Context, int64) (share.Purges, error) { return share.Purges{}, nil }

type downLeases struct{}

func (downLeases) Open(context.Context, ledger.Lease, int64) error {
	return share.E(share.Unavailable, "open lease", nil)
}

func (downLeases) Take(context.Context, ledger.Lease, int64) (bool, error) {
	return false, share.E(share.Unavailable, "take lease", nil)
}

// counts is a Counter and a ledger with the caps of the world's records.
type counts struct {
	mu sync.Mutex
	n  map[string]int64
}

func (c *counts) Add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[id]++
}

func (c *counts) of(id string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[id]
}

// world is an edge on a real socket with everything behind it faked.
type world struct {
	tb       testing.TB
	edge     *Edge
	keys     *share.Keyring
	url      string
	addr     string
	greeting string // what start's connections begin with
	logs     *lockedBuffer
	metrics  *metrics.Registry
	close    func() // before the test ends

	mu      sync.Mutex
	records map[share.Hash]share.Record
	bytes   map[string][]byte // by object key
	lookups int
	opens   int
	closes  int
	counts  *counts
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newWorld starts an edge; change may replace any part or setting.
func newWorld(tb testing.TB, change func(*Config, *Parts, *world)) *world {
	tb.Helper()
	w := &world{
		tb: tb, logs: &lockedBuffer{}, metrics: metrics.New(),
		records: map[share.Hash]share.Record{}, bytes: map[string][]byte{},
		counts: &counts{n: map[string]int64{}},
	}
	keys, err := share.ParseKeyring("1:" + share.NewKey())
	must(tb, err)
	w.keys = keys
	cfg := Defaults()
	cfg.LeaseKey = bytes.Repeat([]byte("k"), 32)
	cfg.LookupTimeout, cfg.RedeemTimeout, cfg.FirstByteTimeout = time.Minute, time.Minute, time.Minute // a busy machine is no fault behind the edge
	parts := Parts{
		Keys: keys, Records: fakeRecords(w.lookup), Objects: fakeObjects(w.open), Ledger: fakeLedger(w.redeem),
		Leases: ledger.NewLeases(1000, time.Now), LocalLeases: ledger.NewLeases(1000, time.Now),
		Counter: w.counts, Purges: fakePurges(noPurges), Metrics: metrics.NewEdge(w.metrics),
		Log: slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg, &parts, w)
	}
	w.edge, err = New(cfg, parts)
	must(tb, err)
	ln, err := Listen("127.0.0.1:0")
	must(tb, err)
	w.addr = ln.Addr().String()
	w.url = "http://" + w.addr
	served := make(chan error, 1)
	go func() { served <- w.edge.Serve(ln) }()
	w.close = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		_ = w.edge.Shutdown(ctx, ended())
		if err := <-served; err != nil {
			tb.Errorf("Serve: %v", err)
		}
	})
	tb.Cleanup(w.close)
	return w
}

func (w *world) lookup(_ context.Context, h share.Hash) (share.Record, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups++
	rec, ok := w.records[h]
	if !ok {
		return rec, "", share.E(share.NotFound, "look up", nil)
	}
	return rec, "origin", nil
}

func (w *world) open(_ context.Context, key, _ string, from, n int64) (io.ReadCloser, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opens++
	return &countingCloser{Reader: bytes.NewReader(w.bytes[key][from : from+n]), w: w}, nil
}

type countingCloser struct {
	io.Reader
	w *world
}

func (c *countingCloser) Close() error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.closes++
	return nil
}

func (w *world) redeem(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, rec := range w.records {
		if rec.ShareID == id && w.counts.of(id) >= rec.MaxDownloads {
			return share.E(share.Gone, "redeem", nil)
		}
	}
	w.counts.Add(id)
	return nil
}

// link publishes bytes and returns the path of their link.
func (w *world) link(content []byte, change func(*share.Record)) string {
	w.tb.Helper()
	token := w.token()
	sum := sha256.Sum256(content)
	hash := share.HashToken(token)
	rec := share.Record{
		Version: 1, ShareID: "share-" + hash.String()[:8], FileID: "file-" + hash.String()[:8], TenantID: "t", Permission: share.Download,
		Scan: share.Clean, Name: "a file.bin", MIME: "application/zip", Modified: modified,
		Object: share.Object{Key: "k-" + token[:9], Version: "v1", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])},
	}
	if change != nil {
		change(&rec)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records[hash] = rec
	w.bytes[rec.Object.Key] = content
	return "/s/" + token
}

// token returns a token with a good tag that nobody knows.
func (w *world) token() string {
	id := share.NewKey()
	mint, err := share.ParseMint(id)
	must(w.tb, err)
	return string(mint.Token(w.keys, id))
}

// change replaces a link's record without telling the edge.
func (w *world) change(path string, change func(*share.Record)) share.Hash {
	w.mu.Lock()
	defer w.mu.Unlock()
	hash := w.hash(path)
	rec := w.records[hash]
	change(&rec)
	w.records[hash] = rec
	return hash
}

func (w *world) hash(path string) share.Hash { return share.HashToken(strings.TrimPrefix(path, "/s/")) }

func (w *world) record(path string) share.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.records[w.hash(path)]
}

func (w *world) count(path string) int64 { return w.counts.of(w.record(path).ShareID) }

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
	length int64
}

func (w *world) storeUse() (opens, closes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opens, w.closes
}

var _ prometheus.Gatherer = (*metrics.Registry)(nil)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// eventually polls for what another goroutine brings about.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("never: %s", what)
		}
	}
}

// content returns n bytes of which no two stretches are alike.
func content(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// ended returns a context that has: no patience with idle connections.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
