package bytecache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is read, purged, evicted, restarted and damaged: what is delivered
// is the object's bytes, and all of them unless the store failed.
func TestBytesAreExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "bytecache")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{now: time.Unix(1000, 0)}
		m.store = &store{before: m.mayFail, step: rapid.IntRange(50, 500).Draw(rt, "step")}
		m.cfg = Config{
			Open: m.store.open, SmallMax: 300, RAMBytes: rapid.Int64Range(300, 3000).Draw(rt, "ram"),
			Dir: dir, DiskBytes: 8000, SliceSize: 1000, ReadAhead: rapid.IntRange(-1, 3).Draw(rt, "ahead"),
			MaxFills: rapid.IntRange(1, 4).Draw(rt, "fills"), Now: func() time.Time { return m.now },
		}
		m.start(rt)
		defer func() { m.cache.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"read":    m.read,
			"again":   m.read,
			"abandon": m.abandon,
			"purge":   m.purge,
			"restart": func(rt *rapid.T) { m.cache.Close(); m.start(rt) },
			"damage":  m.damage,
			"wait":    func(*rapid.T) { m.now = m.now.Add(time.Hour) },
			"":        m.bounds,
		})
	})
}

type model struct {
	cfg    Config
	cache  *Cache
	store  *store
	now    time.Time
	failAt int64 // offset from which the store fails; 0 = it works
}

func (m *model) purge(rt *rapid.T) {
	o := m.object(rt)
	purge := func() error { return m.cache.Purge(o.ID) }
	if rapid.IntRange(0, 9).Draw(rt, "how much") == 0 {
		purge = m.cache.PurgeAll
	}
	if err := purge(); err != nil {
		rt.Errorf("purge: %v", err)
	}
	if r, err := open(m.cache, o, 0, o.Size); err == nil && o.Size > 0 {
		if r.Source() != Store {
			rt.Errorf("after a purge from %s", r.Source())
		}
		r.Close()
	}
}

func (m *model) mayFail(_ context.Context, _ Object, at int64) error {
	if m.failAt > 0 && at >= m.failAt {
		return errStore
	}
	return nil
}

func (m *model) start(rt *rapid.T) {
	c, err := New(m.cfg)
	if err != nil {
		rt.Fatal(err)
	}
	m.cache = c
}

func (m *model) object(rt *rapid.T) Object {
	i := rapid.IntRange(0, 5).Draw(rt, "object")
	return Object{ID: fmt.Sprint("object", i), Size: []int64{1, 300, 250, 301, 2500, 6000}[i]}
}

func (m *model) span(rt *rapid.T) (o Object, from, n int64) {
	o = m.object(rt)
	from = rapid.Int64Range(0, o.Size).Draw(rt, "from")
	return o, from, rapid.Int64Range(0, o.Size-from).Draw(rt, "n")
}

func (m *model) read(rt *rapid.T) {
	o, from, n := m.span(rt)
	m.settle(rt)
	if rapid.IntRange(0, 4).Draw(rt, "fails") == 0 {
		m.failAt = rapid.Int64Range(1, 6000).Draw(rt, "at")
	}
	got, _, err := fetch(m.cache, o, from, n)
	want := content(o)[from : from+n]
	switch {
	case err != nil && (m.failAt == 0 || !errors.Is(err, errStore)):
		rt.Fatalf("read %s %d+%d: %v", o.ID, from, n, err)
	case err == nil && !bytes.Equal(got, want), !bytes.HasPrefix(want, got):
		rt.Fatalf("read %s %d+%d: other bytes", o.ID, from, n)
	}
	m.settle(rt)
	m.failAt = 0
}

// settle waits until no fill reads the settings that are about to change.
func (m *model) settle(rt *rapid.T) {
	for end := time.Now().Add(10 * time.Second); m.cache.Stats().Flying > 0; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			rt.Fatal("a fill doesn't end")
		}
	}
	m.cache.running.Wait()
}

func (m *model) abandon(rt *rapid.T) {
	o, from, n := m.span(rt)
	r, err := open(m.cache, o, from, n)
	if err != nil {
		rt.Fatal(err)
	}
	defer r.Close()
	for range rapid.IntRange(0, 3).Draw(rt, "chunks") {
		at := r.pos - r.first.Len()
		c, err := r.Next()
		if err != nil {
			return
		}
		if c.Bytes != nil && !bytes.Equal(c.Bytes, content(o)[at:at+c.Len()]) {
			rt.Fatalf("abandon %s at %d: other bytes", o.ID, at)
		}
	}
}

func (m *model) damage(rt *rapid.T) {
	m.settle(rt)
	shards, err := os.ReadDir(m.cfg.Dir)
	if err != nil {
		rt.Fatal(err)
	}
	var files []string
	for _, d := range shards {
		if len(d.Name()) == 2 {
			in, _ := os.ReadDir(m.cfg.Dir + "/" + d.Name())
			for _, f := range in {
				files = append(files, m.cfg.Dir+"/"+d.Name()+"/"+f.Name())
			}
		}
	}
	if len(files) == 0 {
		return
	}
	file := rapid.SampledFrom(files)
	a, b := file.Draw(rt, "file"), file.Draw(rt, "other")
	p, err := os.ReadFile(a)
	if err != nil || len(p) == 0 {
		return
	}
	switch rapid.IntRange(0, 3).Draw(rt, "damage") {
	case 0:
		p[rapid.IntRange(0, len(p)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		err = os.WriteFile(a, p, 0o600)
	case 1:
		err = os.Truncate(a, rapid.Int64Range(0, int64(len(p)-1)).Draw(rt, "length"))
	case 2:
		err = errors.Join(os.Rename(a, a+"~"), os.Rename(b, a), os.Rename(a+"~", b))
		if a == b {
			err = nil
		}
	case 3:
		err = os.Remove(a)
	}
	if err != nil {
		rt.Fatal(err)
	}
}

func (m *model) bounds(rt *rapid.T) {
	m.settle(rt)
	st := m.cache.Stats()
	if st.RAMBytes > m.cfg.RAMBytes || st.DiskBytes > m.cfg.DiskBytes || st.BufferBytes != 0 || st.RAMBytes < 0 || st.DiskBytes < 0 {
		rt.Fatalf("%+v", st)
	}
}
