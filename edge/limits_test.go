package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// One client has so many requests at once and no more; another isn't concerned.
func TestRequestsPerClient(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxPerClient, c.TrustedProxies = 2, loopback })
	path := w.link(content(32<<20), nil)
	from := func(addr string) string { return testAgent + "\r\nX-Forwarded-For: " + addr }
	for range 2 {
		conn, res := w.start(path, from("192.0.2.1"), "")
		defer conn.Close()
		if res.StatusCode != 200 {
			t.Fatalf("%d; want 200", res.StatusCode)
		}
	}
	for addr, want := range map[string]int{"192.0.2.1": 429, "192.0.2.2": 200} {
		conn, res := w.start(path, from(addr), "bytes=0-9")
		if res.StatusCode/100 != want/100 {
			t.Errorf("%s: %d; want %d", addr, res.StatusCode, want)
		}
		conn.Close()
	}
}

// exhausted is a listener that runs out of descriptors some times, and then accepts.
type exhausted struct {
	net.Listener
	times atomic.Int64
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.times.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// TestOutOfDescriptors lets an edge run out of file descriptors: whoever comes waits until
// there are some again, and who is there already is served.
func TestOutOfDescriptors(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link([]byte("content"), nil)
	ln, err := Listen("127.0.0.1:0")
	must(t, err)
	short := &exhausted{Listener: ln}
	short.times.Store(3)
	e, err := New(w.edge.cfg, w.edge.parts)
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- e.Serve(short) }()
	client := http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Get("http://" + ln.Addr().String() + path)
	if err != nil || response.StatusCode != 200 {
		t.Errorf("%v, %v; want 200 once there are descriptors again", response, err)
	} else {
		response.Body.Close()
	}
	must(t, e.Shutdown(t.Context(), ended()))
	if err := <-served; err != nil {
		t.Errorf("Serve = %v; want it to go on until it is shut down", err)
	}
}

// TestManyBehindOneAddress has 400 people behind one address download at the same
// time, each slowly, and the same people ask for small things besides. The defaults
// are in nobody's way: there is no limit on how often an address may ask.
func TestManyBehindOneAddress(t *testing.T) {
	const people = 400
	w := newWorld(t, nil)
	slow, small := w.link(content(8<<20), nil), w.link(content(100), nil)
	for i := range people {
		conn, res := w.start(slow, fmt.Sprint("person/", i), "")
		defer conn.Close()
		if res.StatusCode != 200 {
			t.Fatalf("person %d: %d; want 200", i, res.StatusCode)
		}
	}
	for i := range 5 * people {
		if got := w.get(small, "User-Agent", fmt.Sprint("person/", i%people)); got.status != 200 {
			t.Fatalf("request %d: %d; want 200", i, got.status)
		}
	}
}

// ping asks for something on a new connection.
func (w *world) ping() error {
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	_, err = http.ReadResponse(bufio.NewReader(conn), nil)
	return err
}

// With the PROXY protocol the client is who the trusted proxy says it is; a peer
// that isn't trusted can say what it likes.
func TestProxyProtocol(t *testing.T) {
	const v1 = "PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n"
	v2 := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"), 192, 0, 2, 9, 192, 0, 2, 8, 4, 210, 0, 80)
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		header  string
		client  string // "" = not served
	}{
		"version 1":              {loopback, v1, "192.0.2.7"},
		"version 2":              {loopback, string(v2), "192.0.2.9"},
		"trusted, but no header": {loopback, "", ""},
		"forged":                 {nil, v1, ""},
		"direct":                 {nil, "", "127.0.0.1"},
	} {
		w := newWorld(t, func(cfg *Config, _ *Parts, _ *world) {
			cfg.ProxyProtocol, cfg.TrustedProxies, cfg.ReadTimeout = true, c.trusted, time.Second
		})
		want := content(100_000)
		path := w.link(want, capped(1))
		conn, err := net.Dial("tcp", w.addr)
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, c.header+"GET "+path+" HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\nConnection: close\r\n\r\n")
		must(t, err)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		served := err == nil && res.StatusCode == 200
		if served != (c.client != "") {
			t.Errorf("%s: served: %v, %v", name, served, err)
		}
		if !served {
			continue
		}
		if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		w.edge.records.Wait() // a set is seen a little later
		k, _, err := w.edge.records.Get(w.hash(path), time.Now())
		must(t, err)
		req := &request{addr: netip.MustParseAddr(c.client), agent: []byte("a")}
		if live, err := w.edge.parts.Leases.Take(t.Context(), w.edge.leaseOf(k, req), 0); !live || err != nil {
			t.Errorf("%s: the lease is not %s's", name, c.client)
		}
	}
}

