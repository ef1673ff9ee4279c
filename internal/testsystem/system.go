package testsystem

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

// System is a running Rawlink.
type System struct {
	Name  string
	API   string   // base URL of the control plane
	Files []string // base URL of each edge
	Ops   []string // base URL of every ops listener
	Key   string   // of the first tenant, with every scope

	Origin *Program // in the embedded set-up all of these are one program
	Edges  []*Program
	Caches []string // directory of each edge's slices

	admin []string // arguments that lead the admin commands to the database
}

// Limits are a tenant's; -1 is unlimited.
type Limits struct{ Bytes, Links int64 }

// Setups are the two ways to run Rawlink. extra are settings, NAME=value without
// the RAWLINK_ before them, on top of what the set-up needs.
func Setups() map[string]func(tb testing.TB, extra ...string) *System {
	return map[string]func(tb testing.TB, extra ...string) *System{"embedded": Embedded, "production": Production}
}

// noLimit keeps tests that poll from being refused; requests are still counted.
const noLimit = "LIMIT_REQUESTS=1000000"

var printedKey = regexp.MustCompile(`API key +(fck_\S+)`)

// Embedded starts the all-in-one, in an empty directory unless extra names one.
func Embedded(tb testing.TB, extra ...string) *System {
	tb.Helper()
	data, cache := filepath.Join(tb.TempDir(), "data"), filepath.Join(tb.TempDir(), "cache")
	api, files, ops := Address(tb), Address(tb), Address(tb)
	for _, setting := range extra {
		if dir, given := strings.CutPrefix(setting, "DATA="); given {
			data = dir
		}
	}
	settings := append([]string{noLimit, "DATA=" + data, "API_ADDR=" + api, "FILES_ADDR=" + files, "OPS_ADDR=" + ops, "EDGE_CACHE_DIR=" + cache}, extra...)
	up := begin(&Program{tb: tb, name: "rawlink", args: []string{"up"}, settings: settings, readyURL: "http://" + ops + "/readyz"})
	var found []string
	Until(tb, 10*time.Second, "API key", func() error { // printed before it was ready, but read from a pipe
		if found = printedKey.FindStringSubmatch(up.Stdout()); found == nil {
			return fmt.Errorf("none in the output:\n%s", up.Stdout())
		}
		return nil
	})
	return &System{
		Name: "embedded", API: "http://" + api, Files: []string{"http://" + files}, Ops: []string{"http://" + ops},
		Key: found[1], Origin: up, Edges: []*Program{up}, Caches: []string{cache}, admin: []string{"--data", data},
	}
}

// Production starts an origin and two edges on PostgreSQL, Redis, an S3 server
// and clamd.
func Production(tb testing.TB, extra ...string) *System {
	tb.Helper()
	dsn, redis, bucket, clamd := testenv.Postgres(tb), testenv.Redis(tb), testenv.S3(tb), testenv.Clamd(tb)
	api, internal, ops := Address(tb), Address(tb), Address(tb)
	files := []string{Address(tb), Address(tb)}
	const internalKey = "a-secret-of-the-internal-api"
	shared := append([]string{
		noLimit,
		"TOKEN_KEYS=1:" + share.NewKey(), "INTERNAL_KEY=" + internalKey, "REDIS_URL=redis://" + redis.Addr,
		"S3_ENDPOINT=" + bucket.Endpoint, "S3_REGION=" + bucket.Region, "S3_BUCKET=" + bucket.Bucket,
		"S3_ACCESS_KEY=" + bucket.AccessKey, "S3_SECRET_KEY=" + bucket.SecretKey,
		"LEASE_KEY=" + share.NewKey(), "MINT_SECRET=" + share.NewKey(),
	}, extra...)
	s := &System{Name: "production", API: "http://" + api, admin: []string{"--database-url", dsn}}
	s.Origin = Run(tb, "origin", append([]string{
		"DATABASE_URL=" + dsn, "API_ADDR=" + api, "INTERNAL_ADDR=" + internal, "OPS_ADDR=" + ops,
		"FILES_URL=http://" + files[0], "CLAMD_HOSTS=" + clamd.TCP, fmt.Sprintf("CLAMD_MAX_SIZE=%d", testenv.ClamdFileMax),
	}, shared...), "http://"+ops+"/readyz")
	s.Ops = append(s.Ops, "http://"+ops)
	for i, addr := range files {
		ops, cache, journal := Address(tb), filepath.Join(tb.TempDir(), "cache"), filepath.Join(tb.TempDir(), "journal")
		s.Caches = append(s.Caches, cache)
		s.Edges = append(s.Edges, Run(tb, "edge", append([]string{
			"FILES_ADDR=" + addr, "OPS_ADDR=" + ops, "ORIGIN_URL=http://" + internal, fmt.Sprintf("EDGE_NAME=edge-%d", i), "EDGE_CACHE_DIR=" + cache, "EDGE_JOURNAL_DIR=" + journal,
		}, shared...), "http://"+ops+"/readyz"))
		s.Files, s.Ops = append(s.Files, "http://"+addr), append(s.Ops, "http://"+ops)
	}
	s.Key = s.NewTenant(tb, Limits{-1, -1})
	return s
}

