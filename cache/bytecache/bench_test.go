package bytecache

import (
	"context"
	"errors"
	"io"
	"testing"
)

func BenchmarkRAMHit(b *testing.B) {
	c := mustNew(b, Config{Open: (&store{}).open})
	o := Object{ID: "a", Size: 1024}
	mustFetch(b, c, o, 0, o.Size)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var r Reader
		for pb.Next() {
			if err := c.Open(context.Background(), &r, o, 0, o.Size); err != nil {
				b.Fatal(err)
			}
			if _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
	})
}

// BenchmarkDiskHit is what a slice costs before it can be sent from its file.
func BenchmarkDiskHit(b *testing.B) {
	c := mustNew(b, Config{Open: (&store{}).open, Dir: b.TempDir()})
	o := Object{ID: "a", Size: 4 << 20}
	mustFetch(b, c, o, 0, o.Size)
	idle(b, c)
	s := c.disk.lookup(hashKey(c, o, 0))
	eventually(b, "verified", func() bool { mustFetch(b, c, o, 0, 1); return !s.checked.IsZero() })
	for _, bm := range []struct {
		name string
		n    int64
	}{{"section of 4 MiB", o.Size}, {"32 KiB as bytes", 32 << 10}} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := open(c, o, 0, bm.n)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}

// BenchmarkVerify is what the first reader of a slice pays, once an hour.
func BenchmarkVerify(b *testing.B) {
	c := mustNew(b, Config{Open: (&store{}).open, Dir: b.TempDir()})
	o := Object{ID: "a", Size: 4 << 20}
	mustFetch(b, c, o, 0, o.Size)
	idle(b, c)
	k := hashKey(c, o, 0)
	f := c.disk.open(k)
	defer f.Close()
	claimed, err := readFooter(f, k, k.size+footerSize)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(o.Size)
	for b.Loop() {
		if err := verify(f, k, claimed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkColdFill is a miss from a store of no latency, by way of the disk.
func BenchmarkColdFill(b *testing.B) {
	s := &store{}
	c := mustNew(b, Config{Open: s.open, Dir: b.TempDir()})
	o := Object{ID: "a", Size: 16 << 20}
	s.bytes(o)
	b.SetBytes(o.Size)
	for b.Loop() {
		r, err := open(c, o, 0, o.Size)
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		r.Close()
		mustPurge(b, c, o)
	}
}
