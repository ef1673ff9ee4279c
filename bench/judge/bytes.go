package judge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"rawlink/bench/seed"
	"rawlink/bench/wire"
)

// Span is a half-open interval of bytes that was asked for.
type Span struct{ From, To int64 }

// CheckLength compares what an answer says of its body with what was asked for.
// It costs little, so every answer is checked. whole is a request without Range,
// or one whose range the server may pass over.
func (b *Book) CheckLength(a wire.Answer, link *seed.Link, asked Span, whole bool) (sound bool) {
	size := link.Object.Size
	switch a.Status {
	case 200:
		if !whole {
			b.Break(Range, "share %s: 200 to a range of it", link.ID)
			return false
		}
		if a.Length != size {
			b.Break(Body, "share %s: Content-Length is %d; the file has %d bytes", link.ID, a.Length, size)
			return false
		}
	case 206:
		var room [64]byte
		want := appendRange(room[:0], asked, size)
		if got, _ := a.Get("Content-Range"); !bytes.Equal(got, want) || a.Length != asked.To-asked.From {
			b.Break(Range, "share %s: asked for %d-%d, got Content-Range %q, Content-Length %d", link.ID, asked.From, asked.To-1, got, a.Length)
			return false
		}
	}
	return true
}

// appendRange writes a Content-Range.
func appendRange(p []byte, s Span, size int64) []byte {
	p = append(p, "bytes "...)
	p = append(strconv.AppendInt(p, s.From, 10), '-')
	p = append(strconv.AppendInt(p, s.To-1, 10), '/')
	return strconv.AppendInt(p, size, 10)
}

// Eye checks bodies, one after the other. For one goroutine.
type Eye struct {
	sum     hash.Hash
	scratch []byte
	object  *seed.Object
	whole   bool
	at      int64
	wrong   int64 // offset of the first wrong byte; -1 = none yet
}

// NewEye returns an eye.
func NewEye() *Eye { return &Eye{sum: sha256.New(), scratch: make([]byte, 32<<10)} }

// Begin prepares for a body: the whole of an object, or a part from an offset on.
func (e *Eye) Begin(o *seed.Object, from int64, whole bool) {
	e.object, e.whole, e.at, e.wrong = o, whole, from, -1
	e.sum.Reset()
}

// See takes a piece of the body: for the digest of a whole one, else to compare.
func (e *Eye) See(piece []byte) {
	if e.whole {
		e.sum.Write(piece)
		e.at += int64(len(piece))
		return
	}
	for len(piece) > 0 && e.wrong < 0 {
		n := min(len(piece), len(e.scratch))
		e.object.Fill(e.scratch[:n], e.at)
		if !bytes.Equal(piece[:n], e.scratch[:n]) {
			e.wrong = e.at
		}
		piece, e.at = piece[n:], e.at+int64(n)
	}
}

// End says what was wrong with the body, or nil.
func (e *Eye) End() error {
	if e.whole {
		if got := hex.EncodeToString(e.sum.Sum(nil)); got != e.object.SHA256 {
			return fmt.Errorf("the SHA-256 of %d bytes is %s; the file's is %s", e.at, got, e.object.SHA256)
		}
		return nil
	}
	if e.wrong >= 0 {
		return fmt.Errorf("the bytes are not the file's from about offset %d on", e.wrong)
	}
	return nil
}
