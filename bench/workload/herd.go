package workload

import (
	"context"
	"sync"

	"rawlink/bench/drive"
	"rawlink/bench/tally"
)

// herd has all clients ask for a large cold file at the same instant, then for
// the next one.
type herd struct {
	*field
	gate gate
}

func newHerd(o Options) Workload { return &herd{field: newField(o, 3, fixed(16<<20))} }

// Warm implements Workload.
func (*herd) Warm() bool { return false }

// Closed implements Workload.
func (*herd) Closed() bool { return true }

// Worker implements Workload.
func (h *herd) Worker(i int) drive.Worker {
	h.gate.join()
	return &member{herd: h, client: newClient(h.env, i, asker{})}
}

// member is a client that waits for the others before each file.
type member struct {
	*client
	herd *herd
	at   int
}

// Do implements drive.Worker.
func (m *member) Do(ctx context.Context) (tally.Sample, bool) {
	if m.at == len(m.herd.links) {
		return tally.Sample{}, false
	}
	m.herd.gate.wait()
	at := m.at
	m.at++
	m.ask.next = func(c *client) (shot, bool) { return m.herd.get(c, at), true }
	return m.client.Do(ctx)
}

// Close implements drive.Worker.
func (m *member) Close() {
	m.herd.gate.leave()
	m.client.Close()
}

// gate lets its members through when all have come. Whoever leaves is waited for
// no more.
type gate struct {
	mu      sync.Mutex
	members int
	waiting int
	open    chan struct{} // closed when the waiting ones may go on; nil if nobody waits
}

func (g *gate) join() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members++
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members--
	g.check()
}

func (g *gate) wait() {
	g.mu.Lock()
	if g.open == nil {
		g.open = make(chan struct{})
	}
	open := g.open
	g.waiting++
	g.check()
	g.mu.Unlock()
	<-open
}

func (g *gate) check() {
	if g.waiting > 0 && g.waiting >= g.members {
		close(g.open)
		g.open, g.waiting = nil, 0
	}
}
