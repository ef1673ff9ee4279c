package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"rawlink/internal/share"
)

// onceSink applies batches as the origin does: each edge's and epoch's once, and
// none that is older than the newest.
type onceSink struct {
	newest   map[string]int64
	total    map[string]int64
	fail     bool // before applying
	failLate bool // the answer is lost
}

func (s *onceSink) AddDownloads(_ context.Context, b share.Batch) error {
	if s.fail {
		return errors.New("refused")
	}
	if name := b.Edge + " " + b.Epoch; b.Seq > s.newest[name] {
		s.newest[name] = b.Seq
		for id, n := range b.Count {
			s.total[id] += n
		}
	}
	if s.failLate {
		return errors.New("the answer was lost")
	}
	return nil
}

// TestJournalSurvivesKills kills a process at any point between its steps, also
// within the write of a line, and starts it again: what was in the journal is
// handed over once.
func TestJournalSurvivesKills(t *testing.T) {
	top, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	rapid.Check(t, func(rt *rapid.T) {
		dir := must(os.MkdirTemp(top, ""))
		sink := &onceSink{newest: map[string]int64{}, total: map[string]int64{}}
		journal := must(OpenJournal(dir))
		counts := NewCounts("edge", journal, sink, quiet)
		kept, loose := map[string]int64{}, map[string]int64{} // in the journal, and not yet
		move := func() {
			for id, n := range loose {
				kept[id] += n
			}
			clear(loose)
		}
		restart := func() {
			_ = journal.Close()
			journal = must(OpenJournal(dir))
			counts = NewCounts("edge", journal, sink, quiet)
			clear(loose)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				id := fmt.Sprint("share-", rapid.IntRange(0, 3).Draw(rt, "share"))
				for range rapid.IntRange(1, 3).Draw(rt, "n") {
					counts.Add(id)
					loose[id]++
				}
			},
			"collect": func(*rapid.T) { counts.collect(); move() },
			"hand over": func(rt *rapid.T) {
				sink.fail, sink.failLate = rapid.Bool().Draw(rt, "fails"), rapid.Bool().Draw(rt, "answer lost")
				counts.handOver(t.Context())
				move()
			},
			"kill": func(*rapid.T) { restart() },
			"kill while writing": func(rt *rapid.T) {
				counts.collect()
				move()
				open := counts.backlog.open
				if open == nil {
					return
				}
				before := maps.Clone(open.Count)
				counts.Add("torn")
				counts.collect()
				tear(rt, counts.journal.path(open))
				for id, n := range before { // nothing but the torn line is missing
					if must(readBatch(counts.journal.path(open))).Count[id] != n {
						rt.Fatalf("a torn line took what was written before it")
					}
				}
				restart()
			},
		})
		restart()
		sink.fail, sink.failLate = false, false
		counts.handOver(t.Context())
		if !maps.Equal(sink.total, kept) {
			rt.Fatalf("handed over %v; want %v", sink.total, kept)
		}
		if left := must(filepath.Glob(filepath.Join(dir, "*"+journalSuffix))); len(left) > 0 {
			rt.Fatalf("left: %v", left)
		}
		_ = journal.Close()
	})
}

// tear cuts the file within its last line.
func tear(rt *rapid.T, path string) {
	text := string(must(os.ReadFile(path)))
	last := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
	cut := rapid.IntRange(last, len(text)-2).Draw(rt, "cut")
	if err := os.Truncate(path, int64(cut)); err != nil {
		rt.Fatal(err)
	}
}

