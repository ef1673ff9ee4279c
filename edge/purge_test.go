package edge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// purgeLog is the origin's log: what was purged, numbered from 1.
type purgeLog struct {
	mu     sync.Mutex
	names  []string
	swept  int64
	failed error
	asked  int
}

func (l *purgeLog) Purged(_ context.Context, after int64) (share.Purges, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.failed != nil {
		return share.Purges{}, l.failed
	}
	end := int64(len(l.names))
	if after < l.swept || after > end {
		return share.Purges{Lost: true, Last: end}, nil
	}
	next := min(end, after+2) // pages of two
	return share.Purges{Objects: slices.Clone(l.names[after:next]), Last: next, More: next < end}, nil
}

func (l *purgeLog) change(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *purgeLog) asks() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// following starts an edge on a cache directory that follows the log until the
// returned function stops both.
func following(t *testing.T, log *purgeLog, dir string) (*world, func()) {
	w := newWorld(t, func(c *Config, p *Parts, _ *world) {
		p.Purges, c.CacheDir, c.SmallMax, c.SliceSize, c.ReadAhead = log, dir, 4096, 8192, -1
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.edge.FollowPurges(ctx) })
	stop := func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return w, stop
}

func (w *world) object(path string) string {
	rec := w.record(path)
	return share.ObjectName(rec.FileID, rec.Object.Version)
}

func (w *world) held() string {
	b := w.edge.Bytes()
	return fmt.Sprintf("%d bytes in RAM, %d slices", b.RAMBytes, b.DiskSlices)
}

// TestPurgedBytesLeave purges one of two files that stand in RAM and on disk.
func TestPurgedBytesLeave(t *testing.T) {
	log, dir := &purgeLog{}, t.TempDir()
	w, stop := following(t, log, dir)
	eventually(t, "the first look", func() bool { return w.marked(dir) == "0" })
	big, small, other := w.link(make([]byte, 20_000), nil), w.link(make([]byte, 3000), nil), w.link(make([]byte, 20_000), nil)
	for _, path := range []string{big, small, other} {
		w.get(path)
	}
	eventually(t, "all to be held", func() bool { return w.held() == "3000 bytes in RAM, 6 slices" })
	log.change(func() {
		log.names = append(log.names, "unknown", w.object(big), w.object(small))
	})
	w.edge.Invalidate(w.hash(big))
	eventually(t, "the purged bytes to leave", func() bool { return w.held() == "0 bytes in RAM, 3 slices" && w.marked(dir) == "3" })
	opens, _ := w.storeUse()
	if a := w.get(small); a.status != 503 && a.status != 404 { // its record is still here, as for a request that raced
		t.Errorf("purged, and answered with %d", a.status)
	}
	if again, _ := w.storeUse(); again != opens {
		t.Error("purged bytes were fetched again")
	}
	if got := w.metric("rawlink_edge_purges_total"); got != 3 {
		t.Errorf("rawlink_edge_purges_total = %v; want 3", got)
	}

	// Down during a purge, and started again.
	stop()
	w.close()
	log.change(func() { log.names = append(log.names, w.object(other)) })
	again, stop := following(t, log, dir)
	eventually(t, "the bytes to leave after the start", func() bool { return again.held() == "0 bytes in RAM, 0 slices" && again.marked(dir) == "4" })
	stop()
}

// TestPurgeLogLost: an edge that was away for too long, or whose mark is no
// longer there, drops all it holds.
func TestPurgeLogLost(t *testing.T) {
	tests := map[string]func(log *purgeLog, mark string) error{
		"swept":       func(log *purgeLog, _ string) error { log.names, log.swept = make([]string, 9), 5; return nil },
		"no mark":     func(_ *purgeLog, mark string) error { return os.Remove(mark) },
		"broken mark": func(_ *purgeLog, mark string) error { return os.WriteFile(mark, []byte("seven"), 0o600) },
		"restored":    func(_ *purgeLog, mark string) error { return os.WriteFile(mark, []byte("7"), 0o600) },
	}
	for name, lose := range tests {
		t.Run(name, func(t *testing.T) {
			log, dir := &purgeLog{}, t.TempDir()
			w, stop := following(t, log, dir)
			eventually(t, "the first look", func() bool { return w.marked(dir) == "0" })
			w.get(w.link(make([]byte, 20_000), nil))
			eventually(t, "slices", func() bool { return w.held() == "0 bytes in RAM, 3 slices" })
			stop()
			w.close()
			must(t, lose(log, filepath.Join(dir, markName)))
			again, stop := following(t, log, dir)
			eventually(t, "all to be dropped", func() bool {
				return again.held() == "0 bytes in RAM, 0 slices" && again.marked(dir) == strconv.Itoa(len(log.names))
			})
			stop()
		})
	}
}

// TestMarkStaysWithTheDirectory: an edge that has left its directory removes nothing from
// it any more. That is its successor's to do, which begins where the mark is.
func TestMarkStaysWithTheDirectory(t *testing.T) {
	log, dir := &purgeLog{}, t.TempDir()
	w := newWorld(t, func(c *Config, p *Parts, _ *world) {
		p.Purges, c.CacheDir, c.SmallMax, c.SliceSize, c.ReadAhead = log, dir, 4096, 8192, -1
	})
	mark := int64(-1)
	must(t, w.edge.catchUp(t.Context(), &mark))
	big := w.link(make([]byte, 20_000), nil)
	w.get(big)
	eventually(t, "slices", func() bool { return w.held() == "0 bytes in RAM, 3 slices" })
	w.edge.LeaveDisk()
	log.change(func() { log.names = append(log.names, w.object(big)) })
	must(t, w.edge.catchUp(t.Context(), &mark))
	if got := w.marked(dir); got != "0" {
		t.Errorf("the mark is %q, and the purged slices are still there; want it at 0", got)
	}
	w.close()
	again, stop := following(t, log, dir)
	eventually(t, "the successor to remove them", func() bool { return again.held() == "0 bytes in RAM, 0 slices" && again.marked(dir) == "1" })
	stop()
}

// TestPurgesAreRetried: what can't be asked or removed now is later.
func TestPurgesAreRetried(t *testing.T) {
	log := &purgeLog{failed: errors.New("down")}
	w, stop := following(t, log, "")
	eventually(t, "a look", func() bool { return log.asks() > 0 })
	select {
	case <-w.edge.purged.suspected:
	case <-time.After(5 * time.Second):
		t.Error("a look that failed is not repeated")
	}
	stop()
}

func TestPurgedIsBounded(t *testing.T) {
	p := newPurged()
	for i := range 3 * purgedKept {
		p.add(strconv.Itoa(i / 2)) // each twice
	}
	for i, want := range map[int]bool{0: false, purgedKept/2 - 1: false, purgedKept / 2: true, 3*purgedKept/2 - 1: true} {
		if p.has(strconv.Itoa(i)) != want {
			t.Errorf("has(%d) = %t", i, !want)
		}
	}
	if len(p.names) != purgedKept {
		t.Errorf("%d names held; want %d", len(p.names), purgedKept)
	}
}

// marked is the mark in the directory.
func (w *world) marked(dir string) string {
	text, _ := os.ReadFile(filepath.Join(dir, markName))
	return string(text)
}
