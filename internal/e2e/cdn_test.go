package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// cdn is a CDN's purge API that is down at first, and then elsewhere.
type cdn struct {
	mu     sync.Mutex
	failed int
	purges map[string][]time.Time // share id → when it was to be dropped
	wrong  []string
}

func (c *cdn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/elsewhere" {
		c.wrong = append(c.wrong, "a redirection was followed, and took the secret along")
	}
	switch c.failed++; c.failed {
	case 1:
		w.WriteHeader(http.StatusBadGateway)
		return
	case 2:
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		return
	}
	var body struct {
		Tags []string `json:"tags"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.Header.Get("Fastly-Key") != "sesame: open" {
		c.wrong = append(c.wrong, fmt.Sprint(r.Method, r.Header, err))
	}
	for _, id := range body.Tags {
		c.purges[id] = append(c.purges[id], time.Now())
	}
}

// told waits until a share was purged at least n times.
func (c *cdn) told(t *testing.T, id string, n int) []time.Time {
	t.Helper()
	var at []time.Time
	testsystem.Until(t, 30*time.Second, "the CDN's purge", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if at = slices.Clone(c.purges[id]); len(at) < n {
			return fmt.Errorf("%d purges; want %d", len(at), n)
		}
		return nil
	})
	return at
}

// TestCDNIsTold revokes one link and purges the file of another: the CDN is told
// to drop what it keeps of both, by the key that their answers carry.
func TestCDNIsTold(t *testing.T) {
	waiting(t, func(t *testing.T, setup setup) {
		fake := &cdn{purges: map[string][]time.Time{}}
		server := httptest.NewServer(fake)
		defer server.Close()
		s := setup(t, "CDN_PURGE_URL="+server.URL+"/purge?secret=of-the-cdn", "CDN_PURGE_HEADER=Fastly-Key: sesame: open", "CDN_PURGE_FIELD=tags")
		c := s.Client()
		file := c.CleanFile(t, c.Space(t), "a", "text/plain", text(t))
		revoked, path := c.Share(t, file, nil)
		kept, _ := c.Share(t, file, nil)
		response, _, err := testsystem.Fetch(t, "GET", s.Files[0]+path)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []string{"Surrogate-Key", "Cache-Tag"} {
			if keys := response.Header.Get(h); !strings.Contains(keys, revoked) {
				t.Errorf("%s: %s; want it to name share %s", h, keys, revoked)
			}
		}
		began := time.Now()
		c.Must(t, 200, "DELETE", "/shares/"+revoked, nil)
		at := fake.told(t, revoked, 2)
		if first, again := at[0].Sub(began), at[1].Sub(at[0]); first < time.Second || again < 5*time.Second {
			t.Errorf("told after %v and %v later; want it after the edges know, and again when each of them must", first, again)
		}
		fake.mu.Lock()
		early := len(fake.purges[kept])
		fake.mu.Unlock()
		if early > 0 {
			t.Error("a link that did not change was dropped")
		}
		c.Must(t, 204, "DELETE", "/gdpr/files/"+file, nil)
		fake.told(t, kept, 1)
		server.Close() // waits for what it is answering
		if len(fake.wrong) > 0 {
			t.Errorf("wrong requests: %v", fake.wrong)
		}
		for _, p := range s.Programs() {
			if strings.Contains(p.Stderr(), "of-the-cdn") || strings.Contains(p.Stderr(), "sesame") {
				t.Error("the CDN's secret is in a log")
			}
		}
	})
}

// TestCDNSettings: a mistake is named at the start.
func TestCDNSettings(t *testing.T) {
	for setting, want := range map[string]string{
		"RAWLINK_CDN_PURGE_URL=cdn.example.com":    "cdn_purge_url: want an http or https URL",
		"RAWLINK_CDN_PURGE_HEADER=nothing to send": "cdn_purge_header: want NAME: VALUE",
	} {
		said := testsystem.Fails(t, "rawlink", []string{"DATA=" + t.TempDir(), "CDN_PURGE_URL=https://cdn.example.com/purge", strings.TrimPrefix(setting, "RAWLINK_")}, "up",
			"--api-addr=127.0.0.1:0", "--files-addr=127.0.0.1:0", "--ops-addr=127.0.0.1:0")
		if !strings.Contains(said, want) {
			t.Errorf("%s: said %s; want %q", setting, said, want)
		}
	}
}
