package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// TestRescan has new signatures find what old ones passed: the file's links end
// on every edge, within the bound, and the tenant is told.
func TestRescan(t *testing.T) {
	late, other := []byte("a virus that nobody knew yet\n"), []byte("something harmless\n")
	learn := map[string]func(t *testing.T) (s *testsystem.System, learn func()){
		"embedded": func(t *testing.T) (*testsystem.System, func()) {
			list := filepath.Join(t.TempDir(), "hashes")
			write := func(text string) {
				if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("")
			s := testsystem.Embedded(t, append(receivers, "SCAN_HASHES="+list)...)
			return s, func() {
				write(testsystem.SHA256(late) + "\n")
				s.Origin.Stop()
				s.Origin.Start()
			}
		},
		"production": func(t *testing.T) (*testsystem.System, func()) {
			clamd := testenv.Clamd(t)
			s := testsystem.Production(t, append(receivers, "CLAMD_HOSTS="+clamd.TCP)...)
			return s, func() { clamd.Learn(t, late) }
		},
	}
	for name, start := range learn {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, learn := start(t)
			c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
			tenant := c.Must(t, 200, "GET", "/me", nil).Text("tenant_id")
			box := newInbox(t)
			box.hook(t, c, "file.infected", "file.clean")
			space := c.Space(t)
			bad, good := c.CleanFile(t, space, "late.txt", "text/plain", late), c.CleanFile(t, space, "good.txt", "text/plain", other)
			_, badPath := c.Share(t, bad, nil)
			_, goodPath := c.Share(t, good, nil)
			everywhere(t, s, badPath, 200)
			var done []struct {
				Queued, Waiting, Failing int
				GivenUp                  int `json:"given_up"`
			}
			s.Admin(t, &done, "rescan", "--tenant", tenant, "--wait", "--every", "50ms")
			if fmt.Sprint(done) != "[{2 0 0 0}]" {
				t.Errorf("rescan = %+v; want 2 queued and nothing left", done)
			}
			everywhere(t, s, badPath, 200) // nothing new was found
			box.await(t, 10*time.Second, 1, "file.clean "+bad)

			learn()
			later := time.Now().UTC().Add(time.Second).Format(time.RFC3339)
			s.Admin(t, &done, "rescan", "--tenant", tenant, "--before", "2020-01-01")
			if done[0].Queued != 0 {
				t.Errorf("%d files were last scanned before 2020", done[0].Queued)
			}
			s.Admin(t, &done, "rescan", "--tenant", tenant, "--before", later, "--wait", "--every", "50ms")
			if fmt.Sprint(done) != "[{2 0 0 0}]" {
				t.Errorf("rescan = %+v; want 2 queued and nothing left", done)
			}
			for _, files := range s.Files {
				testsystem.Until(t, 5*time.Second, "infected at every edge", func() error {
					if got := status(t, files+badPath); got != 409 {
						return fmt.Errorf("answered %d", got)
					}
					return nil
				})
			}
			everywhere(t, s, goodPath, 200)
			box.await(t, 10*time.Second, 1, "file.infected "+bad)
			box.await(t, 10*time.Second, 0, "file.infected "+good)
			if got := c.Must(t, 200, "GET", "/files/"+bad, nil); got.Text("scan_status") != "infected" || got.Text("scan_detail") == "" {
				t.Errorf("file = %s", got.Raw)
			}
			s.AdminFails(t, "rescan", "--file", "no-such-file")
			s.AdminFails(t, "rescan", "--before", "yesterday")
		})
	}
}
