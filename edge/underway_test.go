package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// silent is a bus that says nothing for so long that only what is told counts.
func silent(c *Config, _ *Parts, _ *world) { c.MaxStale, c.ServeStale = time.Hour, time.Hour }

// largeBody is more than the buffers of a connection hold.
var largeBody = sync.OnceValue(func() []byte { return content(24 << 20) })

// begin starts a GET of a large body and reads some of it.
func (w *world) begin(path string) (conn net.Conn, body io.Reader, read []byte) {
	w.tb.Helper()
	conn, res := w.start(path, testAgent, "")
	w.tb.Cleanup(func() { _ = conn.Close() })
	if res.StatusCode != 200 {
		w.tb.Fatalf("begun with %d; want 200", res.StatusCode)
	}
	read = make([]byte, 1000)
	_, err := io.ReadFull(res.Body, read)
	must(w.tb, err)
	return conn, res.Body, read
}

// isWhole reads the rest of a body and reports whether it is all there; it must be as it was
// stored either way.
func (w *world) isWhole(body io.Reader, read, want []byte) (whole bool, n int) {
	w.tb.Helper()
	rest, err := io.ReadAll(body)
	got := append(read, rest...)
	if !bytes.HasPrefix(want, got) {
		w.tb.Fatal("wrong bytes")
	}
	if whole = len(got) == len(want); whole != (err == nil) {
		w.tb.Fatalf("%d of %d bytes, and %v", len(got), len(want), err)
	}
	return whole, len(got)
}

// Invariant 2 for a body under way: it ends with its link, though its client takes
// nothing more and its edge waits for it; and a body whose link has not ended goes on.
func TestBodyEndsWithItsLink(t *testing.T) {
	soon := time.Now().Add(time.Hour).Unix()
	for name, c := range map[string]struct {
		change func(*share.Record)
		whole  bool
	}{
		"revoked":                {func(r *share.Record) { r.Revoked = true }, false},
		"trashed or purged":      {func(r *share.Record) { r.Gone = true }, false},
		"found infected":         {func(r *share.Record) { r.Scan = share.Infected }, false},
		"expiry brought forward": {func(r *share.Record) { r.ExpiresAt = modified }, false},
		"used up":                {func(r *share.Record) { r.Exhausted = true }, true},
		"expiry put off":         {func(r *share.Record) { r.ExpiresAt = soon + 3600 }, true},
		"renamed":                {func(r *share.Record) { r.Name = "another" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, silent)
			path := w.link(largeBody(), func(r *share.Record) { r.MaxDownloads, r.ExpiresAt = 5, soon })
			conn, body, read := w.begin(path)
			w.edge.Invalidate(w.change(path, func(r *share.Record) { r.Version++; c.change(r) }))
			if !c.whole {
				eventually(t, "the body has ended, though nobody reads", func() bool { return w.edge.inFlight.Load() == 0 })
			}
			whole, n := w.isWhole(body, read, largeBody())
			if whole != c.whole {
				t.Fatalf("%d of %d bytes; want whole = %v", n, len(largeBody()), c.whole)
			}
			if !c.whole && n > 512<<10 {
				t.Errorf("%d bytes more were delivered from the server's own buffers", n)
			}
			_ = conn.Close()
			eventually(t, "the body is tallied", func() bool { return w.edge.inFlight.Load() == 0 })
			if ended := w.metric("rawlink_edge_requests_total", "outcome", "ended"); (ended == 1) == c.whole {
				t.Errorf("%v bodies are tallied as ended; want whole = %v", ended, c.whole)
			}
		})
	}
}

// A link's natural end lets bodies finish that began before it; what comes to pass
// after it ends them all the same.
func TestBodyOutlivesItsExpiry(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	w := newWorld(t, func(c *Config, p *Parts, w *world) {
		silent(c, p, w)
		p.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	path := w.link(largeBody(), func(r *share.Record) { r.ExpiresAt = now.Add(time.Minute).Unix() })
	_, first, firstRead := w.begin(path)
	_, second, secondRead := w.begin(path)
	w.edge.Invalidate(w.change(path, func(r *share.Record) { r.ExpiresAt += 60 })) // put off, and over as well then
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	w.edge.Invalidate(w.hash(path))
	if whole, n := w.isWhole(first, firstRead, largeBody()); !whole {
		t.Errorf("expired under way: %d bytes; want all", n)
	}
	w.edge.Invalidate(w.change(path, func(r *share.Record) { r.Scan = share.Infected }))
	if whole, _ := w.isWhole(second, secondRead, largeBody()); whole {
		t.Error("found infected after its expiry: the whole was sent")
	}
}

// A record that is gone, and a bus that says nothing of it: the edge looks by itself.
func TestBodyEndsWithoutTheBus(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxStale = 100 * time.Millisecond })
	path := w.link(largeBody(), nil)
	_, body, read := w.begin(path)
	w.mu.Lock()
	delete(w.records, w.hash(path))
	w.mu.Unlock()
	eventually(t, "the body has ended", func() bool { return w.edge.inFlight.Load() == 0 })
	if whole, _ := w.isWhole(body, read, largeBody()); whole {
		t.Error("the whole was sent")
	}
}

