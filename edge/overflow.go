package edge

import (
	"context"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// What connections over a limit are given, all together.
const (
	overflowPlaces   = 256             // more are closed as they come
	overflowPatience = 3 * time.Second // for a request to arrive, and for its answer to be taken
)

// overflow answers the connections that are over a limit: a refusal to the first
// request of each, and its end. It waits for that request, since an answer that
// comes before it is lost where the connection is then closed under it. Places are
// few and held shortly, so nobody holds much by coming again and again.
type overflow struct {
	server *fasthttp.Server
	places int
	conns  conns
}

func (e *Edge) newOverflow() *overflow {
	o := &overflow{server: e.newServer(), places: overflowPlaces}
	o.server.Handler = e.handleOverflow
	o.server.ConnState = o.conns.note
	o.server.ReadTimeout, o.server.WriteTimeout = overflowPatience, overflowPatience
	o.server.DisableKeepalive = true
	return o
}

// take has the connection answered, or closes it.
func (o *overflow) take(conn net.Conn) {
	if o.conns.count() >= o.places {
		_ = conn.Close()
		return
	}
	o.conns.note(conn, fasthttp.StateNew) // ServeConn notes the end alone
	go func() { _ = o.server.ServeConn(conn) }()
}

// close cuts what is there, and waits for it until ctx ends.
func (o *overflow) close(ctx context.Context) {
	o.conns.cut()
	o.conns.wait(ctx)
}

func (e *Edge) handleOverflow(ctx *fasthttp.RequestCtx) { e.answer(ctx, (*Edge).turnAway) }

func (*Edge) turnAway(*fasthttp.RequestCtx, *tally) error { return errConns }

// bounded is a listener that has so many connections at once and sends the rest
// elsewhere.
type bounded struct {
	net.Listener
	most int
	open func() int
	rest func(net.Conn)
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil || b.open() < b.most {
			return conn, err
		}
		b.rest(conn)
	}
}
