package store

import (
	"database/sql"
	"testing"

	"rawlink/internal/share"
)

// recomputed looks for drift of links, and returns what was found.
func (b *bench) recomputed(t *testing.T, repair bool) []Drift {
	t.Helper()
	found, err := b.Recompute(t.Context(), repair, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestRepairLeavesWhatIsOutReserved has a link's reservation lowered behind everybody's back
// while a block of it is open: after the repair it can't be served beyond its cap.
func TestRepairLeavesWhatIsOutReserved(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		const most = 10_000
		v, block, _ := b.opened(t, most)
		if err := b.Settle(ctx, []share.Use{{Block: block.ID, Edge: "a", Served: 3, Returned: 1}}); err != nil {
			t.Fatal(err)
		}
		if found := b.recomputed(t, true); len(found) != 0 {
			t.Errorf("all is well, and a block open: %+v", found)
		}
		for _, drifted := range []int64{0, block.Units - 1} {
			b.exec(t, `UPDATE shares SET reserved = $2 WHERE id = $1`, v.ID, drifted)
			want := Drift{TenantID: b.tenant, Figure: "reserved", ShareID: v.ID, Kept: drifted, Actual: block.Units}
			if found := b.recomputed(t, true); len(found) != 1 || found[0] != want {
				t.Errorf("found %+v; want %+v", found, want)
			}
			b.want(t, v.ID, "repaired", block.Units, 4, true)
		}
		rest, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "c", Seq: 1, N: most})
		if err != nil {
			t.Fatal(err)
		}
		if served := 1 + block.Units - 1 + rest.Downloads; served != most {
			t.Errorf("%d can be served; want %d", served, most)
		}
		if found := b.recomputed(t, false); len(found) != 0 {
			t.Errorf("drained: %+v; want no drift", found)
		}
	})
}

// TestRepairWaitsForDownloads has downloads of a drifted link be granted between a look at
// it and its repair: they stay reserved.
func TestRepairWaitsForDownloads(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		v, block, _ := b.opened(t, 10_000)
		b.exec(t, `UPDATE shares SET reserved = 0 WHERE id = $1`, v.ID)
		seen := b.recomputed(t, false)
		if _, err := b.redeem(t.Context(), v.ID, 7); err != nil {
			t.Fatal(err)
		}
		if err := b.db.InTx(t.Context(), func(tx *sql.Tx) error { return b.repair(t.Context(), tx, seen) }); err != nil {
			t.Fatal(err)
		}
		b.want(t, v.ID, "repaired", 8+block.Units, 8, true)
	})
}
