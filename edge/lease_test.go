package edge

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"net/netip"
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

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

// A lease that can't be proved is not a lease.
func TestLeaseStoreDown(t *testing.T) {
	w := newWorld(t, func(_ *Config, p *Parts, _ *world) { p.Leases = downLeases{} })
	path := w.link(content(5000), capped(2))
	for i, want := range []int{200, 206, 503, 410} { // who was counted can't be told, so a range is not refused for good
		headers := []string{"Range", "bytes=5-"}
		if i == 0 || i == 3 {
			headers = nil
		}
		if got := w.get(path, headers...); got.status != want {
			t.Errorf("request %d: %d; want %d", i, got.status, want)
		}
	}
	w.edge.records.Wait()
	if got := w.get(path, "Range", "bytes=5-"); got.status != 503 {
		t.Errorf("known to be used up, lease unknown: %d; want 503", got.status)
	}
}

// lateLeases says nothing of a lease's life until it may.
type lateLeases struct {
	*ledger.Leases
	asked, open chan struct{}
}

func (l lateLeases) Take(ctx context.Context, name ledger.Lease, bytes int64) (bool, error) {
	if bytes == 0 {
		l.asked <- struct{}{}
		<-l.open
	}
	return l.Leases.Take(ctx, name, bytes)
}

// Whoever may be cut off in the middle has a lease before the first byte, to go on with
// at another edge. What is sent at once waits for nobody.
func TestLeaseIsOpenBeforeALargeBody(t *testing.T) {
	leases := lateLeases{ledger.NewLeases(10, time.Now), make(chan struct{}), make(chan struct{})}
	w := newWorld(t, func(_ *Config, p *Parts, _ *world) { p.Leases = leases })
	if got := w.get(w.link(content(sentAtOnce), capped(1))); got.status != 200 {
		t.Errorf("a small body: %d; want 200", got.status)
	}
	done := make(chan answer)
	path := w.link(content(sentAtOnce+1), capped(1))
	go func() { done <- w.get(path) }()
	early := func(got answer) { t.Fatalf("%d before the lease was open", got.status) }
	select {
	case got := <-done:
		early(got)
	case <-leases.asked:
	}
	select {
	case got := <-done:
		early(got)
	case <-time.After(50 * time.Millisecond):
	}
	close(leases.open)
	if got := <-done; got.status != 200 || len(got.body) != sentAtOnce+1 {
		t.Errorf("%d, %d bytes; want all", got.status, len(got.body))
	}
}

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
		eventually(t, "the broken transfer is tallied", func() bool { return w.edge.inFlight.Load() == 0 })
	}
	// A lease of 4 × 32 MiB; each look sends a few MiB, into socket buffers.
	if n := w.count(path); n != 1 {
		t.Errorf("12 broken looks counted %d; want 1", n)
	}
	if n := w.metric("rawlink_edge_requests_total", "outcome", "aborted"); n != 12 {
		t.Errorf("%v aborted; want 12", n)
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