// OnDatabase returns a system of programs that Run started: its API is at api, and
// admin commands find the database by its data source name.
func OnDatabase(dsn, api string) *System {
	return &System{Name: "own", API: api, admin: []string{"--database-url", dsn}}
}

// Programs are the system's processes, each once.
func (s *System) Programs() []*Program {
	if s.Origin == s.Edges[0] {
		return s.Edges
	}
	return append([]*Program{s.Origin}, s.Edges...)
}

// NewTenant adds a tenant and returns a key of it with these scopes, all if none
// is named.
func (s *System) NewTenant(tb testing.TB, limits Limits, scopes ...string) (key string) {
	tb.Helper()
	var tenant []struct{ ID string }
	s.Admin(tb, &tenant, "tenant", "create", "test", fmt.Sprintf("--bytes-limit=%d", limits.Bytes), fmt.Sprintf("--links-limit=%d", limits.Links))
	return s.NewKey(tb, tenant[0].ID, scopes...)
}

// NewKey adds a key to a tenant.
func (s *System) NewKey(tb testing.TB, tenantID string, scopes ...string) (key string) {
	tb.Helper()
	var made []struct{ Key string }
	args := []string{"key", "create", "--tenant", tenantID}
	if len(scopes) > 0 {
		args = append(args, "--scopes", strings.Join(scopes, ","))
	}
	s.Admin(tb, &made, args...)
	return made[0].Key
}

// Admin runs an admin command on the system's database and decodes its answer.
func (s *System) Admin(tb testing.TB, answer any, args ...string) {
	tb.Helper()
	out := Output(tb, "rawlink", nil, append(append([]string{"admin"}, args...), append(s.admin, "--json")...)...)
	if err := json.Unmarshal([]byte(out), answer); err != nil {
		tb.Fatalf("admin %s: %v in %s", strings.Join(args[:2], " "), err, out)
	}
}

// AdminQuietly runs an admin command that prints nothing.
func (s *System) AdminQuietly(tb testing.TB, args ...string) {
	tb.Helper()
	if out := Output(tb, "rawlink", nil, append(append([]string{"admin"}, args...), s.admin...)...); len(out) > 0 {
		tb.Errorf("admin %s printed %s", strings.Join(args[:2], " "), out)
	}
}

// AdminFails runs an admin command that must fail, and returns what it says.
func (s *System) AdminFails(tb testing.TB, args ...string) string {
	tb.Helper()
	return Fails(tb, "rawlink", nil, append(append([]string{"admin"}, args...), s.admin...)...)
}

// Address returns a loopback address that nothing listens on.
func Address(tb testing.TB) string { return fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(tb)) }

// Until calls try until it returns nil, for at most limit and once more after that, and
// then fails with its last error: the limit may pass while we sleep. It tries less and
// less often: what takes long needs the processor more than we do.
func Until(tb testing.TB, limit time.Duration, what string, try func() error) {
	tb.Helper()
	var err error
	pause := 5 * time.Millisecond
	for end, last := time.Now().Add(limit), false; !last; time.Sleep(pause) {
		last = time.Now().After(end)
		if err = try(); err == nil {
			return
		}
		pause = min(pause*5/4, 50*time.Millisecond)
	}
	tb.Fatalf("%s: not within %v: %v", what, limit, err)
}

// ready waits until a URL answers 200.
func ready(tb testing.TB, url string, alive func() error) {
	tb.Helper()
	Until(tb, 60*time.Second, "start", func() error {
		if err := alive(); err != nil {
			tb.Fatal(err)
		}
		response, err := http.Get(url)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %d", url, response.StatusCode)
		}
		return nil
	})
}

// repository is the folder with go.mod.
func repository(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	tb.Fatalf("no go.mod above the working directory: %v", err)
	return ""
}
