//go:build deploycheck

package check

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rawlink/bench/scrape"
	"rawlink/internal/testsystem"
)

// TestVarnishIsPurged puts Varnish, as deploy/cdn configures it, in front of an edge:
// it answers by itself what may be kept, and nothing else; and a revocation reaches
// it by surrogate key.
func TestVarnishIsPurged(t *testing.T) {
	front := testsystem.Address(t)
	s := testsystem.Embedded(t, "CDN_PURGE_URL=http://"+front+"/purge", "CDN_PURGE_HEADER=X-Purge-Key: a secret of yours", "EDGE_TRUSTED_PROXIES=127.0.0.1")
	dir := openDir(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Files[0], "http://"), ":")
	vcl := moved(t, "../cdn/varnish.vcl", filepath.Join(dir, "front.vcl"), `.port = "8081"`, `.port = "`+port+`"`)
	serve(t, "varnishd", "-F", "-n", filepath.Join(dir, "varnish"), "-a", front, "-f", vcl, "-s", "malloc,32m", "-p", "thread_pool_min=10")
	holdsCachedLinks(t, s, "http://"+front, 4*time.Second)
}

// TestNginxForgets is the same of nginx, which can't be purged and keeps for seconds.
func TestNginxForgets(t *testing.T) {
	s := testsystem.Embedded(t, "EDGE_TRUSTED_PROXIES=127.0.0.1")
	front, dir := testsystem.Address(t), openDir(t)
	conf := moved(t, "../cdn/nginx.conf", filepath.Join(dir, "front.conf"), "127.0.0.1:8081", strings.TrimPrefix(s.Files[0], "http://"),
		"listen 443 ssl http2", "listen "+front, "/var/cache/nginx/rawlink", filepath.Join(dir, "cache"),
		"ssl_certificate /etc/ssl/rawlink/files.pem;", "", "ssl_certificate_key /etc/ssl/rawlink/files.key;", "")
	whole := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr; events {} http { client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; include %[2]s; }", dir, conf)
	if err := os.WriteFile(whole, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	serve(t, "nginx", "-c", whole, "-p", dir)
	holdsCachedLinks(t, s, "http://"+front, 8*time.Second)
}

// holdsCachedLinks fetches through a cache: public links once from the edge, capped
// ones always; and after a revocation, at the latest after limit, not at all.
func holdsCachedLinks(t *testing.T, s *testsystem.System, front string, limit time.Duration) {
	t.Helper()
	c := s.Client()
	content := make([]byte, 50_000)
	file := c.CleanFile(t, c.Space(t), "kept.bin", "application/octet-stream", content)
	id, public := c.Share(t, file, nil)
	_, capped := c.Share(t, file, testsystem.Object{"max_downloads": 2})
	get := func(path string) int {
		response, body, err := testsystem.Fetch(t, "GET", front+path, "Cookie", "a=b")
		if err != nil {
			return 0
		}
		if response.StatusCode == 200 && len(body) != len(content) {
			t.Errorf("%d bytes; want %d", len(body), len(content))
		}
		return response.StatusCode
	}
	testsystem.Until(t, 20*time.Second, "cache", func() error {
		if status := get(public); status != 200 {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	before := served(t, s)
	for range 20 {
		if status := get(public + "/a-name.bin?utm=1"); status != 200 {
			t.Errorf("a kept link: %d", status)
		}
	}
	if more := served(t, s) - before; more > 4 {
		t.Errorf("the edge served %v of 20 requests for a link that may be kept", more)
	}
	for i, want := range []int{200, 200, 410} {
		if status := get(capped); status != want {
			t.Errorf("download %d of 2 through the cache: %d; want %d", i+1, status, want)
		}
	}
	c.Must(t, 200, "DELETE", "/shares/"+id, nil)
	testsystem.Until(t, limit, "revocation through the cache", func() error {
		if status := get(public); status != 410 {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status := get(public); status != 410 {
			t.Fatalf("after it was refused, the link answers %d", status)
		}
	}
}

// served is how many bodies the edge has sent.
func served(t *testing.T, s *testsystem.System) float64 {
	t.Helper()
	seen, err := scrape.Read(t.Context(), http.DefaultClient, s.Ops[0])
	if err != nil {
		t.Fatal(err)
	}
	return seen.Sum("rawlink_edge_requests_total", `outcome="served"`)
}

// serve runs a server until the test ends.
func serve(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%.3000s", args[0], log.String())
		}
	})
}

// moved is a configuration file with addresses and folders of this test in place of
// its own; nothing else is changed.
func moved(t *testing.T, file, to string, pairs ...string) string {
	t.Helper()
	text := read(t, file)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s doesn't name %s", file, pairs[i])
		}
	}
	if err := os.WriteFile(to, []byte(strings.NewReplacer(pairs...).Replace(text)), 0o644); err != nil {
		t.Fatal(err)
	}
	return to
}

// openDir is a folder that other users reach: servers give root up.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
