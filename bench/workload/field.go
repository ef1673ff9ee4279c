package workload

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"rawlink/bench/drive"
	"rawlink/bench/seed"
)

// field is what most workloads are made of: seeded files with a link each, and a
// request for the whole of each at each edge.
type field struct {
	env   *Env
	sizes []int64
	links []*seed.Link
	whole [][][]byte // by edge, then link
}

func newField(o Options, objects int, sizes Sizes) *field {
	return &field{sizes: orElse(o.Sizes, sizes).draw(orElse(o.Objects, objects), 1)}
}

// Needs implements Workload.
func (f *field) Needs() seed.Needs {
	return seed.Needs{Files: len(f.sizes), Bytes: sum(f.sizes), Links: len(f.sizes)}
}

// Prepare implements Workload.
func (f *field) Prepare(ctx context.Context, env *Env) error {
	links, err := env.Field.Sow(ctx, f.sizes, 1, 0, env.Told)
	f.use(env, links)
	return err
}

// use makes the requests for links.
func (f *field) use(env *Env, links []*seed.Link) {
	f.env, f.links = env, links
	f.whole = make([][][]byte, len(env.Edges))
	for e, edge := range env.Edges {
		f.whole[e] = make([][]byte, len(links))
		for i, link := range links {
			if link != nil {
				f.whole[e][i] = edge.Request("GET", link.Path)
			}
		}
	}
}

// get is a request for the whole of the i-th link.
func (f *field) get(c *client, i int) shot { return whole(f.whole[c.edge][i], f.links[i]) }

// Warm, Closed, Beside and Figures implement Workload for those that need no other.

// Warm implements Workload.
func (*field) Warm() bool { return true }

// Closed implements Workload.
func (*field) Closed() bool { return false }

// Beside implements Workload.
func (*field) Beside(context.Context) error { return nil }

// Figures implements Workload.
func (*field) Figures() []Figure { return nil }

// Warmer returns a worker that asks for each link once at the i-th edge, for
// workloads that say that they want it.
func (f *field) Warmer(edge int) drive.Worker {
	at := 0
	return newClient(f.env, edge, asker{next: func(c *client) (shot, bool) {
		if at == len(f.links) {
			return shot{}, false
		}
		at++
		return f.get(c, at-1), true
	}})
}

// popularity draws indexes of which low ones come more often: the k-th by
// 1/k^alpha. Alpha may be below 1, which rand.Zipf can't. Safe for concurrent use.
type popularity []float64 // cumulative, up to 1

func newPopularity(n int, alpha float64) popularity {
	p := make(popularity, n)
	total := 0.0
	for k := range p {
		total += math.Pow(float64(k+1), -alpha)
		p[k] = total
	}
	for k := range p {
		p[k] /= total
	}
	return p
}

func (p popularity) draw(r *rand.Rand) int {
	x := r.Float64()
	return min(len(p)-1, sort.Search(len(p), func(i int) bool { return p[i] > x }))
}
