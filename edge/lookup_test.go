package edge

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/share"
)

// fakeClock is a time that tests move.
type fakeClock struct{ ns atomic.Int64 }

func (c *fakeClock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *fakeClock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func newClock() *fakeClock {
	c := &fakeClock{}
	c.ns.Store(time.Now().UnixNano())
	return c
}

// Invariant 2: an invalidation is seen by the very next request.
func TestRevocation(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxStale = time.Minute })
	path := w.link(content(10), nil)
	for range 3 {
		w.get(path)
		w.edge.records.Wait()
	}
	if w.lookups != 1 {
		t.Errorf("%d look-ups; want 1", w.lookups)
	}
	w.edge.Invalidate(w.change(path, func(r *share.Record) { r.Revoked = true }))
	if got := w.get(path); got.status != 410 {
		t.Errorf("after revocation: %d; want 410", got.status)
	}
}

// Invariant 2, the race: the look-up reads the record, the share is revoked,
// and only then does the look-up return.
func TestSlowLookupNeverBeatsRevocation(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	var slow atomic.Bool
	w := newWorld(t, func(_ *Config, p *Parts, w *world) {
		p.Records = fakeRecords(func(ctx context.Context, h share.Hash) (share.Record, string, error) {
			rec, source, err := w.lookup(ctx, h)
			if slow.CompareAndSwap(false, true) {
				close(entered)
				<-release
			}
			return rec, source, err
		})
	})
	path := w.link(content(10), nil)
	early := make(chan answer)
	go func() { early <- w.get(path) }()
	<-entered // it holds the record as it was
	w.edge.Invalidate(w.change(path, func(r *share.Record) { r.Revoked = true }))
	if got := w.get(path); got.status != 410 {
		t.Errorf("asked after revocation, while an older look-up runs: %d; want 410", got.status)
	}
	close(release)
	if got := <-early; got.status != 410 {
		t.Errorf("asked before revocation, answered after it: %d; want 410", got.status)
	}
	w.edge.records.Wait()
	if got := w.get(path); got.status != 410 {
		t.Errorf("from memory: %d; want 410", got.status)
	}
}

func TestExpiryIsCheckedOnEveryHit(t *testing.T) {
	clock := newClock()
	w := newWorld(t, func(_ *Config, p *Parts, _ *world) { p.Now = clock.now })
	path := w.link(content(10), func(r *share.Record) { r.ExpiresAt = clock.now().Add(3 * time.Second).Unix() })
	if got := w.get(path); got.status != 200 {
		t.Fatalf("before: %d", got.status)
	}
	w.edge.records.Wait()
	clock.advance(4 * time.Second)
	if got := w.get(path); got.status != 410 || w.lookups != 1 {
		t.Errorf("after: %d with %d look-ups; want 410 with 1", got.status, w.lookups)
	}
}

// What is invalidated while nobody can be asked is not served as if it were only stale,
// and what is vouched for is not refused.
func TestStaleIsInvalidatedMeanwhile(t *testing.T) {
	clock := newClock()
	var meanwhile func()
	w := newWorld(t, func(_ *Config, p *Parts, w *world) {
		p.Now = clock.now
		p.Records = fakeRecords(func(ctx context.Context, h share.Hash) (share.Record, string, error) {
			if meanwhile != nil {
				meanwhile()
				return share.Record{}, "", share.E(share.Unavailable, "look up", errors.New("all down"))
			}
			return w.lookup(ctx, h)
		})
	})
	path := w.link(content(10), nil)
	w.get(path)
	w.edge.records.Wait()
	clock.advance(6 * time.Second)
	meanwhile = func() {}
	if got := w.get(path); got.status != 200 {
		t.Fatalf("stale: %d; want 200", got.status)
	}
	meanwhile = func() { w.edge.Verified(clock.now()) }
	if got := w.get(path); got.status != 200 || got.header.Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("stale, and vouched for while it was asked for: %d, %q; want it as ever", got.status, got.header.Get("Cache-Control"))
	}
	clock.advance(6 * time.Second)
	meanwhile = func() { w.edge.Invalidate(w.hash(path)) }
	if got := w.get(path); got.status != 503 {
		t.Errorf("stale, and invalidated while it was asked for: %d; want 503", got.status)
	}
}

// newLonelyWorld is one whose edge can ask nobody while down is set.
func newLonelyWorld(t *testing.T) (w *world, clock *fakeClock, down *atomic.Bool) {
	t.Helper()
	clock, down = newClock(), &atomic.Bool{}
	w = newWorld(t, func(_ *Config, p *Parts, w *world) {
		p.Now = clock.now
		p.Records = fakeRecords(func(ctx context.Context, h share.Hash) (share.Record, string, error) {
			if down.Load() {
				return share.Record{}, "", share.E(share.Unavailable, "look up", errors.New("all down"))
			}
			return w.lookup(ctx, h)
		})
	})
	return w, clock, down
}

// A CDN is told of a revocation when the last edge that was cut off from the bus refuses.
// An edge that can reach nobody goes on for longer, and must not fill the CDN anew.
func TestStaleIsNotKept(t *testing.T) {
	w, clock, down := newLonelyWorld(t)
	path := w.link(content(10), nil)
	w.get(path)
	w.edge.records.Wait()
	etag := w.get(path).header.Get("Etag")
	kept := func(when, control, cdn string) {
		t.Helper()
		for status, headers := range map[int][]string{200: nil, 206: {"Range", "bytes=1-"}, 304: {"If-None-Match", etag}} {
			got := w.do("GET", path, headers...)
			if got.status != status || got.header.Get("Cache-Control") != control || got.header.Get("CDN-Cache-Control") != cdn {
				t.Errorf("%s: %d, Cache-Control %q, CDN-Cache-Control %q; want %d, %q, %q", when, got.status,
					got.header.Get("Cache-Control"), got.header.Get("CDN-Cache-Control"), status, control, cdn)
			}
		}
	}
	down.Store(true)
	kept("vouched for", "public, max-age=3600", "")
	clock.advance(6 * time.Second)
	kept("stale", "no-store", "no-store")
	down.Store(false)
	kept("asked again", "public, max-age=3600", "")
}

