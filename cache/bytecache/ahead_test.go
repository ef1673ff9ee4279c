package bytecache

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"
)

// A reader that leaves takes with it what was fetched ahead of it.
func TestAheadEndsWithItsReader(t *testing.T) {
	s := &store{step: 512}
	s.before = func(ctx context.Context, o Object, at int64) error {
		if at > 2*4096 { // the read ahead has begun
			return holdAt(0, nil)(ctx, o, at)
		}
		return nil
	}
	cfg := testConfig(s)
	cfg.Dir, cfg.RAMBytes = t.TempDir(), 1<<20
	c := mustNew(t, cfg)
	r := mustOpen(t, c, Object{ID: "a", Size: 10 * 4096}, 0, 10*4096)
	readPast(t, r, 4096)
	eventually(t, "a slice ahead", func() bool { _, live, _ := s.seen(); return live == 1 })
	r.Close()
	eventually(t, "it has ended", func() bool { return c.Stats().Flying == 0 })
}

// Nothing is fetched ahead while half of the places are taken: what is waited for
// goes first.
func TestAheadGivesWay(t *testing.T) {
	s := &store{step: 512}
	s.before = func(ctx context.Context, o Object, at int64) error {
		if o.ID == "other" && at > 0 {
			return holdAt(0, nil)(ctx, o, at)
		}
		return nil
	}
	cfg := testConfig(s)
	cfg.Dir, cfg.RAMBytes, cfg.MaxFills = t.TempDir(), 1<<20, 2
	c := mustNew(t, cfg)
	mustOpen(t, c, Object{ID: "other", Size: 4096}, 0, 10)
	r := mustOpen(t, c, Object{ID: "a", Size: 10 * 4096}, 0, 10*4096)
	readPast(t, r, 4096)
	if fills := c.Stats().Fills; fills != 3 {
		t.Errorf("%d fills; want the other's and the two slices read", fills)
	}
}

func readPast(t *testing.T, r *Reader, pos int64) {
	t.Helper()
	for r.pos <= pos {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
}

// A slice that was verified is verified again as soon as its file looks changed.
func TestChangeAfterVerifyingIsSeen(t *testing.T) {
	cfg := testConfig(&store{})
	cfg.Dir = t.TempDir()
	c := mustNew(t, cfg)
	o := Object{ID: "a", Size: 4096}
	mustFetch(t, c, o, 0, o.Size)
	idle(t, c)
	k := c.sliceAt(o, hashID(o.ID), 0)
	eventually(t, "verified", func() bool {
		mustFetch(t, c, o, 0, o.Size)
		slot := c.disk.lookup(k)
		slot.mu.Lock()
		defer slot.mu.Unlock()
		return slot.checked != time.Time{}
	})
	path := k.path(cfg.Dir)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file[100] ^= 1
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	got, source, err := fetch(c, o, 0, o.Size)
	if err != nil || !bytes.Equal(got, content(o)) || source != Store {
		t.Errorf("%d bytes from %s, %v; want the object's, fetched again", len(got), source, err)
	}
}
