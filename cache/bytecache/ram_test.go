package bytecache

import (
	"bytes"
	"container/list"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// RAM stays inside its bound, also when readers sit on what they read, and all
// of it comes back.
func TestRAMBound(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		s := &store{step: 300}
		cfg := testConfig(s)
		cfg.RAMBytes, cfg.Dir = 20_000, dir
		c := mustNew(t, cfg)
		var objects []Object
		for i := range 100 {
			o := Object{ID: fmt.Sprint(i), Size: int64(1 + i*10)}
			if i%5 == 0 {
				o.Size = int64(2000 + i*100)
			}
			s.bytes(o)
			objects = append(objects, o)
		}
		stop, watched := make(chan struct{}), make(chan struct{})
		go func() { // ends with stop
			defer close(watched)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if held := c.Stats().RAMBytes; held > cfg.RAMBytes || held < 0 {
					t.Errorf("%d bytes held; want %d at most", held, cfg.RAMBytes)
					return
				}
			}
		}()
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				for range 30 {
					sit(t, c, s, objects)
				}
			})
		}
		wg.Wait()
		close(stop)
		<-watched
		idle(t, c)
		st := c.Stats()
		if st.Passed == 0 || st.RAMEvicted == 0 {
			t.Errorf("the test didn't exhaust RAM: %+v", st)
		}
		for _, o := range objects {
			mustPurge(t, c, o)
		}
		if st := c.Stats(); st.RAMBytes != 0 || st.BufferBytes != 0 || c.ram.lent.Load() != 0 || st.DiskBytes != 0 {
			t.Errorf("left: %+v", st)
		}
	}
}

// sit reads a few objects at the same time, each in full.
func sit(t *testing.T, c *Cache, s *store, objects []Object) {
	var readers []*Reader
	var of []Object
	for range 4 {
		o := objects[rand.IntN(len(objects))]
		r, err := open(c, o, 0, o.Size)
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Close()
		readers, of = append(readers, r), append(of, o)
	}
	for i, r := range readers {
		if got, err := drain(r); err != nil || !bytes.Equal(got, s.bytes(of[i])) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

// Objects asked for once don't displace those asked for again and again.
func TestScanDoesNotDisplaceTheHot(t *testing.T) {
	s := &store{}
	cfg := testConfig(s)
	cfg.RAMBytes = 100 * 100
	c := mustNew(t, cfg)
	hot := func(i int) Object { return Object{ID: fmt.Sprint("hot", i), Size: 100} }
	for range 4 {
		for i := range 50 {
			mustFetch(t, c, hot(i), 0, 100)
		}
		idle(t, c) // what is still on its way is not asked for again, but joined
	}
	before := c.Stats().Fills
	for i := range 5000 {
		mustFetch(t, c, Object{ID: fmt.Sprint("once", i), Size: 100}, 0, 100)
		idle(t, c) // or fills that overlap need the room of more than one object
	}
	for i := range 50 {
		mustFetch(t, c, hot(i), 0, 100)
	}
	if fills := c.Stats().Fills - before - 5000; fills > 2 {
		t.Errorf("%d of 50 hot objects were displaced", fills)
	}
}

// entry is a value for the queues alone.
type entry struct {
	ticket
	id uint64
}

func (e *entry) place() *ticket { return &e.ticket }

// policy is a cache that only counts.
type policy interface{ hit(id uint64) bool }

type ours struct {
	queue queues[*entry]
	index map[uint64]*entry
	limit int
}

func (o *ours) hit(id uint64) bool {
	if e := o.index[id]; e != nil {
		e.used()
		return true
	}
	for len(o.index) >= o.limit {
		v, _ := o.queue.victim(func(*entry) bool { return true })
		delete(o.index, v.id)
	}
	e := &entry{id: id, ticket: ticket{fingerprint: id, bytes: 1}}
	o.queue.add(e)
	o.index[id] = e
	return false
}

type lru struct {
	list  list.List
	index map[uint64]*list.Element
	limit int
}

func (l *lru) hit(id uint64) bool {
	if e := l.index[id]; e != nil {
		l.list.MoveToFront(e)
		return true
	}
	for len(l.index) >= l.limit {
		delete(l.index, l.list.Remove(l.list.Back()).(uint64))
	}
	l.index[id] = l.list.PushFront(id)
	return false
}

// trace is Zipf with, if scans, a run of one-hit wonders after every 2000.
func trace(n int, scans bool) []uint64 {
	rnd := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rnd, 1.07, 1, 100_000)
	ids := make([]uint64, 0, n)
	for i := 0; len(ids) < n; i++ {
		ids = append(ids, zipf.Uint64())
		if scans && i%2000 == 1999 {
			for range 1000 {
				ids = append(ids, 1<<32+uint64(len(ids)))
			}
		}
	}
	return ids
}

// The queues earn their place only by hitting more often than a plain LRU.
func BenchmarkHitRatio(b *testing.B) {
	const limit = 1000
	for _, scans := range []bool{false, true} {
		ids := trace(500_000, scans)
		for name, p := range map[string]policy{
			"s3fifo": &ours{index: make(map[uint64]*entry), limit: limit},
			"lru":    &lru{index: make(map[uint64]*list.Element), limit: limit},
		} {
			b.Run(fmt.Sprintf("%s/scans=%v", name, scans), func(b *testing.B) {
				hits, asked := 0, 0
				for i := 0; b.Loop(); i++ {
					asked++
					if p.hit(ids[i%len(ids)]) {
						hits++
					}
				}
				b.ReportMetric(100*float64(hits)/float64(asked), "%hits")
			})
		}
	}
}

func TestQueuesBeatLRU(t *testing.T) {
	for _, scans := range []bool{false, true} {
		a, b := &ours{index: make(map[uint64]*entry), limit: 1000}, &lru{index: make(map[uint64]*list.Element), limit: 1000}
		var hitsA, hitsB int
		for _, id := range trace(300_000, scans) {
			if a.hit(id) {
				hitsA++
			}
			if b.hit(id) {
				hitsB++
			}
		}
		t.Logf("scans=%v: %.1f %% against %.1f %%", scans, float64(hitsA)/3000, float64(hitsB)/3000)
		if hitsA <= hitsB {
			t.Errorf("scans=%v: %d hits; LRU %d", scans, hitsA, hitsB)
		}
	}
}
