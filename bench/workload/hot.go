package workload

import (
	"sync/atomic"

	"rawlink/bench/drive"
)

// hot asks for a few files, all equally often.
type hot struct{ *field }

func newHot(o Options) Workload { return &hot{newField(o, 1, fixed(1<<10))} }

// Worker implements Workload.
func (h *hot) Worker(i int) drive.Worker {
	return newClient(h.env, i, asker{next: func(c *client) (shot, bool) {
		if len(h.links) == 1 {
			return h.get(c, 0), true
		}
		return h.get(c, c.random.IntN(len(h.links))), true
	}})
}

// zipf asks for many files, as the web does: few of them make most of the traffic.
type zipf struct {
	*field
	popular popularity
}

func newZipf(o Options) Workload {
	f := newField(o, 200, Sizes{least: 1, most: 64 << 20, median: 32 << 10, sigma: 1.5})
	return &zipf{field: f, popular: newPopularity(len(f.sizes), orElse(o.Alpha, 1))}
}

// Worker implements Workload.
func (z *zipf) Worker(i int) drive.Worker {
	return newClient(z.env, i, asker{next: func(c *client) (shot, bool) { return z.get(c, z.popular.draw(c.random)), true }})
}

// cold asks for each file once, and has then nothing left to ask for.
type cold struct {
	*field
	next atomic.Int64
}

func newCold(o Options) Workload { return &cold{field: newField(o, 200, fixed(256<<10))} }

// Warm implements Workload.
func (*cold) Warm() bool { return false }

// Worker implements Workload.
func (w *cold) Worker(i int) drive.Worker {
	return newClient(w.env, i, asker{next: func(c *client) (shot, bool) {
		k := int(w.next.Add(1)) - 1
		if k >= len(w.links) {
			return shot{}, false
		}
		return w.get(c, k), true
	}})
}
