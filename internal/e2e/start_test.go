package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestWelcomeSession pastes the session that rawlink up prints into a shell.
func TestWelcomeSession(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	var session string
	testsystem.Until(t, 10*time.Second, "a session", func() error { // read from a pipe, as the key
		printed := s.Origin.Stdout()
		from, to := strings.Index(printed, "API=http"), strings.Index(printed, "Ctrl-C stops it")
		if from < 0 || to < from {
			return fmt.Errorf("none in the output:\n%s", printed)
		}
		session = strings.TrimSpace(printed[from:to])
		return nil
	})
	// Who pastes it into a busy machine may be quicker than the word of the revocation.
	last := strings.LastIndexByte(session, '\n') + 1
	session = session[:last] + "for try in $(seq 50); do " + session[last:] + " | tee /dev/stderr | grep -q ^410 && break; sleep 0.1; done\n"
	for range 2 { // it works again
		shell := exec.Command("bash", "-eu", "-c", session)
		shell.Dir = t.TempDir()
		raw, err := shell.CombinedOutput()
		out := string(raw)
		if err != nil {
			t.Fatalf("session: %v\n%s", err, out)
		}
		sums := regexp.MustCompile(`(?m)^[0-9a-f]{64}`).FindAllString(out, -1)
		if len(sums) != 2 || sums[0] != sums[1] {
			t.Errorf("digests = %v; want two equal ones\n%s", sums, out)
		}
		if !strings.Contains(out, `"revoked":true`) || !strings.Contains(out, "410 after it was revoked") {
			t.Errorf("no revocation, or no refusal after it:\n%s", out)
		}
	}
}

// TestSecondStart keeps data and key in one directory.
func TestSecondStart(t *testing.T) {
	t.Parallel()
	const key = "fck_test_0123456789abcdef0123456789abcdef"
	s := testsystem.Embedded(t, "DEV_KEY="+key)
	if s.Key != key {
		t.Errorf("key = %s; want the one asked for", s.Key)
	}
	c := s.Client()
	if mode := c.Must(t, 200, "GET", "/me", nil).Text("mode"); mode != "test" {
		t.Errorf("mode = %q; want test", mode)
	}
	space := c.Space(t)
	s.Origin.Stop()
	s.Origin.Start()
	testsystem.Until(t, 10*time.Second, "the key at both starts", func() error { // read from a pipe
		if n := strings.Count(s.Origin.Stdout(), "API key   "+key); n != 2 {
			return fmt.Errorf("it was printed %d times", n)
		}
		return nil
	})
	c.Must(t, 200, "GET", "/spaces/"+space, nil)
}

// TestCheckConfig shows what holds and starts nothing. A variable goes before the
// file; secrets come from files and are not shown.
func TestCheckConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, secret, data := filepath.Join(dir, "rawlink.yaml"), filepath.Join(dir, "key"), filepath.Join(dir, "data")
	const key = "fck_test_0123456789abcdef0123456789abcdef"
	for path, content := range map[string]string{
		config: "log_level: warn\nedge:\n  max_stale: 7s\n  trusted_proxies: [10.0.0.0/8, 127.0.0.1]\ndev_key_file: " + secret + "\n", secret: key + "\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := testsystem.Output(t, "rawlink", []string{"LOG_LEVEL=debug", "DATA=" + data}, "up", "--check-config", "--config", config)
	for _, want := range []string{`log_level: "debug"`, "edge_max_stale: 7s", `edge_trusted_proxies: "10.0.0.0/8,127.0.0.1"`, "dev_key: [secret]", "ops_public: false", "upload_max: 5368709120"} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, key) {
		t.Error("shows a secret")
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("something was started")
	}
}

