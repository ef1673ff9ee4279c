package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A server that differs from the edge is told apart before anything is measured.
func TestVerify(t *testing.T) {
	const body = "bytes"
	sum := sha256.Sum256([]byte(body))
	want := []header{{"Accept-Ranges", ""}, {"Content-Length", "5"}, {"Content-Type", "text/plain"}, {"Date", ""}, {"Etag", ""}, {"X-Extra", ""}}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		fault  string // in the error; "" = none
	}{
		{"alike", func(w http.ResponseWriter, r *http.Request) { answerAs(w, r, body, "X-Extra", "Server") }, ""},
		{"other bytes", func(w http.ResponseWriter, r *http.Request) { answerAs(w, r, "bytez", "X-Extra") }, "SHA-256"},
		{"a header missing", func(w http.ResponseWriter, r *http.Request) { answerAs(w, r, body) }, "headers"},
		{"a header more", func(w http.ResponseWriter, r *http.Request) { answerAs(w, r, body, "X-Extra", "Via") }, "headers"},
		{"no conditions", func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-None-Match")
			answerAs(w, r, body, "X-Extra")
		}, "want 304"},
	} {
		t.Run(c.name, func(t *testing.T) {
			web := httptest.NewServer(c.answer)
			defer web.Close()
			s := &server{name: "test", base: web.URL}
			err := s.verify(t.Context(), []*object{{Name: "o", Target: "/s/x", SHA256: hex.EncodeToString(sum[:]), OK: want}})
			switch {
			case c.fault == "" && err != nil:
				t.Errorf("%v; want no fault", err)
			case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
				t.Errorf("%v; want a fault about %s", err, c.fault)
			}
		})
	}
}

func answerAs(w http.ResponseWriter, r *http.Request, body string, extra ...string) {
	for _, name := range extra {
		w.Header().Set(name, "x")
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("ETag", `"v1"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
}
