package workload

import (
	"context"
	"sync/atomic"

	"rawlink/bench/drive"
	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
)

// capped lets all clients race for the downloads of one link after the other.
type capped struct {
	*field
	links   int
	cap     int64
	ledgers []*judge.Ledger
	current atomic.Int64 // the link that is raced for
}

func newCapped(o Options) Workload {
	return &capped{field: newField(o, 1, fixed(1<<10)), links: orElse(o.Links, 50), cap: orElse(o.Cap, 100)}
}

// Needs implements Workload.
func (w *capped) Needs() seed.Needs {
	n := w.field.Needs()
	n.Links = n.Files * w.links
	return n
}

// Prepare implements Workload.
func (w *capped) Prepare(ctx context.Context, env *Env) error {
	links, err := env.Field.Sow(ctx, w.sizes, w.links, w.cap, env.Told)
	w.use(env, links)
	for _, link := range links {
		w.ledgers = append(w.ledgers, &judge.Ledger{Link: link})
	}
	return err
}

// Warm implements Workload.
func (*capped) Warm() bool { return false }

// lateShare of the requests go to links that have ended, for a download too many.
const lateShare = 0.1

// Worker implements Workload.
func (w *capped) Worker(i int) drive.Worker {
	asked := 0
	return newClient(w.env, i, asker{
		next: func(c *client) (shot, bool) {
			asked = int(w.current.Load())
			if asked >= len(w.ledgers) {
				return shot{}, false
			}
			at := asked
			if asked > 0 && c.random.Float64() < lateShare {
				at = c.random.IntN(asked)
			}
			s := w.get(c, at)
			s.ledger = w.ledgers[at]
			s.allow |= of(tally.Gone)
			return s, true
		},
		after: func(_ *client, s *shot, o tally.Outcome) {
			if o == tally.Gone && s.ledger == w.ledgers[asked] {
				w.current.CompareAndSwap(int64(asked), int64(asked)+1)
			}
		},
	})
}

// Figures implements Workload.
func (w *capped) Figures() []Figure {
	var ended, served, short int64
	for i, l := range w.ledgers {
		served += l.Served()
		if int64(i) < w.current.Load() {
			ended++
			short += max(0, w.cap-l.Served())
		}
	}
	return []Figure{
		{"links used up", float64(ended), "links"},
		{"downloads served", float64(served), ""},
		{"downloads that links used up were never served", float64(short), ""},
	}
}
