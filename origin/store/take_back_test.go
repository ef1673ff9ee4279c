package store

import (
	"testing"
	"time"

	"rawlink/internal/share"
)

// takeBack takes a block back of which so many units are free.
func (b *bench) takeBack(t *testing.T, block OpenBlock, free int64) {
	t.Helper()
	for _, step := range []func() error{
		func() error { return b.HoldBlock(t.Context(), block) },
		func() error { return b.EmptyBlock(t.Context(), block, free) },
		func() error { return b.CloseBlock(t.Context(), block) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// opened is a link with a block, of whose cap one download is granted beside that.
func (b *bench) opened(t *testing.T, most int64) (Share, share.Block, OpenBlock) {
	t.Helper()
	v, _ := b.link(t, b.clean(t).ID, &most)
	g, err := b.Redeem(t.Context(), v.ID, share.Ask{Edge: "a", Seq: 1, N: 1, Block: true})
	if err != nil || g.Block.Units == 0 {
		t.Fatalf("%+v, %v; want a block", g, err)
	}
	return v, g.Block, OpenBlock{ID: g.Block.ID, ShareID: v.ID}
}

// TestNoBlockTakesThePlaceOfAHeldOne has edges miss a block that is being taken back.
func TestNoBlockTakesThePlaceOfAHeldOne(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		v, block, open := b.opened(t, 10_000)
		if err := b.HoldBlock(ctx, open); err != nil {
			t.Fatal(err)
		}
		miss := share.Ask{Edge: "a", Seq: 2, N: 1, Block: true, Spent: block.ID}
		if g, err := b.Redeem(ctx, v.ID, miss); err != nil || g.Downloads != 1 || g.Block.ID != "" || g.Open != block.ID {
			t.Errorf("a block is held: %+v, %v; want a download and no block", g, err)
		}
		if err := b.EmptyBlock(ctx, open, block.Units); err != nil {
			t.Fatal(err)
		}
		if _, err := b.UpdateShare(ctx, b.tenant, v.ID, ShareUpdate{SetCap: true, MaxDownloads: ptr(int64(100))}); err != nil {
			t.Fatal(err)
		}
		b.want(t, v.ID, "lowered", 2, 2, false)

		v, block, open = b.opened(t, 10_000)
		if err := b.HoldBlock(ctx, open); err != nil {
			t.Fatal(err)
		}
		b.clock.add(blockGrace) // whoever held it is dead
		miss = share.Ask{Edge: "a", Seq: 2, N: 1, Block: true, Spent: block.ID}
		if g, err := b.Redeem(ctx, v.ID, miss); err != nil || g.Block.ID == "" || g.Block.ID == block.ID {
			t.Errorf("a block was held: %+v, %v; want another", g, err)
		}
	})
}

// TestFreeUnitsComeBackOnce empties a block at several origins, after it was replaced, and
// after it was settled.
func TestFreeUnitsComeBackOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		v, block, open := b.opened(t, 10_000)
		b.takeBack(t, open, block.Units)
		b.want(t, v.ID, "taken back", 1, 1, false)
		b.takeBack(t, open, block.Units)
		b.want(t, v.ID, "taken back by another origin", 1, 1, false)

		v, block, open = b.opened(t, 10_000)
		if err := b.CloseBlock(ctx, open); err != nil {
			t.Fatal(err)
		}
		next, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 2, N: 1, Block: true})
		if err != nil || next.Block.Units == 0 {
			t.Fatalf("%+v, %v; want another block", next, err)
		}
		b.takeBack(t, open, block.Units)
		b.want(t, v.ID, "replaced", 2+next.Block.Units, 2, true)

		v, block, open = b.opened(t, 10_000)
		if err := b.CloseBlock(ctx, open); err != nil {
			t.Fatal(err)
		}
		b.clock.add(blockGrace + time.Second)
		b.finish(t)
		b.takeBack(t, open, block.Units)
		b.want(t, v.ID, "settled", 1+block.Units, 1, false)
	})
}

// TestTheLastUnitsComeBackBeforeTheEnd takes back a block that holds all that is left: the
// link is not used up in between, nor said to be.
func TestTheLastUnitsComeBackBeforeTheEnd(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		v, block, open := b.opened(t, 2_000)
		if _, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 2, N: 2_000}); err != nil {
			t.Fatal(err)
		}
		b.clock.add(2 * blockSilence)
		if err := b.HoldBlock(ctx, open); err != nil {
			t.Fatal(err)
		}
		if g, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 3, N: 1, Block: true, Spent: block.ID}); err != nil || g.Exhausted || g.Open != block.ID {
			t.Errorf("the last block is held: %+v, %v; want none now, and no end", g, err)
		}
		b.takeBack(t, open, block.Units)
		b.want(t, v.ID, "taken back", 2_000-block.Units, 2_000-block.Units, false)
		if g, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 4, N: 1}); err != nil || g.Downloads != 1 {
			t.Errorf("%+v, %v; want one that came back", g, err)
		}
	})
}
