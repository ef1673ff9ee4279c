package bytecache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// What the disk refuses to remove has to be found by the next purge.
func TestPurgeOnARefusingDisk(t *testing.T) {
	cfg := testConfig(&store{})
	cfg.Dir = t.TempDir()
	c := mustNew(t, cfg)
	mustFetch(t, c, large, 0, large.Size)
	idle(t, c)
	path := hashKey(c, large, 4096).path(cfg.Dir)
	stuck := filepath.Join(path, "stuck") // a directory that isn't empty can't be removed
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700), os.WriteFile(stuck, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Purge(large.ID); err == nil {
			t.Error("the disk refused, and the purge succeeded")
		}
	}
	if err := os.Remove(stuck); err != nil {
		t.Fatal(err)
	}
	mustPurge(t, c, large)
	if st := c.Stats(); st.DiskSlices != 0 || st.DiskBytes != 0 || len(sliceFiles(t, cfg.Dir)) > 0 {
		t.Errorf("left: %+v, %v", st, sliceFiles(t, cfg.Dir))
	}

	blocker := filepath.Join(t.TempDir(), "blocker")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = filepath.Join(blocker, "cache")
	late := mustNew(t, cfg)
	if err := errors.Join(late.Purge(large.ID), late.PurgeAll()); err == nil {
		t.Error("a directory that can't be looked into was purged")
	}
}

func TestPurgeAll(t *testing.T) {
	cfg := testConfig(&store{})
	cfg.Dir = t.TempDir()
	c := mustNew(t, cfg)
	small := Object{ID: "small", Size: 500}
	mustFetch(t, c, large, 0, large.Size)
	mustFetch(t, c, small, 0, small.Size)
	idle(t, c)
	if err := c.PurgeAll(); err != nil {
		t.Fatal(err)
	}
	if st := c.Stats(); st.DiskSlices != 0 || st.DiskBytes != 0 || st.RAMBytes != 0 || len(sliceFiles(t, cfg.Dir)) > 0 {
		t.Errorf("left: %+v, %v", st, sliceFiles(t, cfg.Dir))
	}
	for _, o := range []Object{large, small} {
		if source := mustFetch(t, c, o, 0, o.Size); source != Store {
			t.Errorf("%s: from %s", o.ID, source)
		}
	}
}

func TestPurgeWhileFilling(t *testing.T) {
	for _, size := range []int64{1000, 4096} {
		release := make(chan struct{})
		s := &store{step: 256, before: holdAt(512, release)}
		cfg := testConfig(s)
		cfg.Dir = t.TempDir()
		c := mustNew(t, cfg)
		o := Object{ID: "a", Size: size}
		r := mustOpen(t, c, o, 0, size)
		mustPurge(t, c, o)
		close(release)
		if got, err := drain(r); err != nil || !bytes.Equal(got, content(o)) {
			t.Errorf("the reader of then: %d bytes, %v", len(got), err)
		}
		r.Close()
		eventually(t, "nothing held", func() bool {
			st := c.Stats()
			return st.RAMBytes == 0 && st.DiskBytes == 0 && st.DiskSlices == 0
		})
		if source := mustFetch(t, c, o, 0, size); source != Store {
			t.Errorf("after Purge from %s", source)
		}
	}
}

// deaf is a body that doesn't notice when nobody wants it any more.
type deaf struct {
	io.Reader
	reading chan<- struct{}
	release <-chan struct{}
}

func (d deaf) Read(p []byte) (int, error) {
	select {
	case d.reading <- struct{}{}:
	default:
	}
	<-d.release
	return d.Reader.Read(p)
}

// A fill that was abandoned may still get its last bytes, and no purge finds it.
func TestPurgeOfAnAbandonedFill(t *testing.T) {
	for _, size := range []int64{1000, 4096} {
		reading, release := make(chan struct{}, 1), make(chan struct{})
		cfg := testConfig(&store{})
		cfg.Open = func(_ context.Context, o Object, from, n int64) (io.ReadCloser, error) {
			return io.NopCloser(deaf{bytes.NewReader(content(o)[from : from+n]), reading, release}), nil
		}
		cfg.Dir = t.TempDir()
		c := mustNew(t, cfg)
		o := Object{ID: "a", Size: size}
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { var r Reader; left <- c.Open(ctx, &r, o, 0, size) }()
		<-reading
		leave()
		if err := <-left; err == nil {
			t.Fatal("opened, though no byte was there")
		}
		mustPurge(t, c, o)
		close(release)
		idle(t, c)
		if st := c.Stats(); st.RAMBytes != 0 || st.DiskBytes != 0 || st.DiskSlices != 0 {
			t.Errorf("%d bytes: purged, and held all the same: %+v", size, st)
		}
	}
}

func mustPurge(tb testing.TB, c *Cache, o Object) {
	tb.Helper()
	if err := c.Purge(o.ID); err != nil {
		tb.Fatal(err)
	}
}
