package workload

import (
	"net/http"
	"time"

	"rawlink/bench/drive"
	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
)

// conditional asks what caches ask: is my copy still good?
type conditional struct{ *field }

func newConditional(o Options) Workload { return &conditional{newField(o, 10, fixed(16<<10))} }

// Worker implements Workload.
func (w *conditional) Worker(i int) drive.Worker {
	return newClient(w.env, i, asker{next: func(c *client) (shot, bool) {
		return c.condition(w.links[c.random.IntN(len(w.links))]), true
	}})
}

// stranger is a validator that no object has.
const stranger = `"0000000000000000000000000000000000000000000000000000000000000000"`

// condition is a conditional request: mostly by a copy that is good, now and then
// by one that isn't, or to go on with a download.
func (c *client) condition(link *seed.Link) shot {
	fresh := shot{link: link, whole: true, allow: of(tally.NotModified)}
	switch x := c.random.Float64(); {
	case x < .6:
		fresh.request = c.with(link, "If-None-Match", link.Object.ETag)
		return fresh
	case x < .8:
		fresh.request = c.with(link, "If-Modified-Since", time.Now().UTC().Format(http.TimeFormat))
		return fresh
	case x < .9:
		return whole(c.with(link, "If-None-Match", stranger), link)
	case x < .95: // a copy of another version can't be gone on with: the whole, not the rest
		return whole(c.with(link, "Range: bytes=1-\r\nIf-Range", stranger), link)
	}
	s := shot{link: link, span: judge.Span{From: 0, To: 1}, allow: of(tally.Partial)}
	s.request = c.with(link, "Range: bytes=0-0\r\nIf-Range", link.Object.ETag)
	return s
}

// mixed is what an edge sees on a usual day.
type mixed struct {
	*field
	popular popularity
}

func newMixed(o Options) Workload {
	f := newField(o, 100, Sizes{least: 1 << 10, most: 16 << 20, median: 32 << 10, sigma: 1.5})
	return &mixed{field: f, popular: newPopularity(len(f.sizes), orElse(o.Alpha, 1))}
}

// Worker implements Workload.
func (m *mixed) Worker(i int) drive.Worker {
	return newClient(m.env, i, asker{next: func(c *client) (shot, bool) {
		k := m.popular.draw(c.random)
		link := m.links[k]
		switch x := c.random.Float64(); {
		case x < .7:
			return m.get(c, k), true
		case x < .9:
			from := c.random.Int64N(link.Object.Size)
			return c.part(link, from, min(link.Object.Size, from+1+c.random.Int64N(256<<10))), true
		}
		return c.condition(link), true
	}})
}
