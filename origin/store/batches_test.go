package store

import (
	"testing"
	"time"

	"rawlink/internal/share"
)

// TestBatchesAreForgotten repeats a batch for as long as an edge may be away, and
// wants runs that ended before that to leave nothing; one that goes on is kept. Rows
// of the version before are as old as the first sweep that sees them.
func TestBatchesAreForgotten(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		f := b.clean(t)
		v, _ := b.link(t, f.ID, nil)
		batch := func(epoch string, seq, want int64) {
			t.Helper()
			if err := b.AddDownloads(t.Context(), share.Batch{Edge: "a", Epoch: epoch, Seq: seq, Count: map[string]int64{v.ID: 1}}); err != nil {
				t.Fatal(err)
			}
			if got, err := b.Share(t.Context(), b.tenant, v.ID); err != nil || got.DownloadCount != want {
				t.Errorf("download_count = %d, %v after batch %d of %s; want %d", got.DownloadCount, err, seq, epoch, want)
			}
		}
		sweep := func(when string, swept int64, left int) {
			t.Helper()
			if n, err := b.SweepBatches(t.Context(), 10); err != nil || n != swept {
				t.Errorf("%s: SweepBatches = %d, %v; want %d", when, n, err, swept)
			}
			if n := b.rows(t, "count_batches"); n != left {
				t.Errorf("%s: %d rows; want %d", when, n, left)
			}
		}
		batch("ended", 1, 1)
		batch("goes on", 1, 2)
		b.exec(t, `INSERT INTO count_batches (edge, epoch, seq) VALUES ('a', 'before', 1)`)
		b.clock.add(time.Second)
		sweep("at first", 0, 3)
		b.clock.add(KeepBatches - 2*time.Second)
		batch("goes on", 2, 3)
		sweep("just within the time", 0, 3)
		batch("ended", 1, 3) // repeated
		b.clock.add(time.Second + time.Microsecond)
		sweep("after it", 1, 2)
		batch("goes on", 2, 3)
		batch("before", 1, 3)
		b.clock.add(time.Second)
		sweep("later", 1, 1)
	})
}
