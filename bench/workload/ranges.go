package workload

import (
	"strconv"

	"rawlink/bench/drive"
	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
)

// ranges is half players, half downloaders.
type ranges struct{ *field }

func newRanges(o Options) Workload { return &ranges{newField(o, 4, fixed(32<<20))} }

// Warm implements Workload: ranges are what warms the edge.
func (*ranges) Warm() bool { return false }

// Worker implements Workload.
func (r *ranges) Worker(i int) drive.Worker {
	if i%2 == 0 {
		return newClient(r.env, i, asker{next: (&player{links: r.links}).next})
	}
	return newClient(r.env, i, asker{next: (&downloader{links: r.links}).next})
}

const (
	chunk   = 1 << 20 // that a player reads at once
	segment = 4 << 20 // that a downloader fetches at once
	seeks   = 0.1     // of a player's reads go somewhere else
	watches = 20      // chunks until a player opens another file
)

// player probes a file with two bytes, as Safari does, then reads on and seeks.
type player struct {
	links []*seed.Link
	link  *seed.Link
	at    int64
	left  int
}

func (p *player) next(c *client) (shot, bool) {
	if p.left == 0 {
		p.link, p.at, p.left = p.links[c.random.IntN(len(p.links))], 0, watches
		return c.part(p.link, 0, min(2, p.link.Object.Size)), true
	}
	p.left--
	size := p.link.Object.Size
	if c.random.Float64() < seeks || p.at >= size {
		p.at = c.random.Int64N(size)
	}
	from := p.at
	p.at = min(size, from+chunk)
	return c.part(p.link, from, p.at), true
}

// downloader fetches a file's segments in an order of its own.
type downloader struct {
	links []*seed.Link
	link  *seed.Link
	order []int
}

func (d *downloader) next(c *client) (shot, bool) {
	if len(d.order) == 0 {
		d.link = d.links[c.random.IntN(len(d.links))]
		d.order = c.random.Perm(int((d.link.Object.Size + segment - 1) / segment))
	}
	from := int64(d.order[0]) * segment
	d.order = d.order[1:]
	return c.part(d.link, from, min(d.link.Object.Size, from+segment)), true
}

// part is a request for a part of a link's bytes.
func (c *client) part(link *seed.Link, from, to int64) shot {
	p := append(c.line(link), "Range: bytes="...)
	p = append(strconv.AppendInt(p, from, 10), '-')
	p = append(strconv.AppendInt(p, to-1, 10), "\r\n\r\n"...)
	c.buffer = p
	return shot{request: p, link: link, span: judge.Span{From: from, To: to}, allow: of(tally.Partial)}
}

// line begins a request for a link in the client's buffer.
func (c *client) line(link *seed.Link) []byte {
	p := append(c.buffer[:0], "GET "...)
	p = append(append(p, link.Path...), " HTTP/1.1\r\nHost: "...)
	return append(append(p, c.target.Host...), "\r\n"...)
}

// with is a request for a link with one more header.
func (c *client) with(link *seed.Link, name, value string) []byte {
	p := append(append(c.line(link), name...), ": "...)
	c.buffer = append(append(p, value...), "\r\n\r\n"...)
	return c.buffer
}
