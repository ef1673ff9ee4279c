package cache

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// benchKey has the size of a token's hash.
type benchKey [32]byte

func keyOf(n uint64) (k benchKey) {
	binary.LittleEndian.PutUint64(k[:], n)
	return k
}

// benchValue has the size of a pointer, as an edge's values have.
type benchValue = *int

// BenchmarkHit is a hit among so many records: any of them as likely as the
// other, or by Zipf's law with exponent 1, as links are asked for. It also says
// what a record costs in bytes, without its value.
func BenchmarkHit(b *testing.B) {
	for _, keys := range []int{1, 1000, 1_000_000, 10_000_000} {
		b.Run(strconv.Itoa(keys), func(b *testing.B) {
			r, size := benchRecords(b, keys)
			for name, order := range map[string][]uint64{"uniform": uniform(keys), "zipf": zipf(keys)} {
				b.Run(name, func(b *testing.B) { benchHits(b, r, order, size) })
			}
		})
	}
}

func benchHits(b *testing.B, r *Records[benchKey, benchValue], order []uint64, size float64) {
	now := time.Now()
	for _, k := range order { // what is hot finds its place in front
		r.Get(keyOf(k), now)
	}
	misses, i := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		if _, state, _ := r.Get(keyOf(order[i]), now); state != Hit {
			misses++
		}
		if i++; i == len(order) {
			i = 0
		}
	}
	b.ReportMetric(size, "B/record")
	b.ReportMetric(100*float64(misses)/float64(b.N), "%miss")
}

// benchRecords returns a cache that holds so many, and what each takes.
func benchRecords(b *testing.B, keys int) (*Records[benchKey, benchValue], float64) {
	b.Helper()
	value := new(int)
	before := heap()
	r, err := New(Config[benchKey, benchValue]{
		Load:        func(context.Context, benchKey) (benchValue, time.Time, error) { return value, time.Time{}, nil },
		LoadTimeout: time.Minute, MaxBytes: max(1<<20, int64(keys)*entryOverhead*5/4), MaxStale: time.Hour, ServeStale: time.Hour,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.Close)
	for k := range uint64(keys) {
		if _, err := r.Fill(b.Context(), keyOf(k)); err != nil {
			b.Fatal(err)
		}
		if k%10_000 == 0 {
			r.Wait() // or the queue overflows
		}
	}
	r.Wait()
	return r, float64(heap()-before) / float64(keys)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// looked is how many look-ups are drawn ahead: enough that 10 million records
// don't fit in the processor's caches.
const looked = 1 << 20

func uniform(keys int) []uint64 {
	order, draw := make([]uint64, looked), rand.New(rand.NewPCG(1, 2))
	for i := range order {
		order[i] = draw.Uint64N(uint64(keys))
	}
	return order
}

func zipf(keys int) []uint64 {
	order := make([]uint64, looked)
	draw := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.0001, 1, uint64(keys-1))
	for i := range order {
		order[i] = draw.Uint64()
	}
	return order
}
