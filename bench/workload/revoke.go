package workload

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"rawlink/bench/drive"
	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
	"rawlink/bench/wire"
)

// revoke ends one link after the other while all are asked for, and measures for
// each edge how long it went on serving.
type revoke struct {
	*field
	links int
	every time.Duration
	bound time.Duration
	lives []*judge.Life

	mu      sync.Mutex
	took    []*hdrhistogram.Histogram // by edge, µs
	revoked int
}

func newRevoke(o Options) Workload {
	return &revoke{
		field: newField(o, 1, fixed(1<<10)), links: orElse(o.Links, 100),
		every: orElse(o.Every, 500*time.Millisecond), bound: orElse(o.Bound, 5*time.Second),
	}
}

// Needs implements Workload.
func (w *revoke) Needs() seed.Needs {
	n := w.field.Needs()
	n.Links = n.Files * w.links
	return n
}

// Prepare implements Workload.
func (w *revoke) Prepare(ctx context.Context, env *Env) error {
	links, err := env.Field.Sow(ctx, w.sizes, w.links, 0, env.Told)
	w.use(env, links)
	for _, link := range links {
		w.lives = append(w.lives, &judge.Life{Link: link})
	}
	for range env.Edges {
		w.took = append(w.took, tally.NewHistogram())
	}
	return err
}

// Worker implements Workload: it asks for all links, ended or not.
func (w *revoke) Worker(i int) drive.Worker {
	c := newClient(w.env, i, asker{next: func(c *client) (shot, bool) {
		k := c.random.IntN(len(w.lives))
		s := w.get(c, k)
		s.life = w.lives[k]
		// An edge may know of the end before its acknowledgement is here.
		s.allow |= of(tally.Gone)
		return s, true
	}})
	c.bound = w.bound
	return c
}

// probeEvery is the distance between two looks at an edge, and so the error of the
// times measured.
const probeEvery = time.Millisecond

// Beside implements Workload: it revokes.
func (w *revoke) Beside(ctx context.Context) error {
	probes, err := w.probes(ctx)
	defer func() {
		for _, p := range probes {
			p.Close()
		}
	}()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for i := range w.lives {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := w.end(ctx, i, probes); err != nil && ctx.Err() == nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// probes are a connection to each edge.
func (w *revoke) probes(ctx context.Context) (all []*wire.Conn, err error) {
	for _, edge := range w.env.Edges {
		conn, err := wire.Dial(ctx, edge, w.env.Timeout)
		if err != nil {
			return all, fmt.Errorf("probe %s: %w", edge.Base, err)
		}
		all = append(all, conn)
	}
	return all, nil
}

// end revokes a link and asks each edge until it refuses.
func (w *revoke) end(ctx context.Context, i int, probes []*wire.Conn) error {
	life := w.lives[i]
	if err := w.env.Field.Client.Revoke(ctx, life.Link); err != nil {
		return err
	}
	acknowledged := time.Now()
	life.End(acknowledged)
	var asking sync.WaitGroup
	failed := make([]error, len(probes))
	for e, probe := range probes {
		asking.Go(func() { failed[e] = w.await(ctx, e, i, probe, acknowledged) })
	}
	asking.Wait()
	w.mu.Lock()
	w.revoked++
	w.mu.Unlock()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *revoke) await(ctx context.Context, edge, i int, probe *wire.Conn, acknowledged time.Time) error {
	for ctx.Err() == nil {
		sent := time.Now()
		status, err := probe.Status(w.whole[edge][i])
		switch {
		case err != nil:
			return fmt.Errorf("probe %s: %w", w.env.Edges[edge].Base, err)
		case status == 410 || status == 404:
			w.mu.Lock()
			_ = w.took[edge].RecordValue(max(1, sent.Sub(acknowledged).Microseconds()))
			w.mu.Unlock()
			return nil
		case status == 200:
			w.lives[i].Serve(w.env.Book, sent, w.bound)
		}
		if sent.Sub(acknowledged) > 2*w.bound {
			return nil // the rule is broken, and said to be
		}
		time.Sleep(probeEvery)
	}
	return nil
}

// Figures implements Workload.
func (w *revoke) Figures() []Figure {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := []Figure{{"links revoked", float64(w.revoked), "links"}}
	for e, took := range w.took {
		name := fmt.Sprintf("revocation at edge %d, ", e+1)
		for _, q := range []struct {
			name string
			at   float64
		}{{"p50", 50}, {"p99", 99}, {"greatest", 100}} {
			all = append(all, Figure{name + q.name, float64(took.ValueAtQuantile(q.at)) / 1000, "ms"})
		}
	}
	return all
}
