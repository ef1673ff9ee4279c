package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// testAbuse sends what no honest client does, over raw connections where net/http
// would not, and wants a refusal with a reason.
func testAbuse(t *testing.T, s *testsystem.System) {
	t.Run("a header of 40 KB", func(t *testing.T) {
		status, body := raw(t, s, "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 40<<10)+"\r\n\r\n")
		if status != 431 || !strings.Contains(body, `{"detail":"the request's header is larger`) {
			t.Errorf("%d %s; want 431 with a reason", status, body)
		}
	})
	t.Run("a header of 1 MB", func(t *testing.T) {
		status, body := raw(t, s, "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
		if status != 431 || !strings.Contains(body, "Header Fields Too Large") {
			t.Errorf("%d %s; want 431 with a reason", status, body)
		}
	})
	t.Run("a body that never ends", func(t *testing.T) {
		t.Parallel()
		status, body := raw(t, s, "POST /api/v1/spaces HTTP/1.1\r\nHost: x\r\nX-API-Key: "+s.Key+"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"name\":")
		if status != 408 || !strings.Contains(body, `{"detail":`) {
			t.Errorf("%d %s; want 408 with a reason", status, body)
		}
	})
}

// raw sends text as it is, and returns the answer. What the server does not read
// to its end may break the connection.
func raw(t *testing.T, s *testsystem.System, text string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.API, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = conn.Write([]byte(text)) }() // ends with the connection
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	buffer := make([]byte, 1024)
	n, _ := response.Body.Read(buffer)
	return response.StatusCode, string(buffer[:n])
}

// testUnicodeKeys uploads under a client key of every Unicode category, and finds
// the file by it. Only control characters are refused.
func testUnicodeKeys(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	space := c.Space(t)
	categories := map[string]rune{"Lu": 'Ä', "Ll": 'ß', "Lt": 'ǅ', "Lm": 'ʰ', "Lo": '漢', "Mn": '\u0301', "Mc": '\u0903', "Me": '\u20dd', "Nd": '٣', "Nl": 'Ⅷ', "No": '½',
		"Pc": '‿', "Pd": '—', "Ps": '⟦', "Pe": '⟧', "Pi": '«', "Pf": '»', "Po": '¿', "Sm": '∑', "Sc": '€', "Sk": '˅', "So": '😀',
		"Zs": '\u3000', "Zl": '\u2028', "Zp": '\u2029', "Cf": '\u202e', "Co": '\ue000', "Cn": '\u0378', "noncharacter": '\uffff'}
	for category, char := range categories {
		key := fmt.Sprintf("%s/%c.", category, char)
		file := c.Upload(t, space, "a.txt", "text/plain", []byte("a"), testsystem.Object{"client_key": key})
		if got := file.Text("client_key"); got != key {
			t.Errorf("%s: stored as %q; want %q", category, got, key)
		}
		found := c.Must(t, 200, "GET", "/files/resolve?client_key="+url.QueryEscape(key), nil)
		if found.Text("id") != file.Text("id") {
			t.Errorf("%s: %q finds another file", category, key)
		}
	}
	for _, control := range []string{"\x00", "\n", "\x7f", "\u0085"} {
		body := testsystem.Object{"original_name": "a", "size": 1, "space_id": space, "client_key": "a" + control}
		if a := c.Do(t, "POST", "/uploads/initiate", body); a.Status != 422 || !strings.HasPrefix(a.Detail(), "client_key: ") {
			t.Errorf("%q: %d %s; want 422", control, a.Status, a.Raw)
		}
		if a := c.Do(t, "GET", "/files/resolve?client_key=a"+url.QueryEscape(control), nil); a.Status != 422 {
			t.Errorf("resolve %q: %d %s; want 422", control, a.Status, a.Raw)
		}
	}
}
