package testenv

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Answer hands each connection to a port of loopback to serve, closes it
// afterwards, and returns the port's host:port. When the test ends the port is
// closed and every serve has returned.
func Answer(tb testing.TB, serve func(net.Conn)) (addr string) {
	tb.Helper()
	ln, err := net.Listen("tcp", loopback(0))
	if err != nil {
		tb.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				serve(conn)
				_ = conn.Close()
			})
		}
	})
	tb.Cleanup(func() { _ = ln.Close(); running.Wait() })
	return ln.Addr().String()
}

// AnswerText answers each connection's first bytes with a text, closes it, and
// returns the URL.
func AnswerText(tb testing.TB, text string) (url string) {
	tb.Helper()
	return "http://" + Answer(tb, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Write([]byte(text))
	})
}

// ServeOn serves HTTP on an address, such as another one of loopback, until the
// test ends, and returns the URL.
func ServeOn(tb testing.TB, addr string, handler http.HandlerFunc) (url string) {
	tb.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	server := &httptest.Server{Listener: ln, Config: &http.Server{Handler: handler}}
	server.Start()
	tb.Cleanup(server.Close)
	return server.URL
}
