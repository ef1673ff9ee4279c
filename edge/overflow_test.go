package edge

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Who comes when there are as many connections as may be is told so as anybody else
// who is refused, and the connection is closed; once another one ended, the next is
// served. It is the same with connections through which bodies are sent as files.
func TestTooManyConnections(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"of a client": func(c *Config) { c.MaxConnsPerClient = 3 },
		"of all":      func(c *Config) { c.MaxConns = 3 },
		"of all, of a proxy": func(c *Config) {
			c.MaxConns, c.ProxyProtocol, c.TrustedProxies = 3, true, loopback
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config, _ *Parts, _ *world) { set(c) })
			path := w.link(content(10), nil)
			if w.edge.cfg.ProxyProtocol {
				w.greeting = "PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n"
			}
			var held []net.Conn
			for range 3 {
				conn, res := w.start(path, testAgent, "")
				if res.StatusCode != 200 {
					t.Fatalf("%d; want 200", res.StatusCode)
				}
				defer conn.Close()
				held = append(held, conn)
			}
			w.checkOverflow(path, "*/*", "application/json", `{"detail":"too many requests"}`)
			w.checkOverflow(path, "text/html", "text/html; charset=utf-8", "Too many requests at once")
			held[0].Close()
			eventually(t, "its place is free again", func() bool {
				conn, res := w.start(path, testAgent, "")
				conn.Close()
				return res.StatusCode == 200
			})
		})
	}
}

// checkOverflow asks on a connection that is one too many.
func (w *world) checkOverflow(path, accept, contentType, body string) {
	w.tb.Helper()
	conn, res := w.start(path, testAgent+"\r\nAccept: "+accept, "")
	defer conn.Close()
	got, err := io.ReadAll(res.Body)
	if res.StatusCode != 429 || err != nil || !strings.Contains(string(got), body) || !res.Close {
		w.tb.Errorf("%d, %v, closes: %v, %s; want 429, and the end", res.StatusCode, err, res.Close, got)
	}
	for header, want := range map[string]string{
		"Content-Type": contentType, "Retry-After": "5", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": pagePolicy, "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": "*",
	} {
		if got := res.Header.Get(header); got != want {
			w.tb.Errorf("%s: %q; want %q", header, got, want)
		}
	}
	if len(res.Header.Get("X-Request-Id")) != 32 {
		w.tb.Error("no X-Request-Id")
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		w.tb.Errorf("then: %d bytes, %v; want the end", n, err)
	}
}

// Nobody holds a connection over a limit by keeping silent on it.
func TestOverflowIsImpatient(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxConns, c.ReadTimeout = 1, time.Hour })
	held, _ := w.start("/", testAgent, "")
	defer held.Close()
	conn, err := net.Dial("tcp", w.addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("held on; want the end")
	}
}

// As many as have a place are answered; the rest is closed at once, and all of it
// when the edge shuts down.
func TestOverflowIsBounded(t *testing.T) {
	o := (&Edge{}).newOverflow()
	o.places, o.server.ReadTimeout = 1, time.Hour
	o.server.Handler = nil // nobody asks
	ln, err := Listen("127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	take := func() net.Conn {
		client, err := net.Dial("tcp", ln.Addr().String())
		must(t, err)
		must(t, client.SetDeadline(time.Now().Add(20*time.Second)))
		conn, err := ln.Accept()
		must(t, err)
		o.take(conn)
		return client
	}
	silent, late := take(), take()
	defer silent.Close()
	defer late.Close()
	if _, err := late.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one more than there are places for: %v; want it closed", err)
	}
	if n := o.conns.count(); n != 1 {
		t.Errorf("%d are held; want 1", n)
	}
	o.close(t.Context())
	if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("at the end: %v; want it closed", err)
	}
	if n := o.conns.count(); n != 0 {
		t.Errorf("%d are left; want none", n)
	}
}
