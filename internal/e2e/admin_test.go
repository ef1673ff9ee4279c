package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to drift a figure behind everybody's back

	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

type explained []struct{ Layer, State, Version, Says string }

// of returns what a layer says.
func (e explained) of(layer string) string {
	for _, l := range e {
		if l.Layer == layer {
			return l.State + " " + l.Version + " " + l.Says
		}
	}
	return ""
}

// TestAdminAccess closes the API to a tenant and opens it, and replaces a key
// while its client works.
func TestAdminAccess(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			var tenant []struct{ ID string }
			s.Admin(t, &tenant, "tenant", "create", "acme")
			old := s.NewKey(t, tenant[0].ID, "spaces:read", "quota:read")
			s.As(old).Must(t, 200, "GET", "/spaces", nil)
			s.AdminQuietly(t, "tenant", "suspend", tenant[0].ID)
			s.As(old).Must(t, 403, "GET", "/spaces", nil)
			s.AdminQuietly(t, "tenant", "resume", tenant[0].ID)
			s.As(old).Must(t, 200, "GET", "/spaces", nil)

			type key struct {
				ID, Key, State string
				Scopes         []string
				ExpiresAt      *string `json:"expires_at"`
			}
			var before, made, after []key
			s.Admin(t, &before, "key", "list", "--tenant", tenant[0].ID)
			s.Admin(t, &made, "key", "rotate", before[0].ID, "--overlap", "1h")
			s.As(made[0].Key).Must(t, 200, "GET", "/quota", nil)
			s.As(old).Must(t, 200, "GET", "/quota", nil)
			s.As(made[0].Key).Must(t, 403, "GET", "/files", nil) // no more scopes than the old one
			s.Admin(t, &after, "key", "list", "--tenant", tenant[0].ID)
			if len(after) != 2 || after[0].ExpiresAt == nil || after[1].ExpiresAt != nil || strings.Join(after[1].Scopes, " ") != "spaces:read quota:read" {
				t.Errorf("keys after the rotation: %+v", after)
			}
			s.Admin(t, &made, "key", "rotate", made[0].ID, "--overlap", "0s")
			s.As(made[0].Key).Must(t, 200, "GET", "/quota", nil)
			s.As(old).Must(t, 200, "GET", "/quota", nil)
			if got := s.AdminFails(t, "key", "rotate", after[1].ID); !strings.Contains(got, "key has expired") {
				t.Errorf("an ended key was rotated: %s", got)
			}
			for _, args := range [][]string{{"key", "rotate", "nobody"}, {"key", "revoke", "nobody"}, {"tenant", "suspend", "nobody"}, {"key", "create", "--tenant", "nobody"}} {
				if got := s.AdminFails(t, args...); strings.Count(got, "\n") != 1 || !strings.Contains(got, "list shows them") {
					t.Errorf("admin %v: %q", args, got)
				}
			}
		})
	}
}

// TestExplain says what an edge would do, from every layer, without the token in
// its output.
func TestExplain(t *testing.T) {
	keys, redis := "1:"+share.NewKey(), testenv.Redis(t)
	file := filepath.Join(t.TempDir(), "token-keys")
	if err := os.WriteFile(file, []byte(keys+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	extra := []string{"--token-keys", "@" + file, "--redis-url", "redis://" + redis.Addr}
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var flags []string
			settings := []string{}
			if name == "production" {
				flags, settings = extra, []string{"TOKEN_KEYS=" + keys, "REDIS_URL=redis://" + redis.Addr}
			}
			s := setup(t, settings...)
			c := s.Client()
			id := c.CleanFile(t, c.Space(t), "a", "text/plain", text(t))
			linkID, path := c.Share(t, id, testsystem.Object{"max_downloads": 1, "password": "x"})
			look := func(link string, more ...string) (e explained) {
				s.AdminReading(t, link+"\n", &e, append(append([]string{"explain"}, flags...), more...)...)
				return e
			}
			if e := look(s.Files[0] + path + "/name?grant=x"); e.of("answer") != "200  served" || e.of("share") != "is  "+linkID || e.of("tag") != "good  made with token key 1" {
				t.Errorf("good: %+v", e)
			}
			if e := look(path, "--passwords"); !strings.HasPrefix(e.of("answer"), "401") {
				t.Errorf("with a password: %+v", e)
			}
			if _, asking := c.Share(t, id, testsystem.Object{"confirm": true}); !strings.HasPrefix(look(asking).of("answer"), "403") {
				t.Errorf("to be confirmed: %+v", look(asking))
			}
			if got := status(t, s.Files[0]+path); got != 200 {
				t.Fatalf("explaining took the only download: %d", got)
			}
			everywhere(t, s, path, 410)
			if e := look(path); !strings.HasPrefix(e.of("answer"), "410  all 1 downloads") {
				t.Errorf("used up: %+v", e)
			}
			c.Must(t, 200, "DELETE", "/shares/"+linkID, nil)
			testsystem.Until(t, 20*time.Second, "the shared cache to know", func() error {
				e := look(path)
				if !strings.Contains(e.of("answer"), "410  the share is revoked") || name == "production" && !strings.Contains(e.of("l2"), "410 the share is revoked") {
					return fmt.Errorf("%+v", e)
				}
				return nil
			})
			bad := []byte(path)
			bad[len(bad)-1] ^= 1
			if e := look(string(bad)); len(e) != 2 || !strings.HasPrefix(e.of("answer"), "404") {
				t.Errorf("a forged one: %+v", e)
			}
			c.Must(t, 204, "DELETE", "/gdpr/files/"+id, nil)
			if e := look(path); !strings.HasPrefix(e.of("database"), "absent") || !strings.HasPrefix(e.of("answer"), "404") {
				t.Errorf("purged: %+v", e)
			}
		})
	}
}

