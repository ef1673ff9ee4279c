package origin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/memstore"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// lower sets another cap as a request does.
func (s *site) lower(most int64) {
	s.freeBlock(context.Background(), s.tenant, s.rec.ShareID)
	_, err := s.Store.UpdateShare(context.Background(), s.tenant, s.rec.ShareID, store.ShareUpdate{SetCap: true, MaxDownloads: &most})
	s.ok(err)
}

// first serves the link's first download, which installs a block.
func (s *site) first() {
	if ok, why := s.one(0); !ok {
		s.tb.Fatalf("the first download: %v", why)
	}
}

// blockOf is the link's open block.
func (s *site) blockOf() store.OpenBlock {
	b, found, err := s.Store.BlockOf(context.Background(), s.tenant, s.rec.ShareID)
	s.ok(err)
	if !found {
		s.tb.Fatal("no block is open")
	}
	return b
}

// once is what happens after a block's removal, the first time.
func once(f func() error) func() error {
	done := false
	return func() error {
		if done {
			return nil
		}
		done = true
		return f()
	}
}

// TestLoweredCapLosesNothing has the cap of a link lowered while something happens to the
// block that is taken back for that: all that was not served is there under the new cap.
func TestLoweredCapLosesNothing(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(s *site) error{
		"an edge misses it": func(s *site) error {
			if ok, why := s.one(0); !ok {
				return errors.New(why.String())
			}
			return nil
		},
		"another origin takes it back": func(s *site) error { return s.takeBackBlock(context.Background(), s.blockOf()) },
		"the answer is lost":           func(*site) error { return share.E(share.Unavailable, "remove", errors.New("no answer")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, t, 10_000, 1, memstore.NewBlocks(time.Now))
			defer s.close()
			s.first()
			s.blocks.removed = once(func() error { return meanwhile(s) })
			s.lower(100)
			if reserved, _, count, open := s.ledgerRow(); reserved != count || count > 2 || open {
				t.Errorf("%d reserved, count %d, a block open: %v; want no more reserved, and none", reserved, count, open)
			}
		})
	}
}

// TestOneBlockIsTakenBackByTwoOrigins has both remove the last block of an idle link: what
// it held is there again, once.
func TestOneBlockIsTakenBackByTwoOrigins(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 10_000, 1, memstore.NewBlocks(time.Now))
	defer s.close()
	s.first()
	s.take(1, 20_000)
	reserved, _, _, _ := s.ledgerRow()
	b := s.blockOf()
	held, err := s.blocks.Look(t.Context(), b.ShareID, b.ID)
	s.ok(err)
	s.blocks.removed = once(func() error { return s.takeBackBlock(t.Context(), b) })
	s.ok(s.takeBackBlock(t.Context(), b))
	if now, _, count, open := s.ledgerRow(); now != reserved-held.Free || count != now || open {
		t.Errorf("%d free of %d: %d reserved, count %d, a block open: %v; want the rest reserved, and none", held.Free, reserved, now, count, open)
	}
	if ok, why := s.one(0); !ok {
		t.Errorf("refused, %v; want one of the downloads that came back", why)
	}
}

