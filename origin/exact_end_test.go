package origin

import (
	"context"
	"testing"
	"time"

	"rawlink/internal/memstore"
	"rawlink/internal/share"
)

// take has a client of its own, straight at the ceiling, take all that is not in a
// block; n < 0 returns so many.
func (s *site) take(seq, n int64) {
	ask := share.Ask{Edge: "directly", Seq: seq, N: max(0, n), Return: max(0, -n)}
	if n < 0 {
		ask.Epoch = s.rec.CapEpoch
	}
	_, err := s.Redeem(context.Background(), s.rec.ShareID, ask)
	s.ok(err)
}

// one is what one client at an edge gets: nil, or the kind of its refusal. It returns
// once the edge has installed the block that it may have been granted, which it does
// after it has answered.
func (s *site) one(edge int) (served bool, refusal share.Kind) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := s.edges[edge].Redeem(ctx, &s.rec)
	for ; s.edges[edge].net.granted.Load() > 0; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			s.tb.Fatal("a block that was granted is not installed")
		}
	}
	if err != nil {
		return false, share.KindOf(err)
	}
	return true, 0
}

// TestTheLastBlockIsLost: all that is left was in a block that Redis lost. An edge
// that never took from it says so within seconds, though the others are silent.
func TestTheLastBlockIsLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 2000, 2, memstore.NewBlocks(time.Now))
	defer s.close()
	s.first()
	s.take(1, 5000)
	fresh := memstore.NewBlocks(time.Now)
	for _, e := range s.edges {
		e.blocks.move(fresh)
	}
	for range 3 {
		if ok, why := s.one(1); ok || why != share.Unavailable {
			t.Fatalf("served %v, %v; want Unavailable: the block may be on its way", ok, why)
		}
	}
	s.clock.add(2 * time.Second)
	if ok, why := s.one(1); ok || why != share.Gone {
		t.Errorf("served %v, %v; want Gone: the block is nowhere", ok, why)
	}
}

// TestABlockAfterTheLast: an edge was told that there are no more blocks, and then
// another one opened one, for downloads had been given back. Both take from it.
func TestABlockAfterTheLast(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 1600, 2, memstore.NewBlocks(time.Now))
	defer s.close()
	s.take(1, 1590)
	if ok, why := s.one(1); !ok {
		t.Fatalf("near the cap: %v", why)
	}
	s.take(2, -1590)
	if ok, why := s.one(0); !ok { // which installs a block
		t.Fatalf("after a return: %v", why)
	}
	s.take(3, 5000)
	_, _ = s.one(1) // hears of the block
	if ok, why := s.one(1); !ok {
		t.Errorf("refused, %v; want a download from the block", why)
	}
	s.check("all of it")
}

// TestAfterAnInstallationThatFailed: a block whose installation was lost is lost with its
// units, but the next one takes the place of what is stored, a block that is spent. It
// used to take that of the lost one only, which is nowhere: and so was each that followed.
func TestAfterAnInstallationThatFailed(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 4000, 2, memstore.NewBlocks(time.Now))
	defer s.close()
	served := int64(0)
	serve := func(n int) {
		t.Helper()
		for i := range n {
			if ok, why := s.one(i % 2); !ok {
				t.Fatalf("download %d: %v", i, why)
			}
			served++
		}
	}
	spent := func() bool {
		b, found, err := s.Store.BlockOf(t.Context(), s.tenant, s.rec.ShareID)
		s.ok(err)
		held, err := s.blocks.Look(t.Context(), s.rec.ShareID, b.ID)
		s.ok(err)
		return found && held.Free == 0
	}
	for serve(2); !spent(); {
		serve(2)
	}
	s.edges[0].net.meets([]string{"", "", "lost"}) // taking, asking, installing
	for range 40 {
		serve(2)
		s.clock.add(600 * time.Millisecond)
	}
	s.settle()
	if reserved, _, count, _ := s.ledgerRow(); count != served || reserved-count > 2*4000/200 {
		t.Errorf("%d served, %d counted, %d reserved; want at most a lost block and an open one beyond what was served", served, count, reserved)
	}
}
