package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rawlink/internal/share"
)

// deadJournal has a process count and die: share-0 and so on, in a batch each, which
// were never sent. It returns the paths of the batches.
func deadJournal(t *testing.T, dir string, batches int) (paths []string) {
	t.Helper()
	journal := must(OpenJournal(dir))
	defer journal.Close()
	for i := range batches {
		b := share.Batch{Edge: "edge", Epoch: journal.epoch, Seq: int64(i + 1), Count: map[string]int64{}}
		for range 2 {
			id := fmt.Sprint("share-", i)
			b.Count[id]++
			if err := journal.add(&b, map[string]int64{id: 1}); err != nil {
				t.Fatal(err)
			}
		}
		paths = append(paths, journal.path(&b))
	}
	return paths
}

// handsOver opens the directory, hands over what is in it, and returns what that was and
// what was logged. while is between two rounds, after the first.
func handsOver(t *testing.T, dir string, while func()) (total map[string]int64, log string) {
	t.Helper()
	var text strings.Builder
	sink := &onceSink{newest: map[string]int64{}, total: map[string]int64{}}
	journal := must(OpenJournal(dir))
	defer journal.Close()
	counts := NewCounts("edge", journal, sink, slog.New(slog.NewTextHandler(&text, nil)))
	for round := range 4 {
		counts.adopt()
		counts.handOver(context.WithoutCancel(t.Context()))
		if round == 0 {
			while()
		}
	}
	return sink.total, text.String()
}

// TestJournalKeepsItsOrder can't read one of three batches at first. The one behind it
// waits: once that is handed over, the origin would refuse the one before.
func TestJournalKeepsItsOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := deadJournal(t, dir, 3)[1]
	away := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	away(path, filepath.Join(dir, "away"))
	if err := os.Mkdir(path, 0o700); err != nil { // reading it fails
		t.Fatal(err)
	}
	total, log := handsOver(t, dir, func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		away(filepath.Join(dir, "away"), path)
	})
	if want := map[string]int64{"share-0": 2, "share-1": 2, "share-2": 2}; !maps.Equal(total, want) {
		t.Errorf("handed over %v; want %v", total, want)
	}
	if n := strings.Count(log, "can't be read"); n != 1 {
		t.Errorf("said %d times; want once:\n%s", n, log)
	}
	if left := must(os.ReadDir(dir)); len(left) != 1 { // the directory's own lock
		t.Errorf("left: %v", left)
	}
}

// TestDamagedJournalIsReported damages lines of a batch. What is sound of it is handed
// over, and what is not is reported.
func TestDamagedJournalIsReported(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines []int // damaged
		want  int64
	}{
		"its name":         {[]int{0}, 2},
		"what was counted": {[]int{1}, 1},
		"all":              {[]int{0, 1, 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := deadJournal(t, dir, 1)[0]
			lines := strings.SplitAfter(string(must(os.ReadFile(path))), "\n")
			for _, i := range test.lines {
				lines[i] = "x" + lines[i][1:]
			}
			if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			total, log := handsOver(t, dir, func() {})
			if total["share-0"] != test.want {
				t.Errorf("handed over %v; want %d", total, test.want)
			}
			if want := fmt.Sprintf("%d lines are damaged", len(test.lines)); strings.Count(log, want) != 1 {
				t.Errorf("logged %q; want once: %s", log, want)
			}
			if left := must(os.ReadDir(dir)); len(left) != 1 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// TestHalfWrittenFilesAreRemoved has processes die between the writing of a file and its
// renaming, with their locks left behind and without.
func TestHalfWrittenFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"LOCKED-1" + freshSuffix, "LOCKED" + lockSuffix, "ALONE-7" + freshSuffix} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half a li"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	handsOver(t, dir, func() {})
	if left := must(os.ReadDir(dir)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