// TestStartFailures wants one clear line per mistake and exit status 1.
func TestStartFailures(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the parallel parts
	free := []string{"API_ADDR=127.0.0.1:0", "FILES_ADDR=127.0.0.1:0", "OPS_ADDR=127.0.0.1:0"}
	dir := t.TempDir()
	notDir := filepath.Join(dir, "file")
	broken := filepath.Join(dir, "broken.yaml")
	unknown := filepath.Join(dir, "unknown.yaml")
	for path, content := range map[string]string{notDir: "", broken: "edge: [", unknown: "edge:\n  max_stale: 5s\n  max_stail: 5s\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name     string
		program  string
		settings []string
		args     []string
		lines    []string // one for each line of stderr, in order: what it must contain
	}{
		{"port taken", "rawlink", append(free, "API_ADDR="+taken.Addr().String()), []string{"up"}, []string{"api_addr: " + taken.Addr().String() + " is taken"}},
		{"data is a file", "rawlink", append(free, "DATA="+notDir), []string{"up"}, []string{"data: can't make the directory"}},
		{"several at once", "rawlink", []string{"EDGE_MAX_STALE=soon", "UPLOAD_MAX=big", "LOG_LEVEL=loud", "API_ADDR=nowhere", "TYPO=1"}, []string{"up"}, []string{
			"upload_max: want a size", "edge_max_stale: want a duration", "RAWLINK_TYPO: no setting has this variable", `log_level: want debug`, "api_addr: want host:port"}},
		{"what only a plane can judge", "rawlink", []string{"UPLOAD_PART_SIZE=6MiB", "SCAN_WORKERS=0", "LEDGER_COUNT_MODE=twice", "EDGE_SERVE_STALE=1s", "EDGE_MAX_AGE=0s", "EDGE_PASSWORD_TRIES=0"}, []string{"up", "--check-config"}, []string{
			"scan_workers: want at least 1", "ledger_count_mode: want lease or strict", "edge_password_tries: want a positive number",
			"edge_serve_stale: want at least edge_max_stale", "edge_max_age: want a positive duration"}},
		{"not YAML", "rawlink", nil, []string{"up", "--config", broken}, []string{"is not YAML"}},
		{"unknown key", "rawlink", nil, []string{"up", "--config", unknown}, []string{`no setting is named "edge_max_stail"`}},
		{"unknown flag", "rawlink", nil, []string{"up", "--nothing"}, []string{"unknown flag --nothing"}},
		{"dev key", "rawlink", []string{"DEV_KEY=secret-and-wrong"}, []string{"up"}, []string{"dev_key: want fck_live_"}},
		{"ops listener for all", "rawlink", []string{"OPS_ADDR=:8082"}, []string{"up"}, []string{"ops_addr: :8082 can be reached from other networks"}},
		{"ops listener in public", "rawlink", []string{"OPS_ADDR=192.0.2.1:8082"}, []string{"up"}, []string{"ops_public"}},
		{"a secret for all to read", "rawlink", nil, []string{"up", "--dev-key", "fck_test_0123456789abcdef0123456789abcdef"}, []string{"dev_key: a secret on the command line"}},
		{"a secret twice", "rawlink", []string{"DEV_KEY=fck_test_0123456789abcdef0123456789abcdef", "DEV_KEY_FILE=" + notDir}, []string{"up"}, []string{"RAWLINK_DEV_KEY and RAWLINK_DEV_KEY_FILE are both set"}},
		{"a secret's file that isn't there", "rawlink", []string{"DEV_KEY_FILE=" + dir + "/none"}, []string{"up"}, []string{"dev_key: can't read the file"}},
		{"a file for what is no secret", "rawlink", []string{"LOG_LEVEL_FILE=" + notDir}, []string{"up"}, []string{"RAWLINK_LOG_LEVEL_FILE: no setting has this variable"}},
		{"checked only", "rawlink", []string{"LOG_LEVEL=loud"}, []string{"up", "--check-config"}, []string{"log_level: want debug"}},
		{"more than clamd looks at", "rawlink", []string{"CLAMD_MAX_SIZE=2GiB"}, []string{"up", "--check-config"}, []string{"clamd_max_size: want a size above 0 and below 2GiB"}},
		{"origin without settings", "origin", nil, nil, []string{"token_keys", "internal_key", "redis_url", "s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key", "database_url", "mint_secret", "files_url", "clamd_hosts"}},
		{"edge without settings", "edge", nil, nil, []string{"token_keys", "internal_key", "redis_url", "s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key", "origin_url", "lease_key"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Split(strings.TrimSpace(testsystem.Fails(t, test.program, test.settings, test.args...)), "\n")
			if len(got) != len(test.lines) {
				t.Fatalf("stderr has %d lines; want %d:\n%s", len(got), len(test.lines), strings.Join(got, "\n"))
			}
			for i, want := range test.lines {
				if !strings.HasPrefix(got[i], test.program+": ") || !strings.Contains(got[i], want) {
					t.Errorf("line %d = %q; want %s", i+1, got[i], want)
				}
			}
			if strings.Contains(strings.Join(got, ""), "secret-and-wrong") {
				t.Error("a secret is repeated")
			}
		})
	}
}

