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
	ended := make(chan error, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/whole" {
			_, _ = w.Write(content)
			return
		}
		for {
			if _, err := w.Write(content); err != nil {
				ended <- err
				return
			}
		}
	}))
	server.Config.ErrorLog = nil
	defer server.Close()
	target, err := ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), target, time.Second); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Fatalf("a certificate of nobody's: %v; want a word about it", err)
	}
	target.tls.RootCAs = x509.NewCertPool()
	target.tls.RootCAs.AddCert(server.Certificate())
	conn, err := Dial(t.Context(), target, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if a, body, err := exchange(t, conn, target.Request("GET", "/whole"), false); err != nil || a.Status != 200 || !bytes.Equal(body, content) {
			t.Errorf("%d, %d bytes, %v; want all of %d", a.Status, len(body), err, len(content))
		}
	}
	if err := conn.Send(target.Request("GET", "/endless")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(false); err != nil {
		t.Fatal(err)
	}
	conn.Reset()
	select {
	case err := <-ended:
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the server saw %v; want a reset", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server goes on sending")
	}
}
