package origin

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestReferencePage loads /docs as a browser does, without a key: everything that
// the page names comes from this host, and its policy allows nothing else.
func TestReferencePage(t *testing.T) {
	r := serve(t, nil)
	get := func(path, encoding string) (*http.Response, string) {
		request := must(http.NewRequest(http.MethodGet, r.API+path, nil))
		request.Header.Set("Accept-Encoding", encoding)
		response := must(http.DefaultTransport.RoundTrip(request))
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s = %d; want 200", path, response.StatusCode)
		}
		return response, string(must(io.ReadAll(response.Body)))
	}
	response, page := get("/docs", "identity")
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy = %s; want none of other hosts, nothing unsafe", policy)
	}
	named := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 5 {
		t.Fatalf("the page names %d resources:\n%s", len(named), page)
	}
	for _, one := range named {
		if !strings.HasPrefix(one[1], "/") {
			t.Errorf("the page names %s; want only what this host serves", one[1])
			continue
		}
		plain, content := get(one[1], "identity")
		packed, _ := get(one[1], "gzip")
		if len(content) == 0 || plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d bytes, encoded %q for identity and %q for gzip", one[1], len(content), plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"))
		}
		if plain.Header.Get("Etag") == packed.Header.Get("Etag") {
			t.Errorf("%s has one ETag for two representations", one[1])
		}
	}
}
