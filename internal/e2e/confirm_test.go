package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// lookers are what opens a link by itself: scanners and previews, some of them under a
// browser's name.
var lookers = [][]string{
	{"User-Agent", "facebookexternalhit/1.1", "Range", "bytes=0-524287"},
	{"User-Agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
	{"User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", "Accept", "text/html,*/*;q=0.8"},
	{"User-Agent", "curl/8.11.1"},
	{"Range", "bytes=0-1"},
	{"If-None-Match", "*"},
}

// TestConfirm is R-7: a link that is to be confirmed is opened by POST alone, at any
// edge; what looks at it takes no download.
func TestConfirm(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "EDGE_TRUSTED_PROXIES=127.0.0.0/8")
			c, content := s.Client(), text(t)
			file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", content)
			id, path := c.Share(t, file, testsystem.Object{"confirm": true, "max_downloads": 1})
			first, last := s.Files[0], s.Files[len(s.Files)-1]
			for _, files := range s.Files {
				lookAt(t, files+path, content)
			}
			location := confirmed(t, first+path)
			if got := c.Must(t, 200, "GET", "/shares/"+id, nil).Number("download_count"); got != 0 {
				t.Errorf("download_count = %d before the first GET that is served; want 0", got)
			}
			get := func(what, url string, want int, headers ...string) {
				t.Helper()
				response, body, err := testsystem.Fetch(t, "GET", url, headers...)
				if err != nil || response.StatusCode != want || want == 200 && !bytes.Equal(body, content) || want == 206 && !bytes.Equal(body, content[4:]) {
					t.Errorf("%s: %v, %v, %q; want %d", what, response, err, body, want)
				}
			}
			get("a grant of another address", last+path+location, 403, "X-Forwarded-For", "203.0.113.9")
			get("the grant at another edge", last+path+location, 200)
			get("resumed", last+path+location, 206, "Range", "bytes=4-")
			get("once more", last+path+location, 410)
			get("without the grant, by another client", last+path, 410, "User-Agent", "another")
			testsystem.Until(t, 10*time.Second, "the count", func() error {
				if got := c.Must(t, 200, "GET", "/shares/"+id, nil).Number("download_count"); got != 1 {
					return fmt.Errorf("download_count = %d; want 1", got)
				}
				return nil
			})
			oneCommand(t, c, file, first, content)
			changedConfirm(t, s, c, file)
		})
	}
}

// lookAt has everybody look who does by themselves.
func lookAt(t *testing.T, url string, content []byte) {
	t.Helper()
	for _, headers := range lookers {
		for _, method := range []string{"GET", "HEAD"} {
			response, body, err := testsystem.Fetch(t, method, url, headers...)
			if err != nil || response.StatusCode != 403 || !strings.Contains(response.Header.Get("Allow"), "POST") || response.Header.Get("ETag") != "" ||
				response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("CDN-Cache-Control") != "no-store" || bytes.Contains(body, content[:11]) {
				t.Errorf("%s %v: %v, %v, %q; want 403, POST allowed, and nothing of the file", method, headers, response, err, body)
			}
		}
	}
}

// confirmed sends the page's form, and returns where that leads.
func confirmed(t *testing.T, url string) string {
	t.Helper()
	post, err := http.NewRequest("POST", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, body, err := testsystem.Send(post)
	if err != nil || response.StatusCode != 303 || len(body) != 0 || len(response.Header.Values("Set-Cookie")) != 0 {
		t.Fatalf("POST: %v, %v, %q; want 303", response, err, body)
	}
	return response.Header.Get("Location")
}

// oneCommand is what the documents tell programs to do.
func oneCommand(t *testing.T, c *testsystem.Client, file, files string, content []byte) {
	t.Helper()
	_, path := c.Share(t, file, testsystem.Object{"confirm": true, "max_downloads": 1})
	if out, err := exec.Command("curl", "-sS", "--fail", "-L", "-d", "", files+path).Output(); err != nil || !bytes.Equal(out, content) {
		t.Errorf("curl: %v, %q; want the file", err, out)
	}
}

// changedConfirm asks for confirmation later, and takes it back.
func changedConfirm(t *testing.T, s *testsystem.System, c *testsystem.Client, file string) {
	t.Helper()
	id, path := c.Share(t, file, nil)
	everywhere(t, s, path, 200)
	for _, confirm := range []bool{true, false} {
		want := map[bool]int{true: 403, false: 200}[confirm]
		if got := c.Must(t, 200, "PATCH", "/shares/"+id, testsystem.Object{"confirm": confirm}); got.Body["confirm"] != confirm {
			t.Errorf("PATCH: %s; want confirm %v", got.Raw, confirm)
		}
		everywhere(t, s, path, want)
	}
}
