package origin

import (
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/memstore"
)

// TestRestartsLoseNoBlock restarts an embedded system while its link is used, whose
// blocks end with the process: each download of the cap is served all the same.
func TestRestartsLoseNoBlock(t *testing.T) {
	t.Parallel()
	const most, restarts = 10_000, 8
	s := newSite(t, t, most, 1, memstore.NewBlocks(time.Now))
	defer s.close()
	taken := false // from a block that had more
	for range restarts {
		s.burst(0, 7)
		s.burst(0, 1)
		_, _, _, open := s.ledgerRow()
		taken = taken || open
		s.edges[0].Close()
		s.edges[0].Settle(t.Context(), 0)
		s.ok(s.TakeBackBlocks(t.Context()))
		s.blocks.move(memstore.NewBlocks(time.Now))
		s.edges[0] = s.edge(s.blocks.at())
	}
	s.drain()
	if lost := s.reckon(most); lost != 0 || s.served.Load() != most || !taken {
		t.Errorf("%d served, %d lost, by blocks of %d: %v; want %d, 0, true", s.served.Load(), lost, ledger.BlockSize(most, most), taken, most)
	}
}
