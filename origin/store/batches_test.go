package store

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"rawlink/internal/chaos"
	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

// fullBatch is as large as any that an edge ever made: earlier versions made them of
// 5,000 shares.
func (b *bench) fullBatch(t *testing.T) share.Batch {
	t.Helper()
	const shares = 5000
	b.fill(t, nil, shares)
	batch := share.Batch{Edge: "a", Epoch: "e", Seq: 1, Count: map[string]int64{"purged": 1}}
	for i := range shares {
		batch.Count[fmt.Sprint("file--share-", i)] = int64(1 + i%7)
	}
	return batch
}

// holdCounts wants each share to have so many times what the batch counted.
func (b *bench) holdCounts(t *testing.T, batch share.Batch, times int64) {
	t.Helper()
	rows, err := b.db.Read().QueryContext(t.Context(), `SELECT id, download_count FROM shares`)
	counts, err := collectBy(rows, err, func(row scanner) (id string, n int64, err error) {
		err = row.Scan(&id, &n)
		return id, n, err
	})
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for id, n := range batch.Count {
		if counts[id] != times*n && id != "purged" {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d shares are not counted %d times", wrong, times)
	}
}

// TestFullBatchIsAddedOnce repeats the largest batch, also as a part of it.
func TestFullBatchIsAddedOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		batch := b.fullBatch(t)
		part := batch
		part.Count = map[string]int64{"file--share-1": batch.Count["file--share-1"]}
		for _, batch := range []share.Batch{batch, batch, part} {
			if err := b.AddDownloads(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		b.holdCounts(t, batch, 1)
		batch.Seq++
		if err := b.AddDownloads(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		b.holdCounts(t, batch, 2)
	})
}

// TestFullBatchFitsItsTime adds the largest batch to a PostgreSQL that is ten
// milliseconds away, within the time that an edge waits. Else it was in the way of all
// that follow, for ever.
func TestFullBatchFitsItsTime(t *testing.T) {
	t.Parallel()
	dsn, err := url.Parse(testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	path := chaos.NewNetwork().Path(t, dsn.Host)
	dsn.Host = path.Addr
	db, err := database.OpenPostgres(t.Context(), dsn.String(), 4)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, db)
	batch := b.fullBatch(t)
	path.Delay(10 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := b.AddDownloads(ctx, batch); err != nil {
		t.Fatal(err)
	}
	path.Heal()
	b.holdCounts(t, batch, 1)
}

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
