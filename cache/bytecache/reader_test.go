package bytecache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

func TestSpans(t *testing.T) {
	tests := []struct {
		name          string
		size, from, n int64
	}{
		{"nothing of nothing", 0, 0, 0},
		{"nothing at the end", 10_000, 10_000, 0},
		{"one byte", 1, 0, 1},
		{"all of a small one", 1000, 0, 1000},
		{"middle of a small one", 1000, 300, 400},
		{"just too large for RAM", 1001, 0, 1001},
		{"a slice", 10_000, 4096, 4096},
		{"last byte of a slice", 10_000, 4095, 1},
		{"across a border", 10_000, 4095, 2},
		{"short last slice", 10_000, 9000, 1000},
		{"all of a large one", 100_000, 0, 100_000},
		{"files, not bytes", 1_000_000, 1, 999_998},
	}
	for _, tiers := range []string{"disk", "no disk"} {
		for _, tt := range tests {
			t.Run(tiers+"/"+tt.name, func(t *testing.T) {
				s := &store{step: 700}
				cfg := testConfig(s)
				if tt.size == 1_000_000 {
					cfg.SliceSize, cfg.RAMBytes = 300_000, 1<<20
				}
				if tiers == "disk" {
					cfg.Dir = t.TempDir()
				}
				c := mustNew(t, cfg)
				o := Object{ID: tt.name, Size: tt.size}
				cold := mustFetch(t, c, o, tt.from, tt.n)
				idle(t, c)
				opens, _, _ := s.seen()
				warm := mustFetch(t, c, o, tt.from, tt.n)
				idle(t, c) // a fill closes its body after its last byte was delivered
				again, live, _ := s.seen()
				if live != 0 {
					t.Errorf("%d store reads left open", live)
				}
				kept := tt.size <= 1000 || tiers == "disk"
				if kept && (again != opens || warm == Store) {
					t.Errorf("second time: %d more store reads, source %q", again-opens, warm)
				}
				if tt.n > 0 && cold != Store {
					t.Errorf("first time from %q; want store", cold)
				}
			})
		}
	}
}

func TestOpenOutside(t *testing.T) {
	c := mustNew(t, testConfig(&store{}))
	o := Object{ID: "a", Size: 10}
	for _, span := range [][2]int64{{-1, 1}, {0, -1}, {0, 11}, {11, 0}, {5, 6}, {1, 1<<63 - 1}} {
		if _, err := open(c, o, span[0], span[1]); !errors.Is(err, ErrSpan) {
			t.Errorf("Open(%d, %d) = %v; want ErrSpan", span[0], span[1], err)
		}
	}
}

func TestStoreErrorPassesThrough(t *testing.T) {
	for _, size := range []int64{10, 10_000} {
		s := &store{opened: func(Object, int64, int64, io.Reader) (io.Reader, error) { return nil, errStore }}
		cfg := testConfig(s)
		c := mustNew(t, cfg)
		if _, err := open(c, Object{ID: "a", Size: size}, 0, size); !errors.Is(err, errStore) {
			t.Errorf("size %d: %v; want the store's error", size, err)
		}
		if opens, _, _ := s.seen(); opens != attempts {
			t.Errorf("size %d: %d attempts; want %d", size, opens, attempts)
		}
		cfg.Final = func(err error) bool { return errors.Is(err, errStore) }
		c = mustNew(t, cfg)
		if _, err := open(c, Object{ID: "a", Size: size}, 0, size); !errors.Is(err, errStore) {
			t.Errorf("size %d: %v; want the store's error", size, err)
		}
		if opens, _, _ := s.seen(); opens != attempts+1 {
			t.Errorf("size %d: a final error was tried again", size)
		}
	}
}

func TestPanicInStoreIsAnError(t *testing.T) {
	c := mustNew(t, testConfig(&store{before: func(context.Context, Object, int64) error { panic("boom") }}))
	if _, err := open(c, Object{ID: "a", Size: 10}, 0, 10); err == nil {
		t.Error("want an error")
	}
}

// A store that delivers fewer or more bytes than asked for is never believed.
func TestLyingStore(t *testing.T) {
	tests := []struct {
		name string
		lie  func(body io.Reader) io.Reader
	}{
		{"short", func(body io.Reader) io.Reader { return io.LimitReader(body, 900) }},
		{"empty", func(io.Reader) io.Reader { return bytes.NewReader(nil) }},
		{"long", func(body io.Reader) io.Reader { return io.MultiReader(body, bytes.NewReader([]byte("x"))) }},
		{"fails at the end", func(body io.Reader) io.Reader { return io.MultiReader(body, failing{}) }},
	}
	for _, tt := range tests {
		for _, size := range []int64{1000, 4096, 4000} {
			t.Run(tt.name, func(t *testing.T) {
				s := &store{step: 512, opened: func(_ Object, _, _ int64, body io.Reader) (io.Reader, error) { return tt.lie(body), nil }}
				if tt.name == "short" { // also its successor
					s.opened = func(_ Object, from, n int64, body io.Reader) (io.Reader, error) {
						return io.LimitReader(body, max(0, n/2-from)), nil
					}
				}
				cfg := testConfig(s)
				cfg.Dir = t.TempDir()
				c := mustNew(t, cfg)
				o := Object{ID: "a", Size: size}
				got, _, err := fetch(c, o, 0, size)
				if err == nil || int64(len(got)) >= size || !bytes.HasPrefix(content(o), got) {
					t.Errorf("%d bytes, %v; want an error and a true beginning", len(got), err)
				}
				idle(t, c)
				if st := c.Stats(); st.DiskSlices > 0 || st.RAMBytes > 0 || st.DiskBytes > 0 {
					t.Errorf("kept: %+v", st)
				}
			})
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errStore }

func TestCloseFromAnyState(t *testing.T) {
	release := make(chan struct{})
	s := &store{step: 512, before: holdAt(2048, release)}
	cfg := testConfig(s)
	cfg.Dir = t.TempDir()
	c := mustNew(t, cfg)
	o := Object{ID: "a", Size: 20_000}
	for reads := range 4 {
		r := mustOpen(t, c, o, 0, o.Size)
		for r.pos < int64(512*reads) { // a Next brings as much as is there
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
		r.Close()
		if _, err := r.Next(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Next after Close: %v", err)
		}
	}
	close(release)
	r := mustOpen(t, c, o, 0, o.Size)
	if _, err := drain(r); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("Next after the end: %v", err)
	}
	r.Close()
	idle(t, c)
	if b := c.Stats(); b.BufferBytes != 0 || b.RAMBytes != 0 {
		t.Errorf("held when all is closed: %+v", b)
	}
}

func TestReaderHonoursItsContext(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	c := mustNew(t, testConfig(&store{step: 512, before: holdAt(512, release)}))
	ctx, cancel := context.WithCancel(context.Background())
	var r Reader
	if err := c.Open(ctx, &r, Object{ID: "a", Size: 4096}, 0, 4096); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := drain(&r); !errors.Is(err, context.Canceled) {
		t.Errorf("drain: %v; want Canceled", err)
	}
}
