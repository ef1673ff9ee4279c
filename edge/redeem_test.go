package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

func capped(n int64) func(*share.Record) {
	return func(r *share.Record) { r.MaxDownloads = n }
}

//
func TestHeadIsFree(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link(content(5000), capped(1))
	var head answer
	for range 100 {
		head = w.do("HEAD", path)
		if head.status != 200 || head.length != 5000 || len(head.body) != 0 {
			t.Fatalf("HEAD: %d, length %d", head.status, head.length)
		}
	}
	if opens, _ := w.storeUse(); opens != 0 || w.count(path) != 0 {
		t.Fatalf("after HEADs: %d store reads, count %d; want none", opens, w.count(path))
	}
	got := w.get(path)
	if got.status != 200 || w.count(path) != 1 {
		t.Errorf("GET: %d, count %d; want 200, 1", got.status, w.count(path))
	}
	for name := range got.header {
		if h, g := head.header.Get(name), got.header.Get(name); h != g && name != "Date" && name != "X-Request-Id" && name != "Server-Timing" {
			t.Errorf("%s: HEAD %q, GET %q", name, h, g)
		}
	}
}

// segmented downloads and players.
func TestOneClientOneCount(t *testing.T) {
	for _, limit := range []int64{0, 1, 100} {
		asked := make(chan struct{}) // closed once all parts have been asked for: nobody is counted before
		w := newWorld(t, func(_ *Config, p *Parts, w *world) {
			p.Ledger = fakeLedger(func(ctx context.Context, id string) error { <-asked; return w.redeem(ctx, id) })
			p.Counter = counterFunc(func(id string) { <-asked; w.counts.Add(id) })
		})
		want := content(160_000)
		path := w.link(want, func(r *share.Record) { r.MaxDownloads, r.Permission, r.MIME = limit, share.View, "video/mp4" })
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				got := w.get(path, "Range", fmt.Sprintf("bytes=%d-%d", i*10_000, i*10_000+9_999))
				if got.status != 206 || !bytes.Equal(got.body, want[i*10_000:(i+1)*10_000]) {
					t.Errorf("cap %d, part %d: %d, %d bytes", limit, i, got.status, len(got.body))
				}
			})
		}
		eventually(t, "all parts are in flight", func() bool { return w.edge.inFlight.Load() == 16 })
		close(asked)
		wg.Wait()
		if n := w.count(path); n != 1 {
			t.Errorf("cap %d: 16 parallel ranges counted %d; want 1", limit, n)
		}
	}
	w := newWorld(t, nil)
	path := w.link(content(160_000), func(r *share.Record) { r.MaxDownloads, r.Permission, r.MIME = 1, share.View, "video/mp4" })
	probe := w.get(path, "Range", "bytes=0-1")
	if probe.status != 206 || len(probe.body) != 2 || w.count(path) != 0 {
		t.Errorf("probe: %d, count %d; want 206, 0", probe.status, w.count(path))
	}
	w.get(path, "Range", "bytes=0-")
	for i := range 50 {
		if got := w.get(path, "Range", fmt.Sprintf("bytes=%d-", 160_000-i*1000-1)); got.status != 206 {
			t.Fatalf("seek %d: %d; want 206", i, got.status)
		}
	}
	if n := w.count(path); n != 1 {
		t.Errorf("player counted %d; want 1", n)
	}
}

// A range without a lease is a download, whatever its offset.
func TestNoFreeRanges(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link(content(5000), capped(2))
	for i, agent := range []string{"a", "b", "c"} {
		want := 206
		if i == 2 {
			want = 410
		}
		if got := w.get(path, "Range", "bytes=1-", "User-Agent", agent); got.status != want {
			t.Errorf("client %s: %d; want %d", agent, got.status, want)
		}
	}
	if got := w.get(path, "Range", "bytes=0-1", "User-Agent", "d"); got.status != 410 {
		t.Errorf("probe of a used-up link: %d; want 410", got.status)
	}
	if got := w.get(path, "Range", "bytes=100-", "User-Agent", "a"); got.status != 206 || w.count(path) != 2 {
		t.Errorf("lease after the cap: %d, count %d; want 206, 2", got.status, w.count(path))
	}
	for _, method := range []string{"HEAD", "GET"} {
		etag := `"` + w.record(path).Object.SHA256 + `"`
		mine, theirs := w.do(method, path, "If-None-Match", etag, "User-Agent", "a"), w.do(method, path, "If-None-Match", etag, "User-Agent", "z")
		if mine.status != 304 || theirs.status != 410 {
			t.Errorf("%s if changed, used up: lease holder %d, others %d; want 304, 410", method, mine.status, theirs.status)
		}
	}
	tiny := w.link(content(1024), capped(1))
	w.get(tiny, "Range", "bytes=0-0")
	if n := w.count(tiny); n != 1 {
		t.Errorf("probe of a small file counted %d; want 1", n)
	}
}

