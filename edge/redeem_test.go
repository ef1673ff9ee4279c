package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// R-4 within one edge: invariant 1 as far as this package can break it.
func TestCapHoldsUnderLoad(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxPerClient = 1000 }) // all from one address
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
	w := newWorld(t, func(c *Config, p *Parts, w *world) {
		c.MaxStale = time.Minute // what is remembered ends with the record
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