// TestJournalIsHandedOver has two processes in one directory, as while one takes
// over from the other. The second leaves alone what the first, which lives, has not
// handed over yet: a batch that it sent half-way would have the origin refuse the
// whole. When the first dies, the second hands over what it left.
func TestJournalIsHandedOver(t *testing.T) {
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	sink := &onceSink{newest: map[string]int64{}, total: map[string]int64{}}
	old := must(OpenJournal(dir))
	dying := NewCounts("edge", old, sink, quiet)
	dying.Add("a")
	dying.collect()

	journal := must(OpenJournal(dir))
	defer journal.Close()
	next := NewCounts("edge", journal, sink, quiet)
	next.Add("b")
	next.handOver(t.Context())
	dying.Add("a")
	dying.collect()
	next.adopt()
	next.handOver(t.Context())
	if want := map[string]int64{"b": 1}; !maps.Equal(sink.total, want) {
		t.Errorf("handed over %v while the first process lived; want %v", sink.total, want)
	}
	_ = old.Close() // as its death would
	next.adopt()
	next.handOver(t.Context())
	next.adopt()
	next.handOver(t.Context())
	if want := map[string]int64{"a": 2, "b": 1}; !maps.Equal(sink.total, want) {
		t.Errorf("handed over %v; want %v", sink.total, want)
	}
	if left := must(filepath.Glob(filepath.Join(dir, "*"+journalSuffix))); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if locks := must(filepath.Glob(filepath.Join(dir, "*"+lockSuffix))); len(locks) != 1 {
		t.Errorf("locks: %v; want one", locks)
	}
}

// TestJournalOfAnEarlierVersion: one that takes the directory for itself alone
// keeps others out, and is kept out.
func TestJournalOfAnEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	lock := must(os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600))
	alone := func() error { return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
	if err := alone(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir); !errors.Is(err, ErrJournalInUse) {
		t.Errorf("beside an earlier version: %v; want ErrJournalInUse", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	journal := must(OpenJournal(dir))
	if err := alone(); err == nil {
		t.Error("an earlier version takes the directory from this one")
	}
	_ = journal.Close()
	_ = lock.Close()
}

// TestJournalIsBounded counts one share for as long as a sink that is down takes
// to fill a file many times over.
func TestJournalIsBounded(t *testing.T) {
	dir := t.TempDir()
	journal := must(OpenJournal(dir))
	defer journal.Close()
	sink := &onceSink{newest: map[string]int64{}, total: map[string]int64{}, fail: true}
	counts := NewCounts("edge", journal, sink, slog.New(slog.DiscardHandler))
	share, n := strings.Repeat("s", 36), 0
	for range 3 * maxLine / 60 {
		counts.Add(share)
		counts.collect()
		n++
	}
	for _, path := range must(filepath.Glob(filepath.Join(dir, "*"+journalSuffix))) {
		if size := must(os.Stat(path)).Size(); size > 2*maxLine {
			t.Errorf("%d bytes; want %d at most", size, 2*maxLine)
		}
	}
	_ = journal.Close()
	journal = must(OpenJournal(dir))
	defer journal.Close()
	sink.fail = false
	NewCounts("edge", journal, sink, slog.New(slog.DiscardHandler)).handOver(t.Context())
	if sink.total[share] != int64(n) {
		t.Errorf("%d downloads; want %d", sink.total[share], n)
	}
}

// TestJournalRefused: a disk that takes nothing costs a log line, and what is
// counted is handed over all the same. When it takes writes again, nothing of the
// open batch is missing from it.
func TestJournalRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	journal := must(OpenJournal(dir))
	defer journal.Close()
	log := &strings.Builder{}
	sink := &onceSink{newest: map[string]int64{}, total: map[string]int64{}, fail: true}
	counts := NewCounts("edge", journal, sink, slog.New(slog.NewTextHandler(log, nil)))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		counts.Add("a")
		counts.collect()
	}
	if n := strings.Count(log.String(), "not in the journal"); n != 1 {
		t.Errorf("said %d times; want once:\n%s", n, log)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	counts.Add("a")
	counts.collect()
	if b := must(readBatch(journal.path(counts.backlog.open))); b.Count["a"] != 4 {
		t.Errorf("the journal has %v; want 4 of a", b.Count)
	}
	sink.fail = false
	counts.handOver(t.Context())
	if sink.total["a"] != 4 {
		t.Errorf("handed over %v; want 4 of a", sink.total)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
