package ledger

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// TestBacklogIsBoundedByShares counts more shares than a batch holds, for as long as a
// sink that is down takes: what waits, and its journal, grows by shares and not by time.
// After a kill in between each download is handed over, once.
func TestBacklogIsBoundedByShares(t *testing.T) {
	t.Parallel()
	const shares, rounds = 6 * maxShares, 50
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	sink := &onceSink{newest: map[string]int64{}, total: map[string]int64{}, failLate: true}
	journal := must(OpenJournal(dir))
	counts := NewCounts("edge", journal, sink, quiet)
	want := map[string]int64{}
	for round := range rounds {
		for i := range shares {
			id := fmt.Sprint("share-", i)
			counts.Add(id)
			want[id]++
		}
		counts.handOver(t.Context())
		if round == rounds/2 {
			_ = journal.Close() // as a kill does
			journal = must(OpenJournal(dir))
			counts = NewCounts("edge", journal, sink, quiet)
		}
	}
	var bytes int64
	files := must(filepath.Glob(filepath.Join(dir, "*"+journalSuffix)))
	for _, path := range files {
		bytes += must(os.Stat(path)).Size()
	}
	// One of each process was sent, so its shares are in another one, too.
	if most := 2 * (shares/maxShares + 1); len(counts.backlog.batches) > most || len(files) > most {
		t.Errorf("%d batches, in %d files of %d bytes; want %d at most", len(counts.backlog.batches), len(files), bytes, most)
	}
	_ = journal.Close()
	journal = must(OpenJournal(dir))
	defer journal.Close()
	sink.failLate = false
	NewCounts("edge", journal, sink, quiet).handOver(t.Context())
	if !maps.Equal(sink.total, want) {
		t.Errorf("handed over %d shares, %d downloads of the first; want %d of %d", len(sink.total), sink.total["share-0"], rounds, shares)
	}
}
