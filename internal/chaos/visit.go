package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// patience is how long a client waits for an answer to end.
const patience = 20 * time.Second

// newUser returns an HTTP client that asks for bytes as they are and follows no
// redirects.
func newUser() *http.Client {
	return &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: 512, IdleConnTimeout: 10 * time.Second, DialContext: dialNarrow,
		},
	}
}

// dialNarrow connects with a small buffer of the kernel's, so that what a client has
// not read yet is not in its hands already.
func dialNarrow(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(32 << 10)
	}
	return conn, err
}

// Request is what a client asks a link for.
type Request struct {
	Edge   int
	Agent  string      // tells clients apart: leases belong to an agent
	From   int64       // first byte wanted
	Resume bool        // an earlier download of this agent paid for it
	Header http.Header // beside these
	Slow   time.Duration
	Stop   int64 // give up after so many bytes; 0 = never
}

// Visit sends a request, reads the answer and has the oracle note what came of
// it. A GET without From asks for the whole.
func (w *World) Visit(ctx context.Context, o *Oracle, l *Link, r Request) *Visit {
	v := &Visit{Link: l, Edge: r.Edge, Resume: r.Resume}
	var tries atomic.Int64
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { tries.Add(1) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Files[r.Edge]+l.Path, nil)
	if err != nil {
		o.Fault("request: %v", err)
		return v
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", r.Agent)
	if r.From > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.From))
	}
	v.Begin = time.Now()
	resp, err := w.user.Do(req)
	if err == nil {
		v.Status = resp.StatusCode
		v.read(resp, l.Body[r.From:], r)
		resp.Body.Close()
	}
	v.End = time.Now()
	v.Tries = int(tries.Load())
	o.Note(v)
	return v
}

// read compares the body with what it must be, and sees that the answer is one
// that may come: bytes, 410 and 503, the last with advice when to ask again.
func (v *Visit) read(resp *http.Response, want []byte, r Request) {
	switch v.Status {
	case http.StatusOK:
		if r.Resume { // the whole again: it can't be what was paid for
			want = v.Link.Body
		}
	case http.StatusPartialContent:
	case http.StatusGone:
		_, _ = io.Copy(io.Discard, resp.Body)
		return
	case http.StatusServiceUnavailable:
		if resp.Header.Get("Retry-After") == "" {
			v.Fault = "503 without Retry-After"
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return
	default:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		v.Fault = fmt.Sprintf("unexpected answer %d %s", v.Status, text)
		return
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buf)
		if int64(len(want)) < v.Bytes+int64(n) || !bytes.Equal(buf[:n], want[v.Bytes:v.Bytes+int64(n)]) {
			v.Fault = fmt.Sprintf("wrong bytes at %d of %d", v.Bytes, len(want))
			return
		}
		if v.Bytes += int64(n); n > 0 {
			v.Last = time.Now()
		}
		if errors.Is(err, io.EOF) {
			v.Whole = v.Bytes == int64(len(want))
			if !v.Whole {
				v.Fault = fmt.Sprintf("a body ended in order after %d of %d bytes", v.Bytes, len(want))
			}
			return
		}
		if err != nil || r.Stop > 0 && v.Bytes >= r.Stop {
			return // broken off, which a client sees
		}
		if r.Slow > 0 {
			time.Sleep(r.Slow)
		}
	}
}
