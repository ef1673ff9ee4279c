package ledger

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rawlink/internal/share"
)

// slowLeases answers when it is told to, and counts commands.
type slowLeases struct {
	*Leases
	gate     chan struct{}
	mu       sync.Mutex
	commands int
	failing  bool
	late     int      // so many commands find nobody first
	ids      []string // of all
}

func (s *slowLeases) OpenAll(ctx context.Context, id string, all []Opening) error {
	<-s.gate
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands++
	if s.failing {
		return errors.New("down")
	}
	s.ids = append(s.ids, id)
	if len(s.ids) <= s.late {
		return share.E(share.Unavailable, "open", nil)
	}
	for _, o := range all {
		_ = s.Open(ctx, o.Lease, o.Budget)
	}
	return nil
}

// Leases that come while a command is under way go in the next one, and a client
// that is quicker than its lease waits for it.
func TestOpenerCollects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a command has a second of its clock
		s := &slowLeases{Leases: NewLeases(2000, time.Now), gate: make(chan struct{})}
		o := NewOpener(s)
		name := func(i int) Lease { return Lease{ShareID: "s", Client: Client{byte(i), byte(i >> 8)}} }
		for i := range 1000 {
			mustOpen(t, o, name(i), 10)
			mustOpen(t, o, name(i), 10)
		}
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				if live, err := o.Take(t.Context(), name(i), 20); !live || err != nil {
					t.Errorf("lease %d: %v, %v; want live", i, live, err)
				}
			})
		}
		close(s.gate)
		wg.Wait()
		o.Close()
		if s.commands > 6 {
			t.Errorf("%d commands for 1000 leases; want one for each %d, and two", s.commands, openBatch)
		}
		if len(o.shares) != 0 || o.waiting != 0 {
			t.Errorf("%d shares and %d leases still wait", len(o.shares), o.waiting)
		}
		if err := o.Open(t.Context(), name(1), 1); err == nil {
			t.Error("opened after Close")
		}
	})
}

// A command that was not answered is repeated under its name.
func TestOpenerRepeats(t *testing.T) {
	s := &slowLeases{Leases: NewLeases(10, time.Now), gate: make(chan struct{}), late: 3}
	close(s.gate)
	o := NewOpener(s)
	defer o.Close()
	mustOpen(t, o, Lease{ShareID: "s"}, 10)
	if live, err := o.Take(t.Context(), Lease{ShareID: "s"}, 10); !live || err != nil {
		t.Errorf("Take = %v, %v; want a lease", live, err)
	}
	if len(slices.Compact(s.ids)) != 1 || s.commands != 4 {
		t.Errorf("%d commands by the names %v; want four by one", s.commands, s.ids)
	}
}

func TestOpenerThatFails(t *testing.T) {
	s := &slowLeases{Leases: NewLeases(10, time.Now), gate: make(chan struct{}), failing: true}
	close(s.gate)
	o := NewOpener(s)
	defer o.Close()
	mustOpen(t, o, Lease{ShareID: "s"}, 10)
	if live, err := o.Take(t.Context(), Lease{ShareID: "s"}, 1); live || err != nil {
		t.Errorf("Take = %v, %v; want no lease", live, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.gate = make(chan struct{})
	defer close(s.gate)
	mustOpen(t, o, Lease{ShareID: "x"}, 10)
	if _, err := o.Take(ctx, Lease{ShareID: "x"}, 1); err == nil {
		t.Error("a client that left went on waiting")
	}
}
