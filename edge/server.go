package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// cutGrace is how long goroutines get to notice that their connection was cut.
const cutGrace = 2 * time.Second

// newServer returns the HTTP server. Bodies are not streamed in, so an unread
// one can't be taken for the next request; deadlines keep a client that trickles
// its header from holding a connection.
func (e *Edge) newServer() *fasthttp.Server {
	return &fasthttp.Server{
		Handler:                      e.handle,
		ErrorHandler:                 e.handleUnreadable,
		ConnState:                    e.conns.note,
		Logger:                       serverLog{e.log},
		Concurrency:                  math.MaxInt32, // the listeners count: fasthttp's refusal is not ours
		ReadBufferSize:               e.cfg.MaxHeader,
		WriteBufferSize:              writeBuffer,
		MaxRequestBodySize:           maxBody,
		ReadTimeout:                  e.cfg.ReadTimeout,
		IdleTimeout:                  e.cfg.IdleTimeout,
		WriteTimeout:                 e.cfg.SendStall, // until a body moves its deadline
		CloseOnShutdown:              true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		DisablePreParseMultipartForm: true,
	}
}

// Listen opens the address, so that a port that is taken fails at once.
func Listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for files: %w", err)
	}
	return ln, nil
}

// Serve answers on the listener until Shutdown, and then returns nil. Call it
// once.
func (e *Edge) Serve(ln net.Listener) error {
	ln = &gate{Listener: ln}
	e.conns.listen(ln)
	ln = &limited{Listener: ln, crowd: newCrowd(e.cfg.MaxConnsPerClient), trusted: e.proxies, rest: e.overflow.take, log: e.log}
	if e.cfg.ProxyProtocol {
		ln = e.proxies.behind(ln, e.cfg.ReadTimeout)
	}
	ln = &bounded{Listener: ln, most: e.cfg.MaxConns, open: e.conns.count, rest: e.overflow.take} // past the PROXY header
	if err := e.server.Serve(ln); err != nil {
		return fmt.Errorf("serve files: %w", err)
	}
	return nil
}

// Shutdown stops accepting and waits for the requests under way. Connections that
// wait for one are kept until idle ends: whoever asks on one meanwhile is
// answered and told that it is the last time, where a connection closed under a
// request would look like a failure. When ctx ends before the requests do, it cuts
// their connections and returns ctx's error. Either way no request runs afterwards.
func (e *Edge) Shutdown(ctx context.Context, idle context.Context) error {
	e.draining.Store(true)
	e.conns.refuse()
	e.conns.wait(idle)
	err := e.server.ShutdownWithContext(ctx)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutGrace)
	defer cancel()
	if err != nil {
		e.cancel()
		e.conns.cut()
		e.conns.wait(late)
	}
	e.overflow.close(late)
	e.cancel()
	e.judging.Wait()
	e.opening.Close()
	e.locks.close()
	e.bytes.Close()
	e.records.Close()
	if err != nil {
		return fmt.Errorf("shut down edge: %w", err)
	}
	return nil
}

// handleUnreadable answers what fasthttp could not read as a request. The
// connection closes after it.
func (e *Edge) handleUnreadable(ctx *fasthttp.RequestCtx, err error) {
	t := e.open()
	defer t.free()
	var tooLong *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &tooLong):
		e.sendRefusal(ctx, refusedHeader, t)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		if _, ok := parseMethod(ctx.Method()); !ok {
			e.sendRefusal(ctx, refusedMethod, t)
			return
		}
		e.sendRefusal(ctx, refusedBody, t)
	case errors.As(err, &network) && network.Timeout():
		e.sendRefusal(ctx, refusedTimeout, t)
	default:
		e.sendRefusal(ctx, refusalOf(errHasBody), t)
	}
}

// gate is a listener that may be closed more than once, by whoever is first.
type gate struct {
	net.Listener
	once sync.Once
	err  error
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.once.Do(func() { g.err = g.Listener.Close() })
	return g.err
}

// TakeOver returns when the directory of slices is this process's, or when ctx
// ends: a predecessor leaves it once this one serves. Until then slices come from
// the store and aren't kept.
func (e *Edge) TakeOver(ctx context.Context) {
	for e.bytes.Settle() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(settleEvery):
		}
	}
}

// settleEvery is how often a directory that is another process's is asked for.
const settleEvery = 20 * time.Millisecond

// LeaveDisk gives the directory of slices to a successor. Slices that are there are
// still read; no more are kept.
func (e *Edge) LeaveDisk() {
	e.left.Store(true) // first: nothing that stays in there may be marked as removed
	e.bytes.LeaveDisk()
}

// conns knows the open connections, so that they can be cut.
type conns struct {
	mu     sync.Mutex // guards what follows
	open   map[net.Conn]struct{}
	closed bool // connections are cut as they come
	down   bool // listeners are closed as they come
	ln     net.Listener
}

// listen notes the listener about to be served. fasthttp learns of it only a
// little later, and a Shutdown in between would miss it.
func (c *conns) listen(ln net.Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ln = ln
	if c.down {
		_ = ln.Close()
	}
}

// refuse closes the listener, now or when it comes.
func (c *conns) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
	if c.ln != nil {
		_ = c.ln.Close() // a second close, mostly
	}
}

// note follows a connection's life. It is the server's ConnState hook.
func (c *conns) note(conn net.Conn, state fasthttp.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case fasthttp.StateNew:
		if c.open == nil {
			c.open = make(map[net.Conn]struct{})
		}
		c.open[conn] = struct{}{}
		if c.closed {
			_ = conn.Close()
		}
	case fasthttp.StateClosed, fasthttp.StateHijacked:
		delete(c.open, conn)
	}
}

// count returns how many are open.
func (c *conns) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// cut ends all reads and writes, on connections to come too. Their goroutines
// then close them.
func (c *conns) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.open {
		_ = conn.Close()
	}
}

// wait returns when no connection is left, or when ctx ends.
func (c *conns) wait(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		left := len(c.open)
		c.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

// serverLog takes fasthttp's own messages. Their arguments may quote a request,
// so only the constant part is kept.
type serverLog struct{ log *slog.Logger }

// Printf logs the message's form.
func (l serverLog) Printf(format string, _ ...any) { l.log.Debug("http server", "event", format) }
