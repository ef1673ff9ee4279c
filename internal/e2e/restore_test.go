package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// TestPostgresBackupAndRestore is the drill of docs/operating.md: pg_dump while it
// runs, more downloads and changes, then everything stops, pg_restore, an empty Redis,
// and everything starts. Links and counts are as they were at the backup. No link gives
// more than its cap since the backup: what was left then, and not once more what blocks
// and windows of before the restore held. Changes after the restore are believed, though
// the versions of records begin again from lower ones.
func TestPostgresBackupAndRestore(t *testing.T) {
	t.Parallel()
	s := testsystem.Production(t)
	c := s.Client()
	file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", text(t))
	const large, taken = 4000, 60 // so large that it has blocks
	caps := []int64{1, 5, large}
	var links []link
	share := func(fields testsystem.Object) (l link) {
		l.id, l.path = c.Share(t, file, fields)
		return l
	}
	for _, most := range caps {
		links = append(links, share(testsystem.Object{"max_downloads": most}))
	}
	free, ended := share(nil), share(nil)
	c.Must(t, http.StatusOK, "DELETE", "/shares/"+ended.id, nil)
	get := func(l link, who string) int {
		response, _, err := testsystem.Fetch(t, "GET", s.Files[len(who)%len(s.Files)]+l.path, "User-Agent", who)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode
	}
	for i := range taken {
		get(links[2], fmt.Sprint("before/", i))
	}
	get(links[1], "before")
	get(free, "before")
	counted(t, c, links[1].id, 1, 20*time.Second)
	counted(t, c, links[2].id, taken, 20*time.Second)
	counted(t, c, free.id, 1, 20*time.Second)

	dump := filepath.Join(t.TempDir(), "rawlink.dump")
	dsn := s.Origin.Setting("DATABASE_URL")
	pg(t, "pg_dump", "--format=custom", "--file="+dump, dsn)
	for i := range taken { // what the backup does not know of
		get(links[2], fmt.Sprint("after/", i))
	}
	late := share(nil)
	for range 3 { // its versions go up
		c.Must(t, http.StatusOK, "PATCH", "/shares/"+free.id, testsystem.Object{"expires_in_days": 3})
	}
	for _, edge := range s.Edges {
		edge.Stop()
	}
	s.Origin.Stop()

	pg(t, "pg_restore", "--clean", "--if-exists", "--exit-on-error", "--dbname="+dsn, dump)
	emptyRedis(t, s.Origin.Setting("REDIS_URL"))
	s.Origin.Start()
	for _, edge := range s.Edges {
		edge.Start()
	}

	counted(t, c, links[1].id, 1, 20*time.Second)
	counted(t, c, links[2].id, taken, 20*time.Second)
	counted(t, c, free.id, 1, 20*time.Second)
	for name, want := range map[string]int{"ended": http.StatusGone, "late": http.StatusNotFound, "free": http.StatusOK} {
		if got := get(map[string]link{"ended": ended, "late": late, "free": free}[name], "restored"); got != want {
			t.Errorf("%s link: %d; want %d", name, got, want)
		}
	}
	for i, most := range caps {
		left := most - map[int]int64{1: 1, 2: taken}[i]
		served, busy := int64(0), int64(0)
		for n := int64(0); n < min(left, 200)+3; n++ {
			switch get(links[i], fmt.Sprintf("restored/%d.%d", i, n)) {
			case http.StatusOK:
				served++
			case http.StatusServiceUnavailable: // a busy machine: it may have been taken
				busy++
			}
		}
		if want := min(left, 203); served > want || served < want-min(busy, 3) {
			t.Errorf("cap %d: %d downloads after the restore; want %d", most, served, want)
		}
	}
	c.Must(t, http.StatusOK, "DELETE", "/shares/"+free.id, nil)
	testsystem.Until(t, heard, "a revocation", func() error {
		for _, who := range []string{"x", "xx"} { // an edge each
			if got := get(free, who); got != http.StatusGone {
				return fmt.Errorf("%d", got)
			}
		}
		return nil
	})
	var drifts []any
	s.Admin(t, &drifts, "recompute", "--check")
	if len(drifts) > 0 {
		t.Errorf("drift after the restore: %v", drifts)
	}
}

// pg runs one of PostgreSQL's programs.
func pg(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(testenv.PostgresTool(t, name), args...)
	cmd.Dir = os.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// emptyRedis has a Redis forget everything.
func emptyRedis(t *testing.T, url string) {
	t.Helper()
	server := testenv.RedisServer{Addr: strings.TrimPrefix(url, "redis://")}
	if answer := server.Ask(t, "FLUSHALL"); answer != "OK\n" {
		t.Fatalf("FLUSHALL: %q", answer)
	}
}