// The bounds of the design: fresh for max_stale, then asked again; served stale
// for serve_stale when nobody can be asked, uncapped shares only.
func TestStaleness(t *testing.T) {
	w, clock, down := newLonelyWorld(t)
	open, limited := w.link(content(10), nil), w.link(content(10), capped(99))
	both := func(when string, wantOpen, wantLimited int) {
		t.Helper()
		w.edge.records.Wait()
		if a, b := w.get(open).status, w.get(limited).status; a != wantOpen || b != wantLimited {
			t.Errorf("%s: uncapped %d, capped %d; want %d, %d", when, a, b, wantOpen, wantLimited)
		}
		w.edge.records.Wait()
	}
	both("at first", 200, 200)
	down.Store(true)
	clock.advance(4 * time.Second)
	both("fresh", 200, 200)
	w.edge.Verified(clock.now())
	clock.advance(4 * time.Second)
	both("fresh by a tick", 200, 200)
	clock.advance(2 * time.Second)
	both("stale", 200, 503)
	w.edge.InvalidateAll()
	w.edge.Verified(clock.now())
	both("stale after a gap, whatever ticks now", 200, 503)
	clock.advance(55 * time.Second)
	both("too stale", 503, 503)
	down.Store(false)
	both("back", 200, 200)
	w.edge.InvalidateAll()
	before := w.lookups
	both("asked again after a gap", 200, 200)
	if w.lookups != before+2 {
		t.Errorf("%d look-ups after a gap; want 2", w.lookups-before)
	}
	down.Store(true)
	w.edge.Invalidate(w.change(open, func(*share.Record) {}))
	both("invalidated is never stale", 503, 200)
	if n := w.metric("rawlink_edge_record_lookups_total", "source", "stale"); n != 2 {
		t.Errorf("%v served stale; want 2", n)
	}
}

// A herd asks once.
func TestColdHerdAsksOnce(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, func(_ *Config, p *Parts, w *world) {
		p.Records = fakeRecords(func(ctx context.Context, h share.Hash) (share.Record, string, error) {
			<-release
			return w.lookup(ctx, h)
		})
	})
	path := w.link(content(10), nil)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got := w.get(path); got.status != 200 {
				t.Errorf("%d; want 200", got.status)
			}
		})
	}
	eventually(t, "all of them wait", func() bool { return w.metric("rawlink_edge_l1_lookups_total", "outcome", "miss") == 100 })
	close(release)
	wg.Wait()
	if w.lookups > 2 { // one flight; a second if somebody came between its end and the cache
		t.Errorf("%d look-ups; want 1", w.lookups)
	}
}

// A record whose bytes are gone is asked for again.
func TestDisprovedRecordIsForgotten(t *testing.T) {
	w := newWorld(t, func(_ *Config, p *Parts, w *world) {
		good := p.Objects
		p.Objects = fakeObjects(func(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error) {
			if etag != "v2" {
				return nil, share.E(share.Changed, "open", nil)
			}
			return good.Open(ctx, key, etag, from, n)
		})
	})
	path := w.link(content(10), nil)
	if got := w.get(path); got.status != 503 {
		t.Errorf("wrong version: %d; want 503", got.status)
	}
	w.change(path, func(r *share.Record) { r.Object.Version = "v2" })
	if got := w.get(path); got.status != 200 {
		t.Errorf("next: %d; want 200", got.status)
	}
}

// Invariant 5: whatever happens, no token in the log, in metrics or in errors.
func TestNoTokenLeaves(t *testing.T) {
	w := newWorld(t, func(_ *Config, p *Parts, w *world) {
		p.Ledger = fakeLedger(func(context.Context, string) error { panic("boom") })
	})
	unknown := "/s/" + w.token()
	paths := []string{w.link(content(10), nil), w.link(content(10), capped(1)), unknown, unknown + "x",
		w.link(content(10), func(r *share.Record) { r.Revoked = true }),
		w.link(content(10), func(r *share.Record) { r.Object.Key = "nowhere" })}
	for _, path := range paths {
		w.get(path + "/secret-name?q=secret-query")
		w.do("POST", path)
		w.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\n: bad\r\nConnection: close\r\n\r\n")
		w.raw("GET " + path + strings.Repeat("x", 20000) + " HTTP/1.1\r\n\r\n")
	}
	families, err := w.metrics.Gather()
	must(t, err)
	said := w.logs.String()
	for _, f := range families {
		said += f.String()
	}
	if len(said) < 1000 || !strings.Contains(said, `"share":"share-`) {
		t.Fatalf("too little was said to prove anything: %s", said)
	}
	for _, path := range paths {
		for _, secret := range []string{path[3:], path[3:23], path[10:38], "secret-name", "secret-query"} {
			if strings.Contains(said, secret) {
				t.Errorf("%q was said", secret)
			}
		}
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	cfg := Defaults()
	cfg.CountMode, cfg.MaxStale, cfg.ServeStale, cfg.ReadTimeout, cfg.PasswordTries = "maybe", time.Minute, time.Second, -1, 0
	_, err := New(cfg, Parts{})
	for _, want := range []string{"lease key", "ledger_count_mode", "edge_serve_stale", "read timeout", "edge_password_tries", "records", "ledger", "log"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: does not name %q", err, want)
		}
	}
}
