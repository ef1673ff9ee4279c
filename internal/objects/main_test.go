package objects_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rawlink/internal/objects"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		serveUntilKilled(dir)
		return
	}
	testenv.Main(m)
}

// newLocal returns a Local in dir behind a real HTTP server.
func newLocal(tb testing.TB, dir string) *objects.Local {
	tb.Helper()
	var local *objects.Local
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local.Handler().ServeHTTP(w, r)
	}))
	local, err := objects.NewLocal(objects.LocalConfig{
		Dir: dir, BaseURL: "http://" + server.Listener.Addr().String(), Prefix: "/bytes",
		Secret: bytes.Repeat([]byte("k"), share.KeySize), Origins: []string{"https://app.example"},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	server.Start()
	tb.Cleanup(server.Close)
	return local
}

func s3Config(tb testing.TB) objects.S3Config { return configOf(testenv.S3(tb)) }

func configOf(server testenv.S3Server) objects.S3Config {
	return objects.S3Config{
		Endpoint: server.Endpoint, Region: server.Region, Bucket: server.Bucket,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, PathStyle: true,
	}
}

func newS3(tb testing.TB, cfg objects.S3Config) *objects.S3 {
	tb.Helper()
	store, err := objects.NewS3(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(store.Close)
	return store
}

// lab is a store with a client of its presigned URLs, as any HTTP library is one.
type lab struct {
	objects.Store
	http *http.Client
}

func newLab(tb testing.TB, store objects.Store) lab {
	transport := &http.Transport{DisableCompression: true}
	tb.Cleanup(transport.CloseIdleConnections)
	return lab{store, &http.Client{Transport: transport, Timeout: time.Minute}}
}

// answer is what a store said to a client.
type answer struct {
	status int
	header http.Header
	body   string
}

func (l lab) do(tb testing.TB, method, url string, body io.Reader, size int64, header map[string]string) answer {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url, body)
	if err != nil {
		tb.Fatal(err)
	}
	req.ContentLength = size
	if size == 0 {
		req.Body = http.NoBody
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := l.http.Do(req)
	if err != nil {
		tb.Fatalf("%s: %v", method, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatalf("%s: read answer: %v", method, err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// put uploads through a presigned URL, sending what a ticket says and no more.
func (l lab) put(tb testing.TB, signed objects.Signed, content []byte) answer {
	tb.Helper()
	return l.do(tb, http.MethodPut, signed.URL, bytes.NewReader(content), int64(len(content)), signed.Headers)
}

// mustStore uploads content under the key and returns its version.
func (l lab) mustStore(tb testing.TB, key string, content []byte) string {
	tb.Helper()
	signed, err := l.PresignPut(tb.Context(), objects.PutSpec{
		Key: key, Size: int64(len(content)), ContentType: "text/plain", Expires: time.Minute,
	})
	if err != nil {
		tb.Fatal(err)
	}
	if got := l.put(tb, signed, content); got.status != http.StatusOK {
		tb.Fatalf("PUT answered %d %s; want 200", got.status, got.body)
	}
	info, err := l.Head(tb.Context(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return info.ETag
}

// read opens a span and reads it whole.
func (l lab) read(tb testing.TB, key, etag string, from, n int64) ([]byte, error) {
	tb.Helper()
	r, err := l.Open(tb.Context(), key, etag, from, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func wantKind(tb testing.TB, what string, err error, want share.Kind) {
	tb.Helper()
	if err == nil || share.KindOf(err) != want {
		tb.Fatalf("%s: error %v of kind %d; want kind %d", what, err, share.KindOf(err), want)
	}
}

func wantRefused(tb testing.TB, what string, got answer) {
	tb.Helper()
	if got.status < 400 || got.status > 499 {
		tb.Fatalf("%s: answered %d %s; want 4xx", what, got.status, got.body)
	}
}

func random(n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(raw) // never fails
	return raw
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// eventually polls what another process or goroutine does in its own time.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(15 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			tb.Fatalf("%s: did not happen in time", what)
		}
	}
}

// noLeak fails the test if goroutines that it started outlive its cleanups.
func noLeak(t *testing.T) {
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, running, testenv.IgnoreServers()) })
}
