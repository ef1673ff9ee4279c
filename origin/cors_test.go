package origin

import (
	"net/http"
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

// TestScriptsOfOtherOrigins: scripts of a web origin that was named may call the API
// and read what it says, refusals too; those of others may not.
func TestScriptsOfOtherOrigins(t *testing.T) {
	t.Parallel()
	const named, other = "https://app.example.com", "https://evil.example.com"
	r := serve(t, func(c *Config, _ *Parts) { c.Origins = []string{named} })
	ask := func(method, path string, header ...string) http.Header {
		t.Helper()
		response, _, err := testsystem.Fetch(t, method, r.API+path, header...)
		if err != nil {
			t.Fatal(err)
		}
		return response.Header
	}
	preflight := func(origin, method, path string) http.Header {
		return ask(http.MethodOptions, path, "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type,idempotency-key,if-match,if-none-match,x-api-key")
	}
	for _, method := range []string{"POST", "PATCH", "DELETE"} {
		got := preflight(named, method, prefix+"/spaces")
		if got.Get("Access-Control-Allow-Origin") != named || got.Get("Access-Control-Allow-Methods") != method || got.Get("Access-Control-Allow-Headers") != "authorization,content-type,idempotency-key,if-match,if-none-match,x-api-key" {
			t.Errorf("preflight of %s: %v", method, got)
		}
	}
	if got := ask("GET", prefix+"/spaces", "Origin", named, "X-API-Key", "wrong"); got.Get("Access-Control-Allow-Origin") != named || !strings.Contains(got.Get("Access-Control-Expose-Headers"), "X-Request-Id, Etag") {
		t.Errorf("a refusal: %v; want it readable", got)
	}
	for what, got := range map[string]http.Header{
		"preflight of another origin": preflight(other, "POST", prefix+"/spaces"), "request of another origin": ask("GET", prefix+"/spaces", "Origin", other),
		"preflight beside the API": ask(http.MethodOptions, "/docs", "Origin", named, "Access-Control-Request-Method", "GET"),
	} {
		if got.Get("Access-Control-Allow-Origin") != "" || got.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v; want nothing allowed", what, got)
		}
	}
	none := serve(t, nil)
	if response, _, err := testsystem.Fetch(t, http.MethodOptions, none.API+prefix+"/spaces", "Origin", named, "Access-Control-Request-Method", "POST"); err != nil || response.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("with none named: %v, %v; want nothing allowed", response, err)
	}
}