// Invalidations that were missed have every link looked at.
func TestBodyEndsAfterAGap(t *testing.T) {
	w := newWorld(t, silent)
	path := w.link(largeBody(), nil)
	_, body, read := w.begin(path)
	w.change(path, func(r *share.Record) { r.Revoked = true })
	w.edge.InvalidateAll()
	if whole, _ := w.isWhole(body, read, largeBody()); whole {
		t.Error("the whole was sent")
	}
}

// A revocation that comes between the look-up and the body's beginning is not
// missed: nothing would be told of it a second time.
func TestBodyThatBeginsLate(t *testing.T) {
	var path string
	w := newWorld(t, func(c *Config, p *Parts, w *world) {
		silent(c, p, w)
		p.Ledger = fakeLedger(func(context.Context, string) error {
			w.edge.Invalidate(w.change(path, func(r *share.Record) { r.Revoked = true }))
			return nil
		})
	})
	path = w.link(largeBody(), func(r *share.Record) { r.MaxDownloads = 5 })
	_, res := w.start(path, testAgent, "")
	if whole, _ := w.isWhole(res.Body, nil, largeBody()); whole {
		t.Error("the whole was sent")
	}
}

// While nobody can be asked a body goes on; the answer ends it.
func TestBodyGoesOnInDoubt(t *testing.T) {
	var mu sync.Mutex
	down := false
	w := newWorld(t, func(c *Config, p *Parts, w *world) {
		c.MaxStale = 50 * time.Millisecond
		p.Records = fakeRecords(func(ctx context.Context, h share.Hash) (share.Record, string, error) {
			mu.Lock()
			defer mu.Unlock()
			if down {
				return share.Record{}, "", share.E(share.Unavailable, "look up", nil)
			}
			return w.lookup(ctx, h)
		})
	})
	set := func(to bool) { mu.Lock(); defer mu.Unlock(); down = to }
	path := w.link(largeBody(), nil)
	_, first, firstRead := w.begin(path)
	_, second, secondRead := w.begin(path)
	set(true)
	w.edge.Invalidate(w.change(path, func(r *share.Record) { r.Revoked = true }))
	time.Sleep(200 * time.Millisecond) // several looks
	if whole, n := w.isWhole(first, firstRead, largeBody()); !whole {
		t.Errorf("in doubt: %d bytes; want all", n)
	}
	set(false)
	if whole, _ := w.isWhole(second, secondRead, largeBody()); whole {
		t.Error("after the answer: the whole was sent")
	}
}

func TestBodyIsFinishedIfSoSet(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.CutEnded, c.MaxStale = false, 50*time.Millisecond })
	path := w.link(largeBody(), nil)
	_, body, read := w.begin(path)
	w.edge.Invalidate(w.change(path, func(r *share.Record) { r.Revoked = true }))
	time.Sleep(200 * time.Millisecond)
	if whole, n := w.isWhole(body, read, largeBody()); !whole {
		t.Errorf("%d bytes; want all", n)
	}
}

// Links that change and don't end, while many bodies begin and end on connections
// that are kept: every body is whole, and none stays listed.
func TestBodiesUnderChanges(t *testing.T) {
	w := newWorld(t, silent)
	want := content(200_000)
	var paths []string
	for range 8 {
		paths = append(paths, w.link(want, nil))
	}
	stop := make(chan struct{})
	var changing, asking sync.WaitGroup
	changing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			w.edge.Invalidate(w.change(paths[n%len(paths)], func(r *share.Record) { r.Version++ }))
			if n%100 == 0 {
				w.edge.InvalidateAll()
			}
			time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
		}
	})
	for i := range 8 {
		asking.Go(func() {
			for n := range 60 {
				got := w.get(paths[(i+n)%len(paths)], "User-Agent", fmt.Sprint(i))
				if got.status != 200 || !bytes.Equal(got.body, want) {
					t.Errorf("%d, %d bytes, %v; want all", got.status, len(got.body), got.err)
				}
			}
		})
	}
	asking.Wait()
	close(stop)
	changing.Wait()
	eventually(t, "all is tallied", func() bool { return w.edge.inFlight.Load() == 0 })
	for i := range w.edge.underway.shards {
		if n := len(w.edge.underway.shards[i].open); n != 0 {
			t.Errorf("%d bodies are listed though none is under way", n)
		}
	}
}
