package store

import (
	"testing"
	"time"

	"rawlink/internal/share"
)

// sweptAhead has an origin whose clock is ahead sweep the ledger.
func (b *bench) sweptAhead(t *testing.T) {
	t.Helper()
	b.clock.add(askKeep + time.Minute)
	defer b.clock.add(-askKeep - time.Minute)
	if _, err := b.SweepLedger(t.Context(), 500); err != nil {
		t.Fatal(err)
	}
}

// TestDownloadsAreReturnedOnce has what is remembered of an edge's asks swept between a
// return, whose answer was lost, and its repetition. Late copies of the edge's earlier
// asks bring the memory back, but not the downloads.
func TestDownloadsAreReturnedOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		most := int64(20)
		v, _ := b.link(t, b.clean(t).ID, &most)
		ask := func(edge string, seq, n int64) share.Grant {
			t.Helper()
			g, err := b.Redeem(ctx, v.ID, share.Ask{Edge: edge, Seq: seq, N: n})
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		give := func(seq, n int64) {
			t.Helper()
			if g, err := b.Redeem(ctx, v.ID, share.Ask{Edge: "a", Seq: seq, Return: n}); err != nil || g != (share.Grant{}) {
				t.Errorf("a return: %+v, %v; want it answered", g, err)
			}
		}
		ask("a", 1, 9)
		ask("a", 2, 1)
		give(3, 3)
		b.want(t, v.ID, "returned", 7, 7, false)
		give(3, 3)
		b.want(t, v.ID, "repeated", 7, 7, false)
		b.sweptAhead(t)
		give(3, 3)
		b.want(t, v.ID, "repeated after a sweep", 7, 7, false)
		b.sweptAhead(t)
		ask("a", 2, 1) // late, and held by nobody
		give(3, 3)
		b.want(t, v.ID, "repeated after a sweep and a late ask", 7, 7, false)
		if more := ask("b", 1, most); 7+more.Downloads > most {
			t.Errorf("7 served, %d more granted; want %d at most", more.Downloads, most)
		}
	})
}
