package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/testenv"
)

// world is what a test's client may reach: addresses that stand for the public
// internet. Loopback's own 127.0.0.1 stands for the inside, and is not among them.
var world = prefixes("127.0.0.2/32", "127.0.0.3/32")

func newClient(change func(*Config)) *Client {
	config := Config{Allow: world, Ports: []uint16{80, 443}, Plain: true, Redirects: 3, Idle: 30 * time.Second, Agent: "test"}
	if change != nil {
		change(&config)
	}
	return New(config)
}

// listen serves on one address of loopback and returns its host:port.
func listen(t *testing.T, addr string, handler http.HandlerFunc) string {
	t.Helper()
	return strings.TrimPrefix(testenv.ServeOn(t, addr, handler), "http://")
}

func get(t *testing.T, c *Client, url string) (status int, body string, err error) {
	t.Helper()
	u, err := c.Check(url)
	if err != nil {
		return 0, "", err
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	return response.StatusCode, string(raw), err
}

// wantRefused checks for a Refusal with this text, and for a server inside that
// nobody asked.
func wantRefused(t *testing.T, what string, err error, reason string) {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Reason != reason {
		t.Errorf("%s: %v; want refused, for it %s", what, err, reason)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	c, strict := newClient(nil), newClient(func(c *Config) { c.Plain, c.Allow = false, nil })
	for url, want := range map[string]string{
		"https://example.com/a?b=c#d": "", "http://example.com:8080": "", "https://[2606:4700::1111]/": "",
		"":                           "is not an absolute URL such as https://example.com/file.pdf",
		"/etc/passwd":                "is not an absolute URL such as https://example.com/file.pdf",
		"https://":                   "is not an absolute URL such as https://example.com/file.pdf",
		"https://:443/":              "is not an absolute URL such as https://example.com/file.pdf",
		"mailto:a@example.com":       "is not an absolute URL such as https://example.com/file.pdf",
		"https://exa mple.com/":      "is not an absolute URL such as https://example.com/file.pdf",
		" https://example.com/":      "is not an absolute URL such as https://example.com/file.pdf",
		"https://example.com/\r\nX:": "is not an absolute URL such as https://example.com/file.pdf",
		"ftp://example.com/":         "must begin with https:// or http://",
		"file://localhost/etc":       "must begin with https:// or http://",
		"gopher://example.com":       "must begin with https:// or http://",
		"https://u@example.com/":     "must not hold a user name or password",
		"https://u:p@example.com/":   "must not hold a user name or password",
		"https://example.com:0/":     "has no port from 1 to 65535",
		"https://example.com:65536/": "has no port from 1 to 65535",
		"http://127.0.0.1/":          "leads to an address that is not public",
		"http://[::1]/":              "leads to an address that is not public",
		"http://[::ffff:a9fe:a9fe]/": "leads to an address that is not public",
		"http://[fe80::1%25lo]/":     "must not name a network interface",
		"https://8.8.8.8:22/":        "port 22 is not allowed; allowed are 80, 443",
		"https://example.com/" + strings.Repeat("a", maxURL): "is longer than 2048 bytes",
	} {
		got := ""
		if _, err := c.Check(url); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Check(%.60q) = %q; want %q", url, got, want)
		}
	}
	_, err := strict.Check("http://example.com/")
	wantRefused(t, "http", err, "must begin with https://")
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	inside := listen(t, "127.0.0.1:0", func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	at := listen(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" || r.Header.Get("User-Agent") != "test" {
			t.Errorf("header = %v; want no Referer, and our name", r.Header)
		}
		switch to := r.URL.Query().Get("to"); {
		case to != "":
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
		case r.URL.Path == "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			fmt.Fprint(w, "end")
		}
	})
	c := newClient(nil)
	if status, body, err := get(t, c, "http://"+at+"/?to=/end"); status != 200 || body != "end" || err != nil {
		t.Errorf("a redirect: %d %q %v; want it followed", status, body, err)
	}
	for to, want := range map[string]string{
		"http://" + inside + "/":                 "redirects to a URL that leads to an address that is not public",
		"http://localhost:" + port(inside) + "/": "leads to an address that is not public", // by name: seen at the connection
		"http://169.254.169.254/latest":          "redirects to a URL that leads to an address that is not public",
		"ftp://" + at + "/":                      "redirects to a URL that must begin with https:// or http://",
		"http://u:p@" + at + "/":                 "redirects to a URL that must not hold a user name or password",
	} {
		_, _, err := get(t, c, "http://"+at+"/?to="+to)
		wantRefused(t, to, err, want)
	}
	_, _, err := get(t, c, "http://"+at+"/loop")
	wantRefused(t, "a loop", err, "redirects more than 3 times")
	if status, _, err := get(t, newClient(func(c *Config) { c.Redirects = 0 }), "http://"+at+"/loop"); status != 302 || err != nil {
		t.Errorf("without redirects: %d %v; want the answer itself", status, err)
	}
	if asked.Load() != 0 {
		t.Errorf("the inside was asked %d times", asked.Load())
	}
}

