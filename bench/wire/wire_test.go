package wire

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testenv"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, base string) (Target, *Conn) {
	t.Helper()
	target, err := ParseTarget(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Dial(t.Context(), target, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return target, conn
}

func exchange(t *testing.T, c *Conn, request []byte, head bool) (Answer, []byte, error) {
	t.Helper()
	if err := c.Send(request); err != nil {
		t.Fatal(err)
	}
	a, err := c.Read(head)
	if err != nil {
		return a, nil, err
	}
	a.Header = bytes.Clone(a.Header)
	var body []byte
	err = c.Body(a, func(piece []byte) error { body = append(body, piece...); return nil })
	return a, body, err
}

// net/http is the judge: whatever it sends in whatever framing is to arrive.
func TestAgreesWithNetHTTP(t *testing.T) {
	content := make([]byte, 300_000)
	_, _ = rand.Read(content)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", strconv.Itoa(size))
		case "/chunked":
			w.(http.Flusher).Flush()
		case "/none":
			w.WriteHeader(http.StatusNotModified)
			return
		case "/close":
			w.Header().Set("Connection", "close")
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
		}
		_, _ = w.Write(content[:size])
	}))
	defer server.Close()
	for _, path := range []string{"/length", "/chunked", "/none", "/early", "/length", "/chunked"} {
		target, conn := connect(t, server.URL)
		for _, size := range []int{0, 1, 1024, 32 << 10, 33000, 300_000, 7} {
			for _, method := range []string{"GET", "HEAD"} {
				request := target.Request(method, path+"?size="+strconv.Itoa(size))
				a, body, err := exchange(t, conn, request, method == "HEAD")
				want := content[:size]
				if method == "HEAD" || path == "/none" {
					want = nil
				}
				if err != nil || !bytes.Equal(body, want) {
					t.Fatalf("%s %s of %d bytes: %d bytes, error %v", method, path, size, len(body), err)
				}
				if path == "/length" && a.Length != int64(size) {
					t.Errorf("%s %s says %d bytes; want %d", method, path, a.Length, size)
				}
			}
		}
	}
	target, conn := connect(t, server.URL)
	if a, _, err := exchange(t, conn, target.Request("GET", "/close?size=5"), false); err != nil || !a.Close {
		t.Errorf("closing answer: %+v, %v", a, err)
	}
}

func TestShortAndStrangeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"short body":     {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", io.ErrUnexpectedEOF},
		"short chunk":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n12345", io.ErrUnexpectedEOF},
		"no last chunk":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", io.ErrUnexpectedEOF},
		"short head":     {"HTTP/1.1 200 OK\r\nContent-Le", io.ErrUnexpectedEOF},
		"nothing":        {"", io.EOF},
		"another tongue": {"+PONG is what redis says\r\n\r\n", ErrNotHTTP},
		"bad status":     {"HTTP/1.1 2x0 OK\r\n\r\n", ErrNotHTTP},
		"bad length":     {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", ErrNotHTTP},
		"endless head":   {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 40<<10), ErrNotHTTP},
	} {
		target, conn := connect(t, testenv.AnswerText(t, c.text))
		if _, body, err := exchange(t, conn, target.Request("GET", "/"), false); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, error %v; want %v", name, body, err, c.want)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:80", "ftp://x", "http://", "http://x/s/abc", "http://x?a=b"} {
		if _, err := ParseTarget(base); err == nil {
			t.Errorf("target %q was taken", base)
		}
	}
	if target, err := ParseTarget("https://files.example.com/"); err != nil || target.addr != "files.example.com:443" {
		t.Errorf("https target: %+v, %v", target, err)
	}
}

func TestHitAllocatesNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1024))
	}))
	defer server.Close()
	target, conn := connect(t, server.URL)
	request := target.Request("GET", "/")
	// The server runs in this process, so what it allocates counts too: the parts
	// of ours are measured alone.
	head := []byte("HTTP/1.1 200 OK\r\nServer: x\r\nETag: \"a\"\r\nContent-Length: 1024\r\nCache-Control: no-store\r\n")
	if n := testing.AllocsPerRun(100, func() {
		a, err := parseHead(head)
		if etag, ok := a.Get("etag"); err != nil || !ok || string(etag) != `"a"` {
			t.Fatalf("%+v %v", a, err)
		}
	}); n > 0 {
		t.Errorf("parsing an answer allocates %.0f times", n)
	}
	if a, body, err := exchange(t, conn, request, false); err != nil || a.Status != 200 || len(body) != 1024 {
		t.Errorf("%+v %v", a, err)
	}
}
