package redisstore_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a listener and Redis. Its network can fail the way real
// ones do: silently.
type proxy struct {
	addr     string
	accepted atomic.Int64 // connections so far

	mu      sync.Mutex
	changed sync.Cond // held ended
	target  string
	dark    bool       // bytes vanish in both directions; nothing is closed
	held    bool       // bytes wait, and are delivered even if their sender gave up
	conns   []net.Conn // both ends of every connection
}

func startProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), target: target}
	p.changed.L = &p.mu
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			p.join(client, &wg)
		}
	})
	tb.Cleanup(func() { _ = l.Close(); p.release(); p.cut(); wg.Wait() })
	return p
}

func (p *proxy) join(client net.Conn, wg *sync.WaitGroup) {
	p.mu.Lock()
	defer p.mu.Unlock()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	p.conns = append(p.conns, client, server)
	wg.Go(func() { p.pipe(client, server) })
	wg.Go(func() { p.pipe(server, client) })
}

func (p *proxy) pipe(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if !p.delivers() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// delivers waits while bytes are held, and reports whether they then go on.
func (p *proxy) delivers() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.held {
		p.changed.Wait()
	}
	return !p.dark
}

func (p *proxy) set(state *bool, value bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*state = value
	p.changed.Broadcast()
}

// darken and lighten begin and end the silence. Connections that lost bytes in
// it stay lost, as with a NAT that forgot them.
func (p *proxy) darken()  { p.set(&p.dark, true) }
func (p *proxy) lighten() { p.set(&p.dark, false) }

// hold and release begin and end the delay of all bytes.
func (p *proxy) hold()    { p.set(&p.held, true) }
func (p *proxy) release() { p.set(&p.held, false) }

// cut closes every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// retarget sends new connections elsewhere.
func (p *proxy) retarget(addr string) { p.mu.Lock(); p.target = addr; p.mu.Unlock() }
