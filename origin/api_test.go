package origin

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rawlink/internal/database"
	"rawlink/internal/memstore"
	"rawlink/internal/objects"
	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/testsystem"
	"rawlink/metrics"
	"rawlink/origin/store"
)

// running is an origin on SQLite and a local directory, served on a real socket,
// with one tenant whose key holds every scope.
type running struct {
	*Origin
	*testsystem.Client
	db     *database.DB
	tenant string
	log    *lines
	values *metrics.Registry
}

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serve starts an origin; change adapts it first.
func serve(t *testing.T, change func(*Config, *Parts)) *running {
	t.Helper()
	r := &running{log: &lines{}, values: metrics.New()}
	dir := t.TempDir()
	var err error
	if r.db, err = database.OpenSQLite(t.Context(), filepath.Join(dir, "test.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.db.Close() })
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	log := slog.New(slog.NewTextHandler(r.log, nil))
	tables := must(store.Open(t.Context(), r.db, store.Options{CountPermanentLinks: true, NearLimit: 90}))
	local := must(objects.NewLocal(objects.LocalConfig{Dir: dir, BaseURL: base, Prefix: "/objects", Secret: bytes.Repeat([]byte("s"), 32), Log: log}))
	config := Config{FilesURL: "http://files.test", Console: true, MultipartFrom: 100 << 20, PartSize: 16 << 20, MaxUpload: 1 << 30,
		UploadLifetime: time.Hour, DownloadLifetime: time.Minute, ScanWait: 30 * time.Second, ScanWorkers: 1, RescanWorkers: 1, ScanTimeout: time.Minute, AuditKeep: time.Hour,
		Imports:  Imports{Max: 64 << 20, Timeout: time.Minute, Idle: 30 * time.Second, Redirects: 3, AtOnce: 4, Ports: []uint16{80, 443}},
		Webhooks: Webhooks{Workers: 4, Timeout: 30 * time.Second, Attempts: 3, FirstRetry: 20 * time.Millisecond, DisableAfter: time.Hour, Keep: time.Hour, Plain: true, Allow: world}}
	parts := Parts{Store: tables, Objects: local, Scanner: must(scan.NewBuiltin(nil)), Records: &ears{}, Bus: &ears{}, Blocks: memstore.NewBlocks(time.Now), Limits: memstore.NewLimits(100, time.Now),
		Keyring: must(share.ParseKeyring("1:" + share.NewKey())), Mint: must(share.ParseMint(share.NewKey())), Metrics: metrics.NewOrigin(r.values), Log: log}
	if change != nil {
		change(&config, &parts)
	}
	r.Origin = must(New(config, parts))
	server.Config.Handler = r.Handler(map[string]http.Handler{"/objects": local.Handler()})
	server.Start()
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var work sync.WaitGroup
	work.Go(func() { _ = r.Run(ctx) })
	t.Cleanup(func() { stop(); work.Wait() })
	tenant := must(tables.CreateTenant(t.Context(), store.Tenant{Name: "t", BytesLimit: store.Unlimited, LinksLimit: store.Unlimited}))
	r.tenant = tenant.ID
	r.Client = &testsystem.Client{API: base, Key: r.newKey(t, AllScopes()...)}
	return r
}

// newKey adds a key to the tenant.
func (r *running) newKey(t *testing.T, scopes ...string) string {
	t.Helper()
	_, secret, err := r.Store.CreateKey(t.Context(), store.NewKey{TenantID: r.tenant, Label: "k", Mode: "test", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// as is the same API with another key.
func (r *running) as(key string) *testsystem.Client {
	return &testsystem.Client{API: r.API, Key: key}
}

// send is one request with headers as name, value pairs.
func (r *running) send(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request := must(http.NewRequest(method, r.API+path, bytes.NewReader([]byte(body))))
	request.Header.Set("X-API-Key", r.Key)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(raw)
}

// exec does to the database what no API call does.
func (r *running) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	err := r.db.InTx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// metric waits for one line of the metrics: what a worker did can be seen before it
// counts it.
func (r *running) metric(t *testing.T, line string) {
	t.Helper()
	testsystem.Until(t, 10*time.Second, "metric", func() error {
		page := httptest.NewRecorder()
		r.values.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if !bytes.Contains(page.Body.Bytes(), []byte(line+"\n")) {
			return fmt.Errorf("no metric %q", line)
		}
		return nil
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// slowScanner takes longer than a request's body may.
type slowScanner struct{ scan.Scanner }

func (s slowScanner) Scan(ctx context.Context, body io.Reader) (scan.Verdict, error) {
	select {
	case <-time.After(bodyTimeout + time.Second):
	case <-ctx.Done():
	}
	return s.Scanner.Scan(ctx, body)
}
