package originclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"rawlink/internal/share"
)

// TestRefusals: an origin's own are believed.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]share.Kind{404: share.NotFound, 410: share.Gone, 401: share.Unavailable, 503: share.Unavailable} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, `{"detail":"no"}`)
		}))
		c := New(server.URL, "secret")
		if _, err := c.Record(t.Context(), share.Hash{}); share.KindOf(err) != want {
			t.Errorf("answered %d: %v, of kind %d; want kind %d", status, err, share.KindOf(err), want)
		}
		c.Close()
		server.Close()
	}
}

// TestAnswersOfOthers: what stands before the origins may answer for them, as with a page
// that says that they are being worked on, or that there is nothing behind it. That says
// nothing of a link.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	for body, status := range map[string]int{"<html>back soon</html>": 200, `{"f":`: 200, "": 200, "default backend - 404": 404, "<html>gone</html>": 410} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		c := New(server.URL, "secret")
		for what, ask := range map[string]func() error{
			"Record": func() error { _, err := c.Record(t.Context(), share.Hash{}); return err },
			"Redeem": func() error { _, err := c.Redeem(t.Context(), "share", share.Ask{N: 1}); return err },
			"Purged": func() error { _, err := c.Purged(t.Context(), 1); return err },
		} {
			if err := ask(); share.KindOf(err) != share.Unavailable {
				t.Errorf("%s, answered %d %q: %v; want Unavailable", what, status, body, err)
			}
		}
		c.Close()
		server.Close()
	}
}