// killedBehind has an edge serve, die without a word and its block be closed, behind as many open
// blocks as are looked at at once.
func killedBehind(t *testing.T, s *site, blocks int) {
	served := int64(0)
	for range 5 {
		ok, why := s.one(0)
		if !ok {
			t.Fatal(why)
		}
		served++
	}
	s.served.Store(served)
	b := s.blockOf()
	s.ok(s.db.InTx(t.Context(), func(tx *sql.Tx) error {
		for i := range blocks {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO ledger_blocks (id, share_id, epoch, units, touched_at) VALUES ($1, 'other', 0, 9, $2)`,
				fmt.Sprintf("!%04d", i), s.clock.now().UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	}))
	s.edges[0].Close()
	s.ok(s.Store.CloseBlock(t.Context(), b))
	s.clock.add(time.Minute)
}

// TestNoBlockIsSettledUnseen: what a killed edge served is counted, however many blocks
// there are to look at.
func TestNoBlockIsSettledUnseen(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 10_000, 1, memstore.NewBlocks(time.Now))
	defer s.close()
	killedBehind(t, s, watchBatch)
	for behind := ""; ; {
		var err error
		behind, err = s.watchOnce(t.Context(), behind)
		s.ok(err)
		if behind == "" {
			break
		}
	}
	if _, _, count, _ := s.ledgerRow(); count < s.served.Load() {
		t.Errorf("%d served, %d counted", s.served.Load(), count)
	}
}

// TestABlockThatCannotBeSeenIsSettledLate: while Redis can't be asked a block waits, for an
// hour.
func TestABlockThatCannotBeSeenIsSettledLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 10_000, 1, memstore.NewBlocks(time.Now))
	defer s.close()
	killedBehind(t, s, 0)
	s.blocks.removed = func() error { return share.E(share.Unavailable, "remove", errors.New("redis is away")) }
	unsettled := func(when string, want int) {
		t.Helper()
		if _, err := s.watchOnce(t.Context(), ""); err == nil {
			t.Errorf("%s: no failure is told", when)
		}
		if blocks, err := s.Store.OpenBlocks(t.Context(), "", 10); err != nil || len(blocks) != want {
			t.Errorf("%s: %d blocks are not settled, %v; want %d", when, len(blocks), err, want)
		}
	}
	unsettled("a minute later", 1)
	s.clock.add(time.Hour)
	unsettled("an hour later", 0)
}

// away is a failure to remove a block.
var away = share.E(share.Unavailable, "remove", errors.New("redis takes no writes"))

// TestABlockThatCannotBeEmptiedIsOpenAgain has an idle block held by an origin that can't
// empty it, for hours. Then edges take from it again, and all that they serve is counted,
// also a day later.
func TestABlockThatCannotBeEmptiedIsOpenAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 10_000, 1, memstore.NewBlocks(time.Now))
	defer s.close()
	served := int64(0)
	serve := func(n int) {
		t.Helper()
		for range n {
			ok, why := s.one(0)
			if !ok {
				t.Fatal(why)
			}
			served++
		}
		s.settle()
	}
	serve(2)
	s.blocks.removing = func() error { return away }
	b := s.blockOf()
	for range 3 {
		if err := s.takeBackBlock(t.Context(), b); err == nil {
			t.Fatal("it was taken back, though it could not be removed")
		}
		s.clock.add(time.Hour + time.Minute)
		if _, err := s.watchOnce(t.Context(), ""); err == nil {
			t.Error("no failure is told")
		}
		if b = s.blockOf(); b.Closed {
			t.Fatal("the block is held for longer than an hour")
		}
	}
	s.blocks.removing = nil
	for range 30 {
		serve(1)
		s.clock.add(time.Hour - time.Minute)
		_, err := s.watchOnce(t.Context(), "")
		s.ok(err)
		_, err = s.Store.SweepLedger(t.Context(), 100)
		s.ok(err)
	}
	if _, _, count, _ := s.ledgerRow(); count != served {
		t.Errorf("%d served, %d counted", served, count)
	}
}

// TestABrokenOffTakingBackIsEnded has an origin die after it held the last block of a link
// that has nothing left: the link is used up all the same.
func TestABrokenOffTakingBackIsEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t, t, 10_000, 1, memstore.NewBlocks(time.Now))
	defer s.close()
	s.first()
	s.take(1, 20_000)
	b := s.blockOf()
	held, err := s.blocks.Look(t.Context(), b.ShareID, b.ID)
	s.ok(err)
	last, err := s.blocks.at().Take(t.Context(), b.ShareID, ledger.Take{Edge: "another", Seq: 1, N: held.Free}) // and asks for no more
	s.ok(err)
	s.settle()
	s.ok(s.Store.Settle(t.Context(), []share.Use{{Block: b.ID, Edge: "another", Served: last.Units}}))
	s.ok(s.Store.HoldBlock(t.Context(), b))
	s.clock.add(time.Minute)
	_, err = s.watchOnce(t.Context(), "")
	s.ok(err)
	if reserved, most, count, open := s.ledgerRow(); open || reserved != most || count != most {
		t.Errorf("%d of %d reserved, count %d, a block open: %v; want it used up", reserved, most, count, open)
	}
	told := 0
	for range 2 {
		_, err := s.Store.Relay(t.Context(), 100, func(changes []store.Change) error {
			for _, c := range changes {
				if c.Record.Exhausted {
					told++
				}
			}
			return nil
		})
		s.ok(err)
	}
	if told != 1 {
		t.Errorf("edges were told %d times that it is used up; want once", told)
	}
}
