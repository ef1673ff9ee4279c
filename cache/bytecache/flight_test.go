package bytecache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The herd: whoever comes and whatever they want, each slice is read once.
func TestColdHerdReadsEachSliceOnce(t *testing.T) {
	s := &store{step: 1000}
	cfg := testConfig(s)
	cfg.Dir, cfg.RAMBytes, cfg.MaxFills = t.TempDir(), 1<<20, 200
	c := mustNew(t, cfg)
	o := Object{ID: "a", Size: 300_000}
	want := s.bytes(o)
	touched := make(map[int64]bool)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 200 {
		from := rand.Int64N(o.Size)
		n := min(rand.Int64N(20_000)+1, o.Size-from)
		for i := from / cfg.SliceSize; i <= (from+n-1)/cfg.SliceSize; i++ {
			touched[i] = true
		}
		wg.Go(func() {
			<-start
			if got, _, err := fetch(c, o, from, n); err != nil || !bytes.Equal(got, want[from:from+n]) {
				t.Errorf("fetch(%d, %d): %d bytes, %v", from, n, len(got), err)
			}
		})
	}
	close(start)
	wg.Wait()
	idle(t, c)
	var bytes uint64
	for i := range touched {
		bytes += uint64(min(cfg.SliceSize, o.Size-i*cfg.SliceSize))
	}
	st := c.Stats()
	if st.StoreOpens != uint64(len(touched)) || st.StoreBytes != bytes {
		t.Errorf("%d opens, %d bytes; want %d, %d", st.StoreOpens, st.StoreBytes, len(touched), bytes)
	}
	if st.DiskSlices != len(touched) || st.Fills != st.StoreOpens || st.Passed != 0 || st.BufferBytes != 0 || st.RAMBytes != 0 {
		t.Errorf("%+v", st)
	}
}

func TestSmallHerdReadsOnce(t *testing.T) {
	s := &store{step: 100}
	c := mustNew(t, testConfig(s))
	o := Object{ID: "a", Size: 1000}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got, _, err := fetch(c, o, 10, 900); err != nil || !bytes.Equal(got, s.bytes(o)[10:910]) {
				t.Error("other bytes", err)
			}
		})
	}
	wg.Wait()
	if st := c.Stats(); st.StoreOpens != 1 || st.RAMHits+st.Joined+st.Fills < 100 {
		t.Errorf("%+v", st)
	}
}

// withBoth runs a test with slices on disk and with slices in RAM alone.
func withBoth(t *testing.T, test func(t *testing.T, cfg func(*store) Config)) {
	t.Run("disk", func(t *testing.T) {
		test(t, func(s *store) Config { c := testConfig(s); c.Dir = t.TempDir(); return c })
	})
	t.Run("no disk", func(t *testing.T) { test(t, testConfig) })
}

