package e2e

import (
	"net/http"
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

// keyed sends a POST with an idempotency key and returns status and body.
func keyed(t *testing.T, c *testsystem.Client, key, path, body string) (int, string) {
	t.Helper()
	request := must(http.NewRequest(http.MethodPost, c.API+"/api/v1"+path, strings.NewReader(body)))
	for name, value := range map[string]string{"X-API-Key": c.Key, "Idempotency-Key": key, "Content-Type": "application/json"} {
		request.Header.Set(name, value)
	}
	response, text, err := testsystem.Send(request)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// testOnce repeats a share's creation: one link, shown again, that works; and
// one that another tenant's same key has nothing to do with.
func testOnce(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: 1}))
	file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", text(t))
	body := `{"file_id":"` + file + `"}`
	status, first := keyed(t, c, "k", "/shares", body)
	if status != 201 {
		t.Fatalf("share = %d %s", status, first)
	}
	if status, again := keyed(t, c, "k", "/shares", body); status != 201 || again != first {
		t.Errorf("again: %d %s; want %s", status, again, first)
	}
	if status, other := keyed(t, c, "k", "/shares", body+" "); status != 422 {
		t.Errorf("another body: %d %s; want 422", status, other)
	}
	if status, other := keyed(t, c, "another", "/shares", body); status != 402 {
		t.Errorf("another key: %d %s; want 402, the limit is one link", status, other)
	}
	if status, other := keyed(t, s.Client(), "k", "/shares", body); status != 404 {
		t.Errorf("another tenant: %d %s; want 404", status, other)
	}
	from := strings.Index(first, "/s/")
	everywhere(t, s, first[from:from+strings.IndexByte(first[from:], '"')], 200)
	used(t, c, int64(len(text(t))), 1)
}
