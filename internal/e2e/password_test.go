package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

// TestPasswords is CONTRACT §4's switch: a password is asked for, in every way in
// which one can be given, and guesses are rationed over all edges.
func TestPasswords(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "EDGE_ENFORCE_PASSWORDS=true", "EDGE_PASSWORD_TRIES=3", "EDGE_PASSWORD_SHARE_TRIES=6", "EDGE_TRUSTED_PROXIES=127.0.0.0/8")
			c, content := s.Client(), text(t)
			file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", content)
			_, path := c.Share(t, file, testsystem.Object{"password": "open sesame", "max_downloads": 2})
			from := func(client string, headers ...string) []string { return append(headers, "X-Forwarded-For", client) }
			first, last := s.Files[0], s.Files[len(s.Files)-1]

			passwordWays(t, first, last, path, content)
			passwordForm(t, first, last, path, content)
			if response, _, err := testsystem.Fetch(t, "GET", last+path, "X-Share-Password", "open sesame", "User-Agent", "another"); err != nil || response.StatusCode != 410 {
				t.Errorf("the third download: %v, %v; want 410", response, err)
			}

			_, path = c.Share(t, file, testsystem.Object{"password": "another one"})
			for i, want := range []int{401, 401, 401, 429} { // one client, at alternating edges
				response, _, err := testsystem.Fetch(t, "GET", s.Files[i%len(s.Files)]+path, from("198.51.100.1", "X-Share-Password", fmt.Sprint("guess ", i))...)
				if err != nil || response.StatusCode != want || (want == 429) != (response.Header.Get("Retry-After") != "") {
					t.Errorf("guess %d: %v, %v; want %d", i, response, err, want)
				}
			}
			if response, _, err := testsystem.Fetch(t, "GET", first+path, from("198.51.100.2", "X-Share-Password", "another one")...); err != nil || response.StatusCode != 200 {
				t.Errorf("somebody else with the password: %v, %v; want 200", response, err)
			}
		})
	}
}

// passwordWays are those of programs; they take one download of two.
func passwordWays(t *testing.T, first, last, path string, content []byte) {
	t.Helper()
	response, body, err := testsystem.Fetch(t, "GET", first+path)
	if err != nil || response.StatusCode != 401 || !strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Basic ") ||
		response.Header.Get("Cache-Control") != "no-store" || bytes.Contains(body, content) {
		t.Fatalf("without a password: %v, %v", response, err)
	}
	response, body, err = testsystem.Fetch(t, "GET", first+path, "X-Share-Password", "open sesame")
	if err != nil || response.StatusCode != 200 || !bytes.Equal(body, content) {
		t.Errorf("X-Share-Password: %v, %v", response, err)
	}
	// The first edge waits for the lease that it is opening; then it is everywhere.
	if response, _, err := testsystem.Fetch(t, "GET", first+path, "X-Share-Password", "open sesame", "Range", "bytes=4-"); err != nil || response.StatusCode != 206 {
		t.Errorf("a range: %v, %v", response, err)
	}
	resume, err := http.NewRequest("GET", last+path, nil) // at another edge
	if err != nil {
		t.Fatal(err)
	}
	resume.SetBasicAuth("whoever", "open sesame")
	resume.Header.Set("Range", "bytes=4-")
	if response, body, err = testsystem.Send(resume); err != nil || response.StatusCode != 206 || !bytes.Equal(body, content[4:]) {
		t.Errorf("a range with Basic: %v, %v", response, err)
	}
}

// passwordForm is the way of browsers; it takes one more.
func passwordForm(t *testing.T, first, last, path string, content []byte) {
	t.Helper()
	response, body, err := testsystem.Fetch(t, "GET", first+path, "Accept", "text/html")
	if err != nil || response.StatusCode != 401 || !strings.Contains(string(body), `<form method="post">`) || strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Basic") {
		t.Fatalf("the form: %v, %v", response, err)
	}
	send := func(text string) *http.Response {
		post, err := http.NewRequest("POST", first+path, strings.NewReader(url.Values{"password": {text}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, _, err := testsystem.Send(post)
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	if response := send("open says me"); response.StatusCode != 401 {
		t.Errorf("a wrong password in the form: %d; want 401", response.StatusCode)
	}
	response = send("open sesame")
	location := response.Header.Get("Location")
	if response.StatusCode != 303 || !strings.HasPrefix(location, "?grant=") || len(response.Header.Values("Set-Cookie")) != 0 {
		t.Fatalf("the right password in the form: %v; want 303", response)
	}
	if response, _, err = testsystem.Fetch(t, "GET", last+path+location, "X-Forwarded-For", "203.0.113.9"); err != nil || response.StatusCode != 401 {
		t.Errorf("where the form leads, from another address: %v, %v; want 401", response, err)
	}
	response, body, err = testsystem.Fetch(t, "GET", last+path+location) // at another edge
	if err != nil || response.StatusCode != 200 || !bytes.Equal(body, content) {
		t.Errorf("where the form leads: %v, %v", response, err)
	}
}