func port(hostport string) string {
	_, port, _ := net.SplitHostPort(hostport)
	return port
}

// TestRebinding has a name that means the world when it is first asked for, and
// the inside from then on.
func TestRebinding(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	again := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }
	at := listen(t, "127.0.0.2:0", again)
	ln, err := net.Listen("tcp", "127.0.0.1:"+port(at)) // the same port, inside
	for range 20 {
		if err == nil {
			break
		}
		at = listen(t, "127.0.0.2:0", again) // somebody had that one
		ln, err = net.Listen("tcp", "127.0.0.1:"+port(at))
	}
	if err != nil {
		t.Fatal(err)
	}
	inside := &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })}}
	inside.Start()
	t.Cleanup(inside.Close)
	dns := names(t, "127.0.0.2", "127.0.0.1")
	c := newClient(func(c *Config) { c.Resolver = dns })
	_, _, err = get(t, c, "http://rebind.test:"+port(at)+"/")
	wantRefused(t, "a name that changed", err, "leads to an address that is not public")
	_, _, err = get(t, c, "http://rebind.test:"+port(at)+"/")
	wantRefused(t, "a name of the inside", err, "leads to an address that is not public")
	if asked.Load() != 0 {
		t.Errorf("the inside was asked %d times", asked.Load())
	}
}

// names is a resolver whose one server answers with these addresses in turn, the
// last one for ever.
func names(t *testing.T, addrs ...string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		query := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			answer, isA := dnsAnswer(query[:n], netip.MustParseAddr(addrs[0]))
			if isA && len(addrs) > 1 {
				addrs = addrs[1:]
			}
			_, _ = server.WriteTo(answer, from)
		}
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// dnsAnswer answers a query (RFC 1035 §4) for an A record with an address, any
// other one with nothing.
func dnsAnswer(query []byte, addr netip.Addr) (answer []byte, isA bool) {
	end := 12
	for query[end] != 0 { // labels of the name
		end += int(query[end]) + 1
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	isA = kind == 1
	answer = append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end+5]...)
	if isA {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, addr.AsSlice()...)
	}
	return answer, isA
}

func TestProxyOfTheEnvironment(t *testing.T) {
	var asked atomic.Int64
	proxy := listen(t, "127.0.0.3:0", func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	t.Setenv("HTTP_PROXY", "http://"+proxy)
	t.Setenv("HTTPS_PROXY", "http://"+proxy)
	dns := names(t, "127.0.0.1")
	_, _, err := get(t, newClient(func(c *Config) { c.Resolver = dns }), "http://example.test/")
	wantRefused(t, "past a proxy", err, "leads to an address that is not public")
	if asked.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	left := make(chan struct{}, 2)
	at := listen(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			fmt.Fprint(w, "a beginning")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		left <- struct{}{}
	})
	c := newClient(func(c *Config) { c.Idle = 2 * time.Second })
	if _, body, err := get(t, c, "http://"+at+"/body"); !errors.Is(err, ErrIdle) || body != "a beginning" {
		t.Errorf("a silent body: %q, %v; want ErrIdle", body, err)
	}
	var timeout net.Error
	if _, _, err := get(t, c, "http://"+at+"/header"); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a silent server: %v; want a timeout", err)
	}
	for range 2 { // both connections are closed
		<-left
	}
}

func TestLargeHeader(t *testing.T) {
	t.Parallel()
	at := listen(t, "127.0.0.2:0", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 2*maxHeader))
	})
	if _, _, err := get(t, newClient(nil), "http://"+at+"/"); err == nil {
		t.Error("a header of 128 KiB was read")
	}
}
