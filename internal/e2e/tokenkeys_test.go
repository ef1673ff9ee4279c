package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/testsystem"
)

// TestTokenKeyRotation makes links with a new key while those of the old one go
// on, until it is retired.
func TestTokenKeyRotation(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	c := s.Client()
	file := c.CleanFile(t, c.Space(t), "a", "text/plain", text(t))
	_, first := c.Share(t, file, nil)
	var keys []struct {
		ID  int
		Use string
	}
	s.Admin(t, &keys, "token-key", "add")
	if fmt.Sprint(keys) != "[{1 seals and checks} {2 checks}]" {
		t.Errorf("add: %v", keys)
	}
	s.Admin(t, &keys, "token-key", "seal", "2")
	s.Origin.Stop()
	s.Origin.Start()
	_, second := c.Share(t, file, nil)
	for i, path := range []string{first, second} {
		if got := status(t, s.Files[0]+path); got != 200 {
			t.Errorf("link of key %d: %d; want 200", i+1, got)
		}
		if got := share.TokenKey(strings.TrimPrefix(path, "/s/")); got != i+1 {
			t.Errorf("link %d was made with key %d", i+1, got)
		}
	}
	if got := s.AdminFails(t, "token-key", "retire", "1"); !strings.Contains(got, "yes: every link that key 1 has sealed ends") {
		t.Errorf("retire without --yes: %s", got)
	}
	if got := s.AdminFails(t, "token-key", "retire", "2", "--yes"); !strings.Contains(got, "key 2 seals new links") {
		t.Errorf("retire what seals: %s", got)
	}
	s.Admin(t, &keys, "token-key", "retire", "1", "--yes")
	s.Origin.Stop()
	s.Origin.Start()
	if a, b := status(t, s.Files[0]+first), status(t, s.Files[0]+second); a != 404 || b != 200 {
		t.Errorf("after key 1 was retired: %d and %d; want 404 and 200", a, b)
	}
}

// TestTokenKeysAreRotatedWithoutAStop is the drill of docs/operating.md for many
// processes: a key is added everywhere, then seals everywhere, by hand-overs, which read
// the file with the keys anew. Links of either key work at every moment.
func TestTokenKeysAreRotatedWithoutAStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := filepath.Join(dir, "token-keys")
	if err := os.WriteFile(keys, []byte("1:"+share.NewKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testsystem.Production(t, "TOKEN_KEYS=@"+keys)
	c := s.Client()
	file := c.CleanFile(t, c.Space(t), "a", "text/plain", text(t))
	var paths []string
	check := func(when string) {
		t.Helper()
		_, path := c.Share(t, file, nil)
		paths = append(paths, path)
		for i, path := range paths {
			for edge, url := range s.Files {
				if got := status(t, url+path); got != http.StatusOK {
					t.Errorf("%s: link %d at edge %d: %d", when, i, edge, got)
				}
			}
		}
	}
	check("before")
	for i, step := range [][]string{{"add"}, {"seal", "2"}} {
		out := filepath.Join(dir, fmt.Sprint("next-", i))
		testsystem.Output(t, "rawlink", nil, append(append([]string{"admin", "token-key"}, step...), "--token-keys=@"+keys, "--out="+out)...)
		if err := os.Rename(out, keys); err != nil {
			t.Fatal(err)
		}
		for _, p := range append(append([]*testsystem.Program{}, s.Edges...), s.Origin) {
			p.HandOver()
			check(step[0])
		}
	}
	// What came on a connection kept from before was answered by the process of before.
	testsystem.Until(t, 10*time.Second, "a link of the second key", func() error {
		check("in the end")
		if key := share.TokenKey(strings.TrimPrefix(paths[len(paths)-1], "/s/")); key != 2 {
			return fmt.Errorf("the newest link is of key %d", key)
		}
		return nil
	})
	if key := share.TokenKey(strings.TrimPrefix(paths[0], "/s/")); key != 1 {
		t.Errorf("the oldest link is of key %d", key)
	}
}
