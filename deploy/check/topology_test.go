//go:build deploycheck

package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestTopology starts what compose.yaml describes, does a partner's job through the
// TLS front, sees Prometheus scrape all of it, and takes the Redis primary away.
func TestTopology(t *testing.T) {
	p := startTopology(t)
	link := p.partner()
	p.watched()
	p.failOver(link)
}

// startTopology starts each service as a process in a network namespace of its own:
// with the command, environment, secrets, names and ports that it has in
// compose.yaml, Rawlink's own in their images' file systems by their images' user.
func startTopology(t *testing.T) *topology {
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root, so the topology is not started")
	}
	dir := openDir(t)
	p := &topology{t: t, config: compose(t), dir: dir, secrets: filepath.Join(dir, "secrets"),
		running: map[string]*exec.Cmd{}, logs: map[string]*bytes.Buffer{}}
	run(t, exec.Command("../compose/secrets.sh", p.secrets))
	p.net = connect(t, p.config, dir)

	p.postgres()
	p.redis()
	p.store()
	p.clamd()
	for _, name := range []string{"origin-1", "origin-2"} {
		p.rawlink(name)
	}
	for _, name := range []string{"origin-1", "origin-2"} {
		p.healthy(name)
	}
	for _, name := range []string{"edge-1", "edge-2", "edge-3"} {
		p.rawlink(name)
	}
	p.caddy()
	p.prometheus()
	for _, name := range []string{"edge-1", "edge-2", "edge-3"} {
		p.healthy(name)
	}
	p.trust()
	return p
}

// authority is where Caddy keeps the root of its certificates.
func (p *topology) authority() string {
	return filepath.Join(p.dir, "caddy/caddy/pki/authorities/local/root.crt")
}

// trust has this process believe Caddy's authority and find its hosts.
func (p *topology) trust() {
	authority := p.authority()
	pool := x509.NewCertPool()
	testsystem.Until(p.t, 30*time.Second, "Caddy's authority", func() error {
		pem, err := os.ReadFile(authority)
		if err == nil && !pool.AppendCertsFromPEM(pem) {
			err = fmt.Errorf("%s holds no certificate", authority)
		}
		return err
	})
	transport := http.DefaultTransport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}}
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if host, port, _ := net.SplitHostPort(addr); strings.HasSuffix(host, ".localhost") {
			addr = net.JoinHostPort(p.net.addr["caddy"], port)
		}
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, addr)
	}
}

const files = "https://files.localhost"

// partner uploads, shares and fetches as a partner and their users would, and
// returns the path of a link.
func (p *topology) partner() string {
	t := p.t
	c := &testsystem.Client{API: "https://api.localhost", Key: p.newKey()}
	testsystem.Until(t, 20*time.Second, "API through Caddy", func() error {
		response, err := http.Get(c.API + "/openapi.json")
		if err == nil && response.StatusCode != 200 {
			err = fmt.Errorf("%s", response.Status)
		}
		return err
	})
	space := c.Space(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 6<<10)
	file := c.CleanFile(t, space, "report.bin", "application/octet-stream", content)
	id, path := c.Share(t, file, nil)
	for range 3 {
		response, body, err := fetch(path)
		switch {
		case err != nil || response.StatusCode != 200 || !bytes.Equal(body, content):
			t.Fatalf("GET through Caddy: %v, %v, %d bytes", response, err, len(body))
		case response.ProtoMajor != 2 || !strings.Contains(response.Header.Get("Alt-Svc"), "h3="):
			t.Errorf("answered by %s with Alt-Svc %q; want HTTP/2 that offers h3", response.Proto, response.Header.Get("Alt-Svc"))
		case response.Header.Get("Set-Cookie") != "":
			t.Error("the files host sets a cookie")
		}
	}
	eicar := []byte("X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*")
	infected := c.Upload(t, space, "virus.txt", "text/plain", eicar, nil).Text("id")
	testsystem.Until(t, 20*time.Second, "verdict of clamd", func() error {
		if status := c.Must(t, 200, "GET", "/files/"+infected, nil).Text("scan_status"); status != "infected" {
			return fmt.Errorf("scan_status %s", status)
		}
		return nil
	})
	p.console()
	_, capped := c.Share(t, file, testsystem.Object{"max_downloads": 2})
	for i, want := range []int{200, 200, 410} {
		if response, _, err := fetch(capped); err != nil || response.StatusCode != want {
			t.Errorf("download %d of 2: %v, %v; want %d", i+1, response, err, want)
		}
	}
	c.Must(t, 200, "DELETE", "/shares/"+id, nil)
	testsystem.Until(t, time.Second, "revocation", func() error {
		response, _, err := fetch(path)
		if err == nil && response.StatusCode != 410 {
			err = fmt.Errorf("%s", response.Status)
		}
		return err
	})
	_, path = c.Share(t, file, testsystem.Object{"max_downloads": 50})
	return path
}

