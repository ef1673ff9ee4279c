package bytecache

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fillUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

var errStore = errors.New("store is down")

// store is a fake that makes up each object's bytes from its ID.
type store struct {
	step int // bytes per Read at most; 0 = as many as are asked for

	// before is called before each Read with the offset in the object; it may
	// wait, and fail the read. opened may replace the body.
	before func(ctx context.Context, o Object, offset int64) error
	opened func(o Object, from, n int64, body io.Reader) (io.Reader, error)

	mu     sync.Mutex
	opens  []key // hash, from, n of each Open
	made   map[string][]byte
	live   int // bodies not yet closed
	cancel int // bodies that saw their context end
}

func content(o Object) []byte {
	h := fnv.New64a()
	_, _ = h.Write([]byte(o.ID))
	rnd := rand.New(rand.NewPCG(h.Sum64(), 1))
	p := make([]byte, o.Size+8)
	for i := 0; i < len(p)-7; i += 8 {
		x := rnd.Uint64()
		for j := range 8 {
			p[i+j] = byte(x >> (8 * j))
		}
	}
	return p[:o.Size]
}

func (s *store) bytes(o Object) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = make(map[string][]byte)
	}
	if s.made[o.ID] == nil {
		s.made[o.ID] = content(o)
	}
	return s.made[o.ID]
}

func (s *store) open(ctx context.Context, o Object, from, n int64) (io.ReadCloser, error) {
	all := s.bytes(o)
	s.mu.Lock()
	s.opens = append(s.opens, key{hashID(o.ID), from, n})
	s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var body io.Reader = bytes.NewReader(all[from : from+n])
	if s.opened != nil {
		var err error
		if body, err = s.opened(o, from, n, body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.live++
	s.mu.Unlock()
	return &storeBody{store: s, ctx: ctx, object: o, at: from, body: body}, nil
}

func (s *store) seen() (opens int, live int, cancelled int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.opens), s.live, s.cancel
}

type storeBody struct {
	store  *store
	ctx    context.Context
	object Object
	at     int64
	body   io.Reader
}

func (b *storeBody) Read(p []byte) (int, error) {
	if b.store.before != nil {
		if err := b.store.before(b.ctx, b.object, b.at); err != nil {
			return 0, b.saw(err)
		}
	}
	if err := b.ctx.Err(); err != nil {
		return 0, b.saw(err)
	}
	if b.store.step > 0 && len(p) > b.store.step {
		p = p[:b.store.step]
	}
	n, err := b.body.Read(p)
	b.at += int64(n)
	return n, err
}

func (b *storeBody) saw(err error) error {
	if b.ctx.Err() != nil {
		b.store.mu.Lock()
		b.store.cancel++
		b.store.mu.Unlock()
	}
	return err
}

func (b *storeBody) Close() error {
	b.store.mu.Lock()
	b.store.live--
	b.store.mu.Unlock()
	return nil
}

// holdAt returns a before that waits at an offset until release is closed.
func holdAt(offset int64, release <-chan struct{}) func(context.Context, Object, int64) error {
	return func(ctx context.Context, _ Object, at int64) error {
		if at < offset {
			return nil
		}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// small settings, so that a few kilobytes are many slices.
func testConfig(s *store) Config {
	return Config{
		Open: s.open, SmallMax: 1000, RAMBytes: 64 << 10,
		DiskBytes: 1 << 20, SliceSize: 4096, FillTimeout: time.Minute,
	}
}

func mustNew(tb testing.TB, cfg Config) *Cache {
	tb.Helper()
	c, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// open is Cache.Open with a reader of its own.
func open(c *Cache, o Object, from, n int64) (*Reader, error) {
	r := &Reader{}
	return r, c.Open(context.Background(), r, o, from, n)
}

func mustOpen(tb testing.TB, c *Cache, o Object, from, n int64) *Reader {
	tb.Helper()
	r, err := open(c, o, from, n)
	if err != nil {
		tb.Fatalf("Open(%s, %d, %d): %v", o.ID, from, n, err)
	}
	tb.Cleanup(r.Close)
	return r
}

// drain reads what is left; a file as sendfile does, from its own offset.
func drain(r *Reader) ([]byte, error) {
	var all []byte
	for {
		c, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, err
		}
		p := c.Bytes
		if c.File != nil {
			p = make([]byte, c.Length)
			if _, err := io.ReadFull(c.File, p); err != nil {
				return all, err
			}
		}
		all = append(all, p...)
	}
}

// fetch reads a span and closes.
func fetch(c *Cache, o Object, from, n int64) ([]byte, Source, error) {
	r, err := open(c, o, from, n)
	if err != nil {
		return nil, Nowhere, err
	}
	defer r.Close()
	p, err := drain(r)
	return p, r.Source(), err
}

func mustFetch(tb testing.TB, c *Cache, o Object, from, n int64) Source {
	tb.Helper()
	got, source, err := fetch(c, o, from, n)
	if err != nil {
		tb.Fatalf("fetch(%s, %d, %d): %v", o.ID, from, n, err)
	}
	if want := content(o)[from : from+n]; !bytes.Equal(got, want) {
		tb.Fatalf("fetch(%s, %d, %d): other bytes than the object's; got %d", o.ID, from, n, len(got))
	}
	return source
}

// eventually waits for what goroutines will bring about.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			tb.Fatalf("still not: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// idle waits until no fill is in progress and all have given back what they held.
func idle(tb testing.TB, c *Cache) {
	tb.Helper()
	eventually(tb, "idle", func() bool { return c.Stats().Flying == 0 })
	c.running.Wait()
}