func TestLeaseBudget(t *testing.T) {
	for permission, want := range map[share.Permission]int64{share.Download: 3, share.View: 1} {
		w := newWorld(t, nil)
		path := w.link(content(5000), func(r *share.Record) { r.MaxDownloads, r.Permission = 100, permission })
		for range 12 {
			w.get(path, "Range", "bytes=0-4999")
		}
		if n := w.count(path); n != want {
			t.Errorf("%s: 12 whole ranges counted %d; want %d", permission, n, want)
		}
	}
}

func TestStrictCounting(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.CountMode = CountStrict })
	path := w.link(content(5000), capped(3))
	for _, r := range []string{"bytes=0-1", "bytes=0-999", "bytes=1000-1999", "bytes=2000-"} {
		if got := w.get(path, "Range", r); got.status != 206 {
			t.Errorf("%s: %d", r, got.status)
		}
	}
	if got := w.get(path, "Range", "bytes=1-"); got.status != 410 || w.count(path) != 3 {
		t.Errorf("fourth range: %d, count %d; want 410, 3", got.status, w.count(path))
	}
}

// A lease that can't be proved is not a lease.
func TestLeaseStoreDown(t *testing.T) {
	w := newWorld(t, func(_ *Config, p *Parts, _ *world) { p.Leases = downLeases{} })
	path := w.link(content(5000), capped(2))
	for i, want := range []int{200, 206, 410} {
		headers := []string{"Range", "bytes=5-"}
		if i == 0 {
			headers = nil
		}
		if got := w.get(path, headers...); got.status != want {
			t.Errorf("request %d: %d; want %d", i, got.status, want)
		}
	}
	w.edge.records.Wait()
	if got := w.get(path, "Range", "bytes=5-"); got.status != 503 && got.status != 410 {
		t.Errorf("used up, lease unknown: %d; want 503 or 410", got.status)
	}
}

func TestLedgerDown(t *testing.T) {
	w := newWorld(t, func(_ *Config, p *Parts, _ *world) {
		p.Ledger = fakeLedger(func(context.Context, string) error { return share.E(share.Unavailable, "redeem", nil) })
	})
	path := w.link(content(5000), capped(2))
	for _, headers := range [][]string{nil, {"Range", "bytes=5-"}} {
		if got := w.get(path, headers...); got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("%v: %d, Retry-After %q; want 503", headers, got.status, got.header.Get("Retry-After"))
		}
	}
	if open := w.link(content(5000), nil); w.get(open).status != 200 {
		t.Error("an uncapped share needs no ledger")
	}
	eventually(t, "bodies are closed", func() bool { o, c := w.storeUse(); return o == c })
}

