package origin

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestConsole loads the console as a browser does, without a key.
func TestConsole(t *testing.T) {
	r := serve(t, nil)
	ask := func(method, path string, header ...string) (*http.Response, string) {
		request := must(http.NewRequest(method, r.API+path, nil))
		request.Header.Set("Accept-Encoding", "identity")
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response := must(http.DefaultTransport.RoundTrip(request))
		defer func() { _ = response.Body.Close() }()
		return response, string(must(io.ReadAll(response.Body)))
	}
	response, page := ask("GET", "/")
	policy := response.Header.Get("Content-Security-Policy")
	for _, wanted := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self' " + r.API + ";", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, wanted) {
			t.Errorf("policy = %s; want %s", policy, wanted)
		}
	}
	if response.StatusCode != 200 || response.Header.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		t.Errorf("/ = %d, %v", response.StatusCode, response.Header)
	}
	if regexp.MustCompile(`<script[^>]*>[^<]|<style| style=| on[a-z]+=|https?:`).MatchString(page) {
		t.Errorf("the page holds a script or style of its own, or names another host:\n%s", page)
	}

	named := regexp.MustCompile(`(?:src|href)="(/assets/[^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 3 {
		t.Fatalf("the page names %d parts:\n%s", len(named), page)
	}
	total := packedSize(page)
	for _, one := range named {
		part, content := ask("GET", one[1])
		total += packedSize(content)
		if part.StatusCode != 200 || part.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || part.Header.Get("Content-Type") == "" {
			t.Errorf("%s = %d, %v", one[1], part.StatusCode, part.Header)
		}
		head, nothing := ask("HEAD", one[1])
		if head.StatusCode != 200 || nothing != "" || head.ContentLength != int64(len(content)) {
			t.Errorf("HEAD %s = %d, %d bytes promised, %d sent", one[1], head.StatusCode, head.ContentLength, len(nothing))
		}
		if again, _ := ask("GET", one[1], "If-None-Match", part.Header.Get("Etag")); again.StatusCode != 304 {
			t.Errorf("%s again = %d; want 304", one[1], again.StatusCode)
		}
	}
	if total > 100<<10 {
		t.Errorf("the console is %d bytes, compressed; want at most 100 KiB", total)
	}

	for path, status := range map[string]int{"/assets/none.js": 404, "/assets/": 404, "/index.html": 404, "/console": 404, "/api/v1/none": 404} {
		if answer, body := ask("GET", path); answer.StatusCode != status || !strings.HasPrefix(body, `{"detail":`) {
			t.Errorf("%s = %d %s; want %d as JSON", path, answer.StatusCode, body, status)
		}
	}
	if answer, _ := ask("POST", "/"); answer.StatusCode != 405 || answer.Header.Get("Allow") != "GET" {
		t.Errorf("POST / = %d, Allow %q", answer.StatusCode, answer.Header.Get("Allow"))
	}
}

// TestNoConsole has an origin without one answer / as any other unknown path.
func TestNoConsole(t *testing.T) {
	r := serve(t, func(c *Config, _ *Parts) { c.Console = false })
	if answer, body := r.send(t, "GET", "/", ""); answer.StatusCode != 404 || !strings.HasPrefix(body, `{"detail":`) {
		t.Errorf("/ = %d %s; want 404", answer.StatusCode, body)
	}
}

func packedSize(content string) int {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte(content))
	_ = writer.Close()
	return packed.Len()
}
