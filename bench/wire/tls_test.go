package wire

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A deployment stands behind TLS: the same client, the same bytes, a certificate
// that is checked, and a reset that the server sees as one.
func TestTLS(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	began, ended := make(chan struct{}), make(chan error, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write(content)
			return
		}
		_, _ = io.ReadFull(r.Body, make([]byte, 4))
		close(began)
		_, err := io.ReadAll(r.Body)
		ended <- err
	}))
	server.Config.ErrorLog = nil
	defer server.Close()
	target, err := ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), target, 30*time.Second); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Fatalf("a certificate of nobody's: %v; want a word about it", err)
	}
	target.tls.RootCAs = x509.NewCertPool()
	target.tls.RootCAs.AddCert(server.Certificate())
	conn, err := Dial(t.Context(), target, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if a, body, err := exchange(t, conn, target.Request("GET", "/whole"), false); err != nil || a.Status != 200 || !bytes.Equal(body, content) {
			t.Errorf("%d, %d bytes, %v; want all of %d", a.Status, len(body), err, len(content))
		}
	}
	// Everything that was sent to the client is read: only a reset can look like one.
	if err := conn.Send([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")); err != nil {
		t.Fatal(err)
	}
	<-began
	conn.Reset()
	select {
	case err := <-ended:
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the server saw %v; want a reset", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the server goes on waiting")
	}
}