// R-3, first half: nothing is counted for a store that fails before byte one.
func TestStoreFailureIsNotCounted(t *testing.T) {
	failures := map[string]fakeObjects{
		"unavailable": func(context.Context, string, string, int64, int64) (io.ReadCloser, error) {
			return nil, share.E(share.Unavailable, "open", nil)
		},
		"gone": func(context.Context, string, string, int64, int64) (io.ReadCloser, error) {
			return nil, share.E(share.NotFound, "open", nil)
		},
		"changed (R-12)": func(context.Context, string, string, int64, int64) (io.ReadCloser, error) {
			return nil, share.E(share.Changed, "open", nil)
		},
		"empty": func(context.Context, string, string, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(&bytes.Reader{}), nil
		},
		"too long": func(context.Context, string, string, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content(9999))), nil
		},
		"bad end": func(_ context.Context, _, _ string, _, n int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(content(int(n))), failing{})), nil
		},
		"silent": func(ctx context.Context, _, _ string, _, _ int64) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	for name, objects := range failures {
		w := newWorld(t, func(c *Config, p *Parts, _ *world) { p.Objects, c.FirstByteTimeout = objects, 20*time.Millisecond })
		path := w.link(content(5000), capped(1))
		for _, headers := range [][]string{nil, {"Range", "bytes=0-4999"}} {
			if got := w.get(path, headers...); got.status != 503 || w.count(path) != 0 {
				t.Errorf("%s: %d, count %d; want 503, 0", name, got.status, w.count(path))
			}
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("digest mismatch") }

// R-3, second half, and R-5: N clients finish, also when cut in the middle.
func TestInterruptedDownloadResumes(t *testing.T) {
	for _, limit := range []int64{1, 2, 10} {
		w := newWorld(t, nil)
		want := content(8 << 20)
		path := w.link(want, capped(limit))
		for i := range limit {
			agent := fmt.Sprint("client ", i)
			half := w.cut(path, agent, 1<<20)
			rest := w.get(path, "User-Agent", agent, "Range", fmt.Sprintf("bytes=%d-", len(half)), "If-Range", `"`+w.record(path).Object.SHA256+`"`)
			if rest.status != 206 || !bytes.Equal(append(half, rest.body...), want) {
				t.Fatalf("cap %d, %s: resumed with %d, %d bytes after %d", limit, agent, rest.status, len(rest.body), len(half))
			}
		}
		if got := w.get(path, "User-Agent", "one too many"); got.status != 410 || w.count(path) != limit {
			t.Errorf("cap %d: next client %d, count %d; want 410, %d", limit, got.status, w.count(path), limit)
		}
	}
}

// Seeking players leave most of what they ask for unread: only what was sent
// counts against the lease.
func TestUnsentBytesReturnToTheLease(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link(content(32<<20), func(r *share.Record) { r.MaxDownloads, r.MIME = 50, "video/mp4" })
	for range 12 {
		w.cutRange(path, testAgent, "bytes=0-", 1000)
		eventually(t, "the broken transfer is tallied", func() bool { return w.metric("rawlink_edge_in_flight_requests") == 0 })
	}
	// A lease of 4 × 32 MiB; each look sends a few MiB, into socket buffers.
	if n := w.count(path); n != 1 {
		t.Errorf("12 broken looks counted %d; want 1", n)
	}
	if n := w.metric("rawlink_edge_requests_total", "outcome", "aborted"); n != 12 {
		t.Errorf("%v aborted; want 12", n)
	}
}

// R-4 within one edge: invariant 1 as far as this package can break it.
func TestCapHoldsUnderLoad(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link(content(100), capped(10))
	var ok, gone atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 1000 {
		wg.Go(func() {
			<-start
			switch got := w.get(path, "User-Agent", fmt.Sprint(i)); got.status {
			case 200:
				ok.Add(1)
			case 410:
				gone.Add(1)
			default:
				t.Errorf("status %d", got.status)
			}
		})
	}
	close(start)
	wg.Wait()
	if ok.Load() != 10 || gone.Load() != 990 || w.count(path) != 10 {
		t.Errorf("%d × 200, %d × 410, count %d; want 10, 990, 10", ok.Load(), gone.Load(), w.count(path))
	}
}

// Once the ledger has said no, nobody asks it again for that record.
func TestExhaustedIsRemembered(t *testing.T) {
	var asked atomic.Int64
	w := newWorld(t, func(_ *Config, p *Parts, w *world) {
		p.Ledger = fakeLedger(func(ctx context.Context, id string) error { asked.Add(1); return w.redeem(ctx, id) })
	})
	path := w.link(content(100), capped(1))
	w.get(path)
	w.edge.records.Wait()
	for range 20 {
		w.get(path, "User-Agent", "late")
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("ledger asked %d times; want 2: one yes, one no", n)
	}
	if opens, _ := w.storeUse(); opens != 1 {
		t.Errorf("%d store reads; want 1", opens)
	}
	w.edge.Invalidate(w.change(path, func(r *share.Record) { r.MaxDownloads, r.Version = 2, 2 }))
	if got := w.get(path); got.status != 200 {
		t.Errorf("after the cap was raised: %d; want 200", got.status)
	}
}

func TestClientName(t *testing.T) {
	c := clients{key: []byte("0123456789abcdef"), seed: maphash.MakeSeed()}
	for _, common := range []bool{true, false} {
		name := func(addr, agent string) ledger.Client {
			return c.name(netip.MustParseAddr(addr), []byte(agent), common)
		}
		if first, again := name("192.0.2.1", "a"), name("192.0.2.1", "a"); first != again {
			t.Error("one client has two names")
		}
		if name("192.0.2.1", "a") == name("192.0.2.2", "a") || name("192.0.2.1", "a") == name("192.0.2.1", "b") {
			t.Error("address or agent makes no difference")
		}
		if name("2001:db8::1", "a") != name("2001:db8::ffff", "a") || name("2001:db8::1", "a") == name("2001:db8:0:1::1", "a") {
			t.Error("IPv6 clients are not told apart by their /64")
		}
		other := clients{key: []byte("another key 1234"), seed: maphash.MakeSeed()}
		if other.name(netip.MustParseAddr("192.0.2.1"), []byte("a"), common) == name("192.0.2.1", "a") {
			t.Error("the key makes no difference")
		}
	}
	same := clients{key: c.key, seed: maphash.MakeSeed()}
	if addr := netip.MustParseAddr("192.0.2.1"); same.name(addr, []byte("a"), true) != c.name(addr, []byte("a"), true) {
		t.Error("two edges with one key give a client two names")
	}
}

func TestForwardedFor(t *testing.T) {
	p := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct{ name, peer, forwarded, want string }{
		{"direct", "192.0.2.1", "", "192.0.2.1"},
		{"forged by a stranger", "192.0.2.1", "198.51.100.7", "192.0.2.1"},
		{"one proxy", "10.0.0.1", "198.51.100.7", "198.51.100.7"},
		{"two proxies", "10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"forged before the proxy", "10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		{"only proxies", "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
		{"nonsense", "10.0.0.1", "unknown", "10.0.0.1"},
		{"nonsense behind", "10.0.0.1", "x, 10.0.0.2", "10.0.0.2"},
		{"empty elements", "10.0.0.1", ",", "10.0.0.1"},
		{"mapped", "::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"},
		{"IPv6 proxy", "fd00::1", "2001:db8::5", "2001:db8::5"},
	}
	for _, tt := range tests {
		if got := p.client(netip.MustParseAddr(tt.peer), tt.forwarded); got.String() != tt.want {
			t.Errorf("%s: %v; want %s", tt.name, got, tt.want)
		}
	}
}

// a forged address changes nothing; a proxy's word does.
func TestForwardedClientsHaveTheirOwnLeases(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		w := newWorld(t, func(c *Config, _ *Parts, _ *world) {
			if trusted {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}
		})
		path := w.link(content(5000), capped(9))
		for i := range 3 {
			w.get(path, "Range", "bytes=0-99", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		}
		want := map[bool]int64{false: 1, true: 3}[trusted]
		if n := w.count(path); n != want {
			t.Errorf("trusted %v: count %d; want %d", trusted, n, want)
		}
	}
}

var _ Leases = (*ledger.Leases)(nil)

// Between a range's look for a lease and its turn to pay, another may have
// opened the lease.
func TestTurnToPayLooksAgain(t *testing.T) {
	w := newWorld(t, nil)
	rec := w.record(w.link(content(5000), capped(5)))
	l := lessee{k: &known{rec: rec}, lease: ledger.Lease{ShareID: rec.ShareID}, bytes: 100}
	for turn, want := range []string{paidGranted, paidLeased} {
		got, err := l.open(context.Background(), w.edge)
		must(t, err)
		if !got.held || got.paid != want || w.counts.of(rec.ShareID) != 1 {
			t.Errorf("turn %d: %+v, count %d; want %s, count 1", turn, got, w.counts.of(rec.ShareID), want)
		}
	}
}