// A trusted proxy that names no client speaks for many: none of them is refused
// for what the others do. It is told to the operator once, and counted.
func TestProxyThatNamesNobody(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxPerClient, c.TrustedProxies = 1, loopback })
	path := w.link(content(32<<20), nil)
	for _, agent := range []string{testAgent, testAgent + "\r\nX-Forwarded-For: 127.0.0.9", testAgent + "\r\nX-Forwarded-For: unknown"} {
		conn, res := w.start(path, agent, "")
		defer conn.Close()
		if res.StatusCode != 200 {
			t.Errorf("%q: %d; want 200", agent, res.StatusCode)
		}
	}
	if n := w.metric("rawlink_edge_unnamed_clients_total"); n != 3 {
		t.Errorf("counted %v; want 3", n)
	}
	if n := strings.Count(w.logs.String(), "doesn't say for whom it asks"); n != 1 {
		t.Errorf("told %d times; want once", n)
	}
}

// A client at a socket of the proxy's own machine has no address at all.
func TestProxyOfUnixSockets(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) {
		c.MaxPerClient, c.TrustedProxies, c.ProxyProtocol = 1, loopback, true
	})
	path := w.link(content(32<<20), nil)
	header := "\r\n\r\n\x00\r\nQUIT\n\x21\x31\x00\xd8" + strings.Repeat("\x00", 216)
	for range 3 {
		conn, err := net.Dial("tcp", w.addr)
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, header+"GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		must(t, err)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		if res.StatusCode != 200 {
			t.Errorf("%d; want 200", res.StatusCode)
		}
	}
}

// Whoever isn't trusted is one client, whatever stands in X-Forwarded-For.
func TestForgedForwardedForHasOneLimit(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) {
		c.MaxPerClient, c.TrustedProxies = 1, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	path := w.link(content(32<<20), nil)
	conn, res := w.start(path, testAgent+"\r\nX-Forwarded-For: 192.0.2.1", "")
	defer conn.Close()
	if res.StatusCode != 200 {
		t.Fatalf("%d; want 200", res.StatusCode)
	}
	for _, forged := range []string{"", "192.0.2.1", "198.51.100.7", "198.51.100.7, 192.0.2.1"} {
		if got := w.get(path, "Range", "bytes=0-9", "X-Forwarded-For", forged); got.status != 429 {
			t.Errorf("%q: %d; want 429", forged, got.status)
		}
	}
}

// A client of IPv6 changes 64 bits of its address at will: it is still one.
func TestCrowdCountsClientsNotAddresses(t *testing.T) {
	c := newCrowd(1)
	if c.enter(netip.MustParseAddr("2001:db8::1")) == nil {
		t.Fatal("the first is refused")
	}
	for addr, want := range map[string]bool{"2001:db8::2": false, "2001:db8:0:1::2": true} {
		if got := c.enter(netip.MustParseAddr(addr)) != nil; got != want {
			t.Errorf("%s enters: %v; want %v", addr, got, want)
		}
	}
}

// A trusted proxy opens as many connections as it likes.
func TestTrustedProxyHasNoConnectionLimit(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxConnsPerClient, c.TrustedProxies = 1, loopback })
	for range 3 {
		conn, err := net.Dial("tcp", w.addr)
		must(t, err)
		defer conn.Close()
	}
	must(t, w.ping())
}
