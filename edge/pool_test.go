package edge

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"rawlink/internal/ledger"
)

// openedLeases notes which leases were opened.
type openedLeases struct {
	Leases
	mu     sync.Mutex
	opened []ledger.Lease
}

func (o *openedLeases) Open(ctx context.Context, lease ledger.Lease, budget int64) error {
	o.mu.Lock()
	o.opened = append(o.opened, lease)
	o.mu.Unlock()
	return o.Leases.Open(ctx, lease, budget)
}

// A request that gives up waiting for its turn at the ledger leaves its memory to
// others. The turn goes on, for the share and the client that it was taken for.
func TestTurnOutlivesItsRequest(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	leases := &openedLeases{}
	w := newWorld(t, func(c *Config, p *Parts, _ *world) {
		c.RedeemTimeout = 50 * time.Millisecond
		leases.Leases, p.Leases = p.Leases, leases
		p.Ledger = fakeLedger(func(context.Context, string) error {
			close(entered)
			<-release // longer than anybody waits
			return nil
		})
	})
	slow, quick := w.link(content(5000), capped(3)), w.link(content(5000), nil)
	if got := w.get(slow, "Range", "bytes=0-99"); got.status != 503 {
		t.Fatalf("while the ledger is silent: %d; want 503", got.status)
	}
	<-entered
	for range 20 {
		if got := w.get(quick); !bytes.Equal(got.body, content(5000)) {
			t.Fatalf("meanwhile: %d", got.status)
		}
	}
	close(release)
	eventually(t, "the turn opens its lease", func() bool {
		leases.mu.Lock()
		defer leases.mu.Unlock()
		return len(leases.opened) == 1 && leases.opened[0].ShareID == w.record(slow).ShareID
	})
}
