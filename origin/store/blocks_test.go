package store

import (
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

// state is what the row of a share says.
func (b *bench) state(t *testing.T, id string) (reserved, count int64, open bool) {
	t.Helper()
	if err := b.db.Read().QueryRowContext(t.Context(), `SELECT reserved, download_count, block_id IS NOT NULL FROM shares WHERE id = $1`, id).Scan(&reserved, &count, &open); err != nil {
		t.Fatal(err)
	}
	return reserved, count, open
}

func (b *bench) want(t *testing.T, id, when string, reserved, count int64, open bool) {
	t.Helper()
	if r, c, o := b.state(t, id); r != reserved || c != count || o != open {
		t.Errorf("%s: %d reserved, count %d, open %v; want %d, %d, %v", when, r, c, o, reserved, count, open)
	}
}

// finish settles the blocks that are due.
func (b *bench) finish(t *testing.T) (finished int, lost int64) {
	t.Helper()
	due, err := b.DueBlocks(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(due))
	for i, one := range due {
		ids[i] = one.ID
	}
	if lost, err = b.FinishBlocks(t.Context(), ids); err != nil {
		t.Fatal(err)
	}
	return len(due), lost
}

// TestBlocks goes through a block's life at the ceiling.
func TestBlocks(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		most := int64(10_000)
		v, _ := b.link(t, b.clean(t).ID, &most)
		ask := share.Ask{Edge: "a", Seq: 1, N: 7, Block: true}
		first, err := b.Redeem(ctx, v.ID, ask)
		if err != nil || first.Downloads != 7 || first.Block.Units != ledger.BlockSize(most, most-7) {
			t.Fatalf("first ask: %+v, %v", first, err)
		}
		b.want(t, v.ID, "granted", 57, 7, true)
		if again, err := b.Redeem(ctx, v.ID, ask); err != nil || again != first {
			t.Errorf("the same ask: %+v, %v; want %+v", again, err, first)
		}
		ask.Seq = 0
		if _, err := b.Redeem(ctx, v.ID, ask); share.KindOf(err) != share.Unavailable {
			t.Errorf("an older ask: %v; want Unavailable", err)
		}
		other, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "b", Seq: 1, N: 2, Block: true, Spent: "another"})
		if err != nil || other.Downloads != 2 || other.Block.ID != "" || other.Open != first.Block.ID {
			t.Errorf("while a block is open: %+v, %v; want no second one", other, err)
		}

		use := func(edge string, served, returned int64) {
			t.Helper()
			if err := b.Settle(ctx, []share.Use{{Block: first.Block.ID, Edge: edge, Served: served, Returned: returned}, {Block: "gone", Edge: edge, Served: 9}}); err != nil {
				t.Fatal(err)
			}
		}
		use("a", 10, 0)
		use("a", 10, 0)
		use("a", 8, 0) // late
		use("b", 5, 3)
		b.want(t, v.ID, "settled", 59-3, 9+15, true)
		for range 2 {
			if err := b.Infer(ctx, first.Block.ID, map[string]int64{"a": 12, "b": 8}); err != nil {
				t.Fatal(err)
			}
		}
		b.want(t, v.ID, "inferred", 56, 9+17, true)
		use("a", 11, 1) // it lives, and has more to say
		b.want(t, v.ID, "said later", 55, 9+16, true)

		second, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "b", Seq: 2, N: 1, Block: true, Spent: first.Block.ID})
		if err != nil || second.Block.ID == "" {
			t.Fatalf("the first block is spent: %+v, %v; want another", second, err)
		}
		b.clock.add(blockGrace + time.Second)
		if n, lost := b.finish(t); n != 1 || lost != first.Block.Units-4-16 {
			t.Errorf("finished %d, %d lost; want 1, %d", n, lost, first.Block.Units-4-16)
		}
		reserved, count, _ := b.state(t, v.ID)
		b.takeBack(t, OpenBlock{ID: second.Block.ID, ShareID: v.ID}, 20)
		b.want(t, v.ID, "closed with 20 free", reserved-20, count, false)
		if _, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "b", Seq: 3, Return: 1}); err != nil {
			t.Fatal(err)
		}
		b.want(t, v.ID, "given back", reserved-21, count-1, false)

		b.clock.add(2 * blockKeep)
		b.finish(t)
		if _, err := b.SweepLedger(ctx, 100); err != nil {
			t.Fatal(err)
		}
		var rows int
		if err := b.db.Read().QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM ledger_blocks) + (SELECT COUNT(*) FROM ledger_uses) + (SELECT COUNT(*) FROM ledger_asks)`).Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%d rows left, %v; want none", rows, err)
		}
	})
}

// TestBlockOutlivesTheCap has a cap removed and set again before an edge tells what it
// served of a block under the first one: that is part of the second.
func TestBlockOutlivesTheCap(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		most := int64(10_000)
		v, hash := b.link(t, b.clean(t).ID, &most)
		g, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 1, N: 7, Block: true})
		if err != nil || g.Block.Units < 20 {
			t.Fatalf("%+v, %v", g, err)
		}
		for _, limit := range []*int64{nil, ptr(7 + g.Block.Units)} {
			if _, err := b.UpdateShare(ctx, b.tenant, v.ID, ShareUpdate{SetCap: true, MaxDownloads: limit}); err != nil {
				t.Fatal(err)
			}
			b.clock.add(blockGrace + time.Second) // its edge is cut off, and nobody waits for it any more
			b.finish(t)
		}
		if err := b.Settle(ctx, []share.Use{{Block: g.Block.ID, Edge: "a", Served: g.Block.Units}}); err != nil {
			t.Fatal(err)
		}
		b.want(t, v.ID, "told late", 7+g.Block.Units, 7+g.Block.Units, false)
		if again, err := b.redeem(ctx, v.ID, 1); err != nil || again.Downloads != 0 {
			t.Errorf("%+v, %v; want none: all were served", again, err)
		}
		if rec, err := b.Record(ctx, hash); err != nil || !rec.Exhausted {
			t.Errorf("record %+v, %v; want it used up", rec, err)
		}
	})
}

// TestSweptBlocksLeaveNothing has a block come of age in the middle of a sweep: it goes
// with what is known of its use, or stays.
func TestSweptBlocksLeaveNothing(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		most := int64(10_000)
		v, _ := b.link(t, b.clean(t).ID, &most)
		g, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 1, N: 1, Block: true})
		if err != nil || g.Block.ID == "" {
			t.Fatalf("%+v, %v", g, err)
		}
		if err := b.Settle(ctx, []share.Use{{Block: g.Block.ID, Edge: "a", Served: 3}}); err != nil {
			t.Fatal(err)
		}
		if err := b.CloseBlock(ctx, OpenBlock{ID: g.Block.ID, ShareID: v.ID}); err != nil {
			t.Fatal(err)
		}
		b.clock.add(blockGrace + time.Second)
		b.finish(t)
		b.clock.add(blockKeep - blockGrace - time.Second - 2*time.Microsecond)
		still := b.now
		b.now = func() time.Time { b.clock.add(time.Microsecond); return still() }
		if _, err := b.SweepLedger(ctx, 100); err != nil {
			t.Fatal(err)
		}
		var blocks, uses int
		if err := b.db.Read().QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM ledger_blocks), (SELECT COUNT(*) FROM ledger_uses)`).Scan(&blocks, &uses); err != nil || blocks != uses {
			t.Errorf("%d blocks and %d uses left, %v; want as many", blocks, uses, err)
		}
	})
}

