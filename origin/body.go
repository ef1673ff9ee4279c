package origin

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// How large a request's body may be, in bytes, and how long it may take.
const (
	maxBody     = 1 << 20
	bodyTimeout = 5 * time.Second
)

// humaContext is huma.Context under a name that doesn't hide its method Context
// where it is embedded.
type humaContext = huma.Context

// withBody is a request whose body has been read.
type withBody struct {
	humaContext
	body   []byte
	failed error // why the rest could not be read
}

// BodyReader implements huma.Context.
func (b *withBody) BodyReader() io.Reader {
	if b.failed == nil {
		return bytes.NewReader(b.body)
	}
	return io.MultiReader(bytes.NewReader(b.body), failing{b.failed})
}

// SetReadDeadline implements huma.Context: huma would take off the deadline of a
// body that has failed, and net/http, which reads a body to its end before it
// answers, would then wait for it.
func (b *withBody) SetReadDeadline(time.Time) error { return nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// readBody reads the whole body under a deadline, and takes the deadline off
// again: left on the connection it would cancel the context of an operation that
// takes longer, for net/http watches the connection by reading from it. Of a
// body that is too large it reads enough for huma to see that.
func readBody(ctx huma.Context, next func(huma.Context)) {
	_ = ctx.SetReadDeadline(time.Now().Add(bodyTimeout)) // not every connection has one
	read := &withBody{humaContext: ctx}
	read.body, read.failed = io.ReadAll(io.LimitReader(ctx.BodyReader(), maxBody+1))
	if read.failed == nil {
		_ = ctx.SetReadDeadline(time.Time{})
	}
	next(read)
}

// followed is the body of a request, and whether all of it was read, or why not. Used by
// the request's goroutine.
type followed struct {
	io.ReadCloser
	ended bool
}

func follow(body io.ReadCloser) *followed {
	return &followed{ReadCloser: body, ended: body == nil || body == http.NoBody}
}

// Read implements io.Reader.
func (f *followed) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	f.ended = f.ended || err != nil
	return n, err
}