// TestBackupAndRestore copies a Rawlink that is being written to, starts the copy,
// and finds in it what was there: counts, quota, and links that serve their bytes.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	c := s.Client()
	space := c.Space(t)
	type made struct {
		path    string
		content []byte
	}
	var before []made
	add := func(i int) made {
		content := fmt.Appendf(nil, "file %d of %s", i, t.Name())
		_, path := c.Share(t, c.CleanFile(t, space, fmt.Sprint(i), "text/plain", content), testsystem.Object{"max_downloads": 2})
		return made{path, content}
	}
	for i := range 5 {
		before = append(before, add(i))
	}
	if got := status(t, s.Files[0]+before[0].path); got != 200 {
		t.Fatal(got)
	}
	to := filepath.Join(t.TempDir(), "backup")
	writing, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ends with writing
		defer close(stopped)
		for {
			select {
			case <-writing:
				return
			default:
				c.Do(t, "POST", "/spaces", testsystem.Object{"name": "meanwhile"})
			}
		}
	}()
	var report []struct{ Files, Shares, Copied, Missing int64 }
	for range 2 {
		s.Admin(t, &report, "backup", to)
	}
	close(writing)
	<-stopped
	if r := report[0]; r.Files != 5 || r.Shares != 5 || r.Missing != 0 || r.Copied != 0 {
		t.Errorf("the second backup: %+v; want 5 files and shares, and nothing left to copy", r)
	}
	for i := range 2 { // not in the backup
		add(100 + i)
	}
	s.Origin.Stop()

	restored := testsystem.Embedded(t, "DATA="+to)
	if restored.Key != s.Key {
		t.Errorf("another API key")
	}
	r := restored.Client()
	if got := len(r.Must(t, 200, "GET", "/files", nil).List); got != 5 {
		t.Errorf("%d files; want 5", got)
	}
	for i, m := range before {
		response, body, err := testsystem.Fetch(t, "GET", restored.Files[0]+m.path)
		if err != nil || response.StatusCode != 200 || !bytes.Equal(body, m.content) {
			t.Errorf("link %d: %v, %v", i, response, err)
		}
	}
	if got := status(t, restored.Files[0]+before[0].path); got != 410 { // one before the backup, one after
		t.Errorf("the third download of a cap of 2: %d; want 410", got)
	}
	var drifts []any
	restored.Admin(t, &drifts, "recompute", "--check")
	if len(drifts) > 0 {
		t.Errorf("drift in the backup: %v", drifts)
	}
	if got := s.AdminFails(t, "backup", filepath.Join(to, "secrets.json")); !strings.Contains(got, "to: ") {
		t.Errorf("backup into a file: %s", got)
	}
}

// TestRecompute finds a figure that was changed behind everybody's back, and sets
// it right.
func TestRecompute(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := testsystem.Embedded(t, "DATA="+data)
	c := s.Client()
	content := text(t)
	c.CleanFile(t, c.Space(t), "a", "text/plain", content)
	var drifts []struct {
		Figure       string
		Kept, Actual int64
	}
	s.Admin(t, &drifts, "recompute", "--check")
	if len(drifts) != 0 {
		t.Fatalf("drift from the start: %v", drifts)
	}
	db, err := sql.Open("sqlite", filepath.Join(data, "rawlink.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`PRAGMA busy_timeout = 5000; UPDATE tenants SET bytes_stored = bytes_stored + 7, bytes_reserved = 3`); err != nil {
		t.Fatal(err)
	}
	if got := s.AdminFails(t, "recompute", "--check"); !strings.Contains(got, "2 figures have drifted") {
		t.Errorf("check: %s", got)
	}
	s.Admin(t, &drifts, "recompute")
	if want := fmt.Sprintf("[{bytes_stored %d %d} {bytes_reserved 3 0}]", len(content)+7, len(content)); fmt.Sprint(drifts) != want {
		t.Errorf("repaired: %v; want %s", drifts, want)
	}
	used(t, c, int64(len(content)), 0)
	s.Admin(t, &drifts, "recompute", "--check")
	if len(drifts) != 0 {
		t.Errorf("drift after the repair: %v", drifts)
	}
	var deeds []struct{ Operation string }
	s.Admin(t, &deeds, "audit", "--limit=1")
	if len(deeds) != 1 || deeds[0].Operation != "recompute" {
		t.Errorf("audit: %+v; want the repair", deeds)
	}
}