// TestAdmin changes what is named and nothing else.
func TestAdmin(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	var tenants []struct{ ID string }
	s.Admin(t, &tenants, "tenant", "create", "acme", "--bytes-limit=1000", "--links-limit=10")
	key := s.NewKey(t, tenants[0].ID)
	s.AdminQuietly(t, "tenant", "limit", tenants[0].ID, "--links-limit=20")
	q := s.As(key).Must(t, 200, "GET", "/quota", nil)
	if q.Number("bytes_limit") != 1000 || q.Number("links_limit") != 20 {
		t.Errorf("quota = %s; want 1000 bytes as before and 20 links", q.Raw)
	}
	s.As(key).Space(t)
	var deeds []struct{ Operation, Who, Target, Source string }
	s.Admin(t, &deeds, "audit", "--limit=4")
	var did []string
	for _, d := range deeds {
		did = append(did, d.Operation)
		if by, _, _ := strings.Cut(d.Who, ":"); by != map[bool]string{true: "key", false: "admin"}[d.Operation == "create-space"] || d.Target == "" || d.Source == "" {
			t.Errorf("audit: %+v", d)
		}
	}
	if got := strings.Join(did, " "); got != "create-space limit-tenant create-key create-tenant" {
		t.Errorf("audit: %s", got)
	}
	for _, args := range [][]string{
		{"audit", "--last=-1h"},
		{"tenant", "limit", tenants[0].ID, "--bytes-limit=-7"},
		{"tenant", "create", "x", "--links-limit=-2"},
		{"tenant", "limit", "nobody", "--bytes-limit=1"},
		{"tenant", "plan", "nobody", "--upload-max=1MB"},
		{"tenant", "plan", tenants[0].ID},
		{"tenant", "plan", tenants[0].ID, "--upload-max=0"},
		{"tenant", "plan", tenants[0].ID, "--requests-per-minute=-1"},
		{"tenant", "plan", tenants[0].ID, "--trash-grace=30"},
		{"key", "create", "--tenant", tenants[0].ID, "--expires=-1h"},
		{"key", "create", "--tenant", tenants[0].ID, "--scopes=files:raed"},
		{"key", "list", "--tenant", "nobody"},
	} {
		if got := s.AdminFails(t, args...); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "rawlink: ") {
			t.Errorf("admin %v: %q; want one clear line", args, got)
		}
	}
}

// TestPlan gives one tenant rules of its own, and takes them back; others keep the
// service's.
func TestPlan(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	var tenants []struct {
		ID   string
		Plan map[string]int64
	}
	s.Admin(t, &tenants, "tenant", "create", "acme")
	id := tenants[0].ID
	partner, other := s.As(s.NewKey(t, id)), s.Client()
	space := partner.Space(t)
	s.AdminQuietly(t, "tenant", "plan", id, "--upload-max=1KB", "--links-per-minute=1", "--trash-grace=48h")
	s.AdminQuietly(t, "tenant", "plan", id, "--links-per-minute=2")
	if a := partner.Do(t, "POST", "/uploads/initiate", testsystem.Object{"original_name": "n", "size": 1001, "space_id": space}); a.Status != 413 || !strings.Contains(a.Detail(), "1000") {
		t.Errorf("a file above the plan = %d %s; want 413", a.Status, a.Raw)
	}
	file := partner.CleanFile(t, space, "n", "text/plain", []byte("text"))
	for _, want := range []int{201, 201, 429} {
		if a := partner.Do(t, "POST", "/shares", testsystem.Object{"file_id": file}); a.Status != want || !strings.Contains(a.Header.Get("RateLimit-Policy"), `"shares";q=2;`) {
			t.Errorf("a link = %d, policy %s; want %d by 2 in a minute", a.Status, a.Header.Get("RateLimit-Policy"), want)
		}
	}
	if a := other.Do(t, "POST", "/shares", testsystem.Object{"file_id": file}); !strings.Contains(a.Header.Get("RateLimit-Policy"), `"shares";q=120;`) {
		t.Errorf("another tenant's policy: %s; want the service's", a.Header.Get("RateLimit-Policy"))
	}
	s.Admin(t, &tenants, "tenant", "list")
	for _, tenant := range tenants {
		if want := map[bool]int{true: 3}[tenant.ID == id]; len(tenant.Plan) != want || want > 0 && tenant.Plan["trash_grace"] != 48*3600 {
			t.Errorf("tenant %+v; want %d rules of its own", tenant, want)
		}
	}
	s.AdminQuietly(t, "tenant", "plan", id, "--upload-max=default", "--links-per-minute=default")
	partner.Must(t, 200, "POST", "/uploads/initiate", testsystem.Object{"original_name": "n", "size": 1001, "space_id": space})
	partner.Must(t, 201, "POST", "/shares", testsystem.Object{"file_id": file})
}

// TestEdgeHasNoDatabase holds the edge to what it is: no database driver, and
// nothing of the control plane.
func TestEdgeHasNoDatabase(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "rawlink/cmd/edge")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if strings.Contains(dep, "pgx") || strings.Contains(dep, "sqlite") || strings.HasPrefix(dep, "rawlink/origin") {
			t.Errorf("the edge links %s", dep)
		}
	}
}