// TestCapChangeEndsBlocks holds that a block taken under one cap is not open
// under the next, and that a share whose last units are in one is not used up.
func TestCapChangeEndsBlocks(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		most := int64(2_000)
		v, hash := b.link(t, b.clean(t).ID, &most)
		g, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 1, N: 1000, Block: true})
		if err != nil || g.Block.Units == 0 {
			t.Fatalf("%+v, %v", g, err)
		}
		if _, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 2, N: 5000}); err != nil {
			t.Fatal(err)
		}
		b.want(t, v.ID, "all reserved", most, most-g.Block.Units, true)
		if rec, err := b.Record(ctx, hash); err != nil || rec.Exhausted {
			t.Errorf("record %+v, %v; want not exhausted: a block is open", rec, err)
		}
		if none, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "b", Seq: 1, N: 1}); err != nil || none.Downloads != 0 || none.Exhausted || none.Open != g.Block.ID {
			t.Errorf("what is left is in the block: %+v, %v; want none, and the block's name", none, err)
		}
		lower := int64(1_500)
		if _, err := b.UpdateShare(ctx, b.tenant, v.ID, ShareUpdate{SetCap: true, MaxDownloads: &lower}); err != nil {
			t.Fatal(err)
		}
		rec, err := b.Record(ctx, hash)
		if err != nil || !rec.Exhausted || rec.CapEpoch != g.Block.Epoch+1 {
			t.Errorf("record %+v, %v; want exhausted, in the next epoch", rec, err)
		}
		// A late return under the old cap changes nothing of the new one.
		if err := b.Settle(ctx, []share.Use{{Block: g.Block.ID, Edge: "a", Returned: 2}}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: 3, Return: 2, Epoch: g.Epoch}); err != nil {
			t.Fatal(err)
		}
		b.want(t, v.ID, "returned too late", most, most-g.Block.Units, false)
	})
}
