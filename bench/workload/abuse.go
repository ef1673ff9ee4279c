package workload

import (
	"encoding/base64"
	"encoding/binary"

	"rawlink/bench/drive"
	"rawlink/bench/tally"
)

// abuse is good clients beside bad ones: guessers, slow readers, and those that
// break off. What the good ones see is what counts.
type abuse struct{ *field }

func newAbuse(o Options) Workload { return &abuse{newField(o, 4, fixed(4<<20))} }

const (
	slowRate  = 64 << 10 // bytes a second that a slow reader takes
	slowEvery = 16       // of the workers, one reads slowly
)

// Worker implements Workload.
func (w *abuse) Worker(i int) drive.Worker {
	if i%slowEvery == slowEvery-1 {
		return newClient(w.env, i, asker{next: func(c *client) (shot, bool) {
			s := w.get(c, c.random.IntN(len(w.links)))
			s.slow, s.allow = slowRate, s.allow|of(tally.Slow)
			return s, true
		}})
	}
	return newClient(w.env, i, asker{next: func(c *client) (shot, bool) {
		link := w.links[c.random.IntN(len(w.links))]
		switch x := c.random.Float64(); {
		case x < .5:
			return c.forged(), true
		case x < .65:
			s := w.get(c, c.random.IntN(len(w.links)))
			s.leave, s.allow = 1+c.random.Int64N(s.link.Object.Size), s.allow|of(tally.Left)
			return s, true
		}
		from := c.random.Int64N(link.Object.Size)
		return c.part(link, from, min(link.Object.Size, from+16<<10)), true
	}})
}

// tokenBytes is how long a token is, before base64.
const tokenBytes = 27

// forged is a request with a token that looks like one and was never minted.
func (c *client) forged() shot {
	var raw [tokenBytes + 5]byte
	for i := 0; i < tokenBytes; i += 8 {
		binary.LittleEndian.PutUint64(raw[i:min(i+8, len(raw))], c.random.Uint64())
	}
	raw[0], raw[1] = 1, 1 // the version, and a key that exists
	p := append(c.buffer[:0], "GET /s/"...)
	p = base64.RawURLEncoding.AppendEncode(p, raw[:tokenBytes])
	p = append(append(p, " HTTP/1.1\r\nHost: "...), c.target.Host...)
	c.buffer = append(p, "\r\n\r\n"...)
	return shot{request: c.buffer, allow: of(tally.NotFound)}
}