func TestLeaderLeavesFollowerStays(t *testing.T) {
	withBoth(t, func(t *testing.T, cfg func(*store) Config) {
		release := make(chan struct{})
		s := &store{step: 512, before: holdAt(1024, release)}
		c := mustNew(t, cfg(s))
		o := Object{ID: "a", Size: 4096}
		leader := mustOpen(t, c, o, 0, o.Size)
		follower := mustOpen(t, c, o, 0, o.Size)
		leader.Close()
		close(release)
		if got, err := drain(follower); err != nil || !bytes.Equal(got, content(o)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if opens, _, cancelled := s.seen(); opens != 1 || cancelled != 0 {
			t.Errorf("%d opens, %d cancelled", opens, cancelled)
		}
	})
}

func TestAllLeave(t *testing.T) {
	withBoth(t, func(t *testing.T, cfg func(*store) Config) {
		s := &store{step: 512, before: holdAt(1024, nil)}
		c := mustNew(t, cfg(s))
		o := Object{ID: "a", Size: 40_000}
		a, b := mustOpen(t, c, o, 0, o.Size), mustOpen(t, c, o, 600, 1000)
		a.Close()
		b.Close()
		eventually(t, "store read cancelled and closed", func() bool {
			_, live, cancelled := s.seen()
			return live == 0 && cancelled == 1
		})
		idle(t, c)
		if st := c.Stats(); st.Abandoned != 1 || st.StoreBytes > 1024+512 || st.RAMBytes != 0 || st.DiskBytes != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A client that takes 1 MB of much more costs the store that and a slice.
func TestEarlyLeaverCostsAtMostOneSliceMore(t *testing.T) {
	withBoth(t, func(t *testing.T, cfg func(*store) Config) {
		s := &store{step: 512}
		conf := cfg(s)
		conf.ReadAhead = 8
		c := mustNew(t, conf)
		o := Object{ID: "a", Size: 1 << 20}
		r := mustOpen(t, c, o, 0, o.Size)
		taken := int64(0)
		for taken < 1024 {
			chunk, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			taken += chunk.Len()
		}
		r.Close()
		idle(t, c)
		if st := c.Stats(); int64(st.StoreBytes) > taken+conf.SliceSize {
			t.Errorf("took %d, cost the store %d", taken, st.StoreBytes)
		}
	})
}

// A reader that got all of its range makes the slice worth completing.
func TestServedRangeCompletesItsSlice(t *testing.T) {
	release := make(chan struct{})
	s := &store{step: 512, before: holdAt(1024, release)}
	cfg := testConfig(s)
	cfg.Dir = t.TempDir()
	c := mustNew(t, cfg)
	o := Object{ID: "a", Size: 40_000}
	mustFetch(t, c, o, 100, 300)
	close(release)
	idle(t, c)
	if source := mustFetch(t, c, o, 2000, 300); source != Disk {
		t.Errorf("from %s; want disk", source)
	}
}

// failOnce fails the first read past an offset.
func failOnce(offset int64) func(context.Context, Object, int64) error {
	var failed atomic.Bool
	return func(_ context.Context, _ Object, at int64) error {
		if at >= offset && failed.CompareAndSwap(false, true) {
			return errStore
		}
		return nil
	}
}

func TestFailureHasOneSuccessorThatResumes(t *testing.T) {
	withBoth(t, func(t *testing.T, cfg func(*store) Config) {
		s := &store{step: 512, before: failOnce(1536)}
		c := mustNew(t, cfg(s))
		o := Object{ID: "a", Size: 4096}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got, _, err := fetch(c, o, 0, o.Size); err != nil || !bytes.Equal(got, s.bytes(o)) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.opens) < 2 || s.opens[1].from != 1536 || s.opens[1].size != 4096-1536 {
			t.Errorf("opens %v; want the second to go on at 1536", s.opens)
		}
		if st := c.Stats(); st.Resumed != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestStalledStoreFailsAllAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock is never late
		s := &store{step: 512, before: holdAt(1024, nil)}
		cfg := testConfig(s)
		cfg.FillTimeout = 20 * time.Millisecond
		c := mustNew(t, cfg)
		o := Object{ID: "a", Size: 4096}
		var readers []*Reader
		for range 5 {
			readers = append(readers, mustOpen(t, c, o, 0, o.Size))
		}
		for _, r := range readers {
			if got, err := drain(r); !errors.Is(err, ErrStalled) || !bytes.Equal(got, content(o)[:1024]) {
				t.Errorf("%d bytes, %v; want 1024 and ErrStalled", len(got), err)
			}
			r.Close()
		}
		if opens, _, _ := s.seen(); opens != attempts {
			t.Errorf("%d opens; want %d", opens, attempts)
		}
	})
}

// Somebody who never reads on holds up neither the fill nor others.
func TestSlowReaderHoldsUpNobody(t *testing.T) {
	withBoth(t, func(t *testing.T, cfg func(*store) Config) {
		s := &store{step: 512}
		c := mustNew(t, cfg(s))
		o := Object{ID: "a", Size: 40_000}
		slow := mustOpen(t, c, o, 0, o.Size)
		mustFetch(t, c, o, 0, o.Size)
		mustPurge(t, c, o) // and what it reads from outlives the slice
		if got, err := drain(slow); err != nil || !bytes.Equal(got, content(o)) {
			t.Errorf("slow reader: %d bytes, %v", len(got), err)
		}
	})
}

func TestReadAheadDoublesAndStaysInside(t *testing.T) {
	release := make(chan struct{})
	s := &store{opened: func(_ Object, from, _ int64, body io.Reader) (io.Reader, error) {
		if from >= 2*4096 { // the second slice comes whole, its successors wait
			<-release
		}
		return body, nil
	}}
	cfg := testConfig(s)
	cfg.Dir, cfg.ReadAhead, cfg.RAMBytes = t.TempDir(), 3, 1<<20
	c := mustNew(t, cfg)
	o := Object{ID: "a", Size: 100 * 4096}
	r := mustOpen(t, c, o, 0, 10*4096)
	if opens, _, _ := s.seen(); opens != 1 {
		t.Fatalf("%d store reads for the first slice; want 1", opens)
	}
	for r.pos <= 4096 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "one slice ahead of the second", func() bool { opens, _, _ := s.seen(); return opens == 3 })
	close(release)
	if _, err := drain(r); err != nil {
		t.Fatal(err)
	}
	r.Close()
	idle(t, c)
	if st := c.Stats(); st.StoreOpens != 10 || st.DiskSlices != 10 || st.Abandoned != 0 {
		t.Errorf("%+v; want the ten slices asked for", st)
	}
}

func TestCloseEndsFills(t *testing.T) {
	s := &store{step: 512, before: holdAt(1024, nil)}
	c := mustNew(t, testConfig(s))
	o := Object{ID: "a", Size: 4096}
	r := mustOpen(t, c, o, 0, o.Size)
	c.Close()
	if _, err := drain(r); !errors.Is(err, ErrClosed) {
		t.Errorf("reader: %v; want ErrClosed", err)
	}
	if _, err := open(c, o, 0, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Open: %v; want ErrClosed", err)
	}
}

func TestMaxFills(t *testing.T) {
	var now, most atomic.Int64
	s := &store{opened: func(_ Object, _, _ int64, body io.Reader) (io.Reader, error) {
		most.Store(max(most.Load(), now.Add(1)))
		return io.MultiReader(body, endFunc(func() { now.Add(-1) })), nil
	}}
	cfg := testConfig(s)
	cfg.Dir, cfg.MaxFills = t.TempDir(), 3
	c := mustNew(t, cfg)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			if _, _, err := fetch(c, Object{ID: string(rune('a' + i)), Size: 5000}, 0, 5000); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d store reads at a time; want 3 at most", most.Load())
	}
}

type endFunc func()

func (f endFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }
