package origin

import (
	"context"
	"errors"
	"testing"
	"time"

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
			if ok, why := s.one(0); !ok { // which installs a block
				t.Fatalf("the first download: %v", why)
			}
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
	if ok, why := s.one(0); !ok { // which installs a block
		t.Fatalf("the first download: %v", why)
	}
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
