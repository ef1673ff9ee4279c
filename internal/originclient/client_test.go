package originclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"rawlink/internal/share"
)

// TestAnswersOfOthers: what stands before the origins may answer for them, as with a page
// that says that they are being worked on. That is no answer, and no defect either.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"<html>back soon</html>", `{"f":`, ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		c := New(server.URL, "secret")
		for what, ask := range map[string]func() error{
			"Record": func() error { _, err := c.Record(t.Context(), share.Hash{}); return err },
			"Redeem": func() error { _, err := c.Redeem(t.Context(), "share", share.Ask{N: 1}); return err },
			"Purged": func() error { _, err := c.Purged(t.Context(), 1); return err },
		} {
			if err := ask(); share.KindOf(err) != share.Unavailable {
				t.Errorf("%s, answered %q: %v; want Unavailable", what, body, err)
			}
		}
		c.Close()
		server.Close()
	}
}