// console checks that the page at the API's host may upload to the store's host.
func (p *topology) console() {
	request, err := http.NewRequest(http.MethodOptions, "https://objects.localhost/rawlink/uploads/x", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Origin", "https://api.localhost")
	request.Header.Set("Access-Control-Request-Method", "PUT")
	response, _, err := send(request)
	if err != nil || response.StatusCode != 204 || response.Header.Get("Access-Control-Allow-Origin") != "https://api.localhost" || !strings.Contains(response.Header.Get("Access-Control-Allow-Methods"), "PUT") {
		p.t.Errorf("preflight at the store's host: %v, %v", response, err)
	}
	page, err := http.Get("https://api.localhost/")
	if err != nil {
		p.t.Fatal(err)
	}
	page.Body.Close()
	if page.StatusCode != 200 || !strings.Contains(page.Header.Get("Content-Security-Policy"), "https://objects.localhost") {
		p.t.Errorf("the console: %s, and may connect to %q", page.Status, page.Header.Get("Content-Security-Policy"))
	}
}

// fetch gets a link as a browser with a cookie of the API's would.
func fetch(path string) (*http.Response, []byte, error) {
	request, err := http.NewRequest(http.MethodGet, files+path, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Cookie", "session=1")
	request.Header.Set("X-Forwarded-For", "203.0.113.9") // a lie, which Caddy drops
	return send(request)
}

func send(request *http.Request) (*http.Response, []byte, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

// newKey makes a tenant and a key as compose's admin service does.
func (p *topology) newKey() string {
	admin := func(into any, args ...string) {
		cmd := p.container("admin", append([]string{"/rawlink", "admin"}, append(args, "--json")...)...)
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, into)
		}
		if err != nil {
			p.t.Fatalf("admin %s: %v %s", args[0], err, out)
		}
	}
	var tenant []struct{ ID string }
	admin(&tenant, "tenant", "create", "ACME")
	var key []struct{ Key string }
	admin(&key, "key", "create", "--tenant", tenant[0].ID)
	return key[0].Key
}

// watched waits until Prometheus has scraped every process, and sees no alert.
func (p *topology) watched() {
	testsystem.Until(p.t, 60*time.Second, "scrapes", func() error {
		var up struct {
			Data struct {
				ActiveTargets []struct{ Health, ScrapeURL, LastError string }
			}
		}
		if err := p.ask("targets", &up); err != nil {
			return err
		}
		if len(up.Data.ActiveTargets) != 6 {
			return fmt.Errorf("%d targets", len(up.Data.ActiveTargets))
		}
		for _, target := range up.Data.ActiveTargets {
			if target.Health != "up" {
				return fmt.Errorf("%s: %s %s", target.ScrapeURL, target.Health, target.LastError)
			}
		}
		return nil
	})
	var alerts struct {
		Data struct {
			Alerts []struct{ Labels map[string]string }
		}
	}
	if err := p.ask("alerts", &alerts); err != nil {
		p.t.Fatal(err)
	}
	var unnamed struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := p.ask("query?query=sum(rawlink_edge_unnamed_clients_total)", &unnamed); err != nil || len(unnamed.Data.Result) != 1 || unnamed.Data.Result[0].Value[1] != "0" {
		p.t.Errorf("requests of clients that Caddy didn't name: %v, %v; want 0", unnamed, err)
	}
	for _, alert := range alerts.Data.Alerts {
		p.t.Errorf("in health there is an alert: %v", alert.Labels)
	}
}

// ask asks Prometheus.
func (p *topology) ask(path string, into any) error {
	response, err := http.Get("http://" + p.net.addr["prometheus"] + ":9090/api/v1/" + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// failOver kills the Redis primary: the Sentinels promote the replica, and a capped
// link goes on being served and counted.
func (p *topology) failOver(path string) {
	p.stop("redis-primary", syscall.SIGKILL)
	served := 0
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && served < 10; {
		if response, _, err := fetch(path); err == nil && response.StatusCode == 200 {
			served++
		}
		time.Sleep(500 * time.Millisecond)
	}
	if served < 10 {
		p.t.Errorf("only %d downloads in 20 s without the Redis primary; want 10", served)
	}
	testsystem.Until(p.t, 60*time.Second, "promotion of the replica", func() error {
		return p.replication("redis-replica", "role:master")
	})
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
}
