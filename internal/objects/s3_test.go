package objects_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/share"
)

// TestS3BehindTwoNames has the bucket known to us by one host name and to clients
// by another: only presigned URLs may carry the public one.
func TestS3BehindTwoNames(t *testing.T) {
	noLeak(t)
	cfg := s3Config(t)
	inside := mustParse(t, cfg.Endpoint).Host
	cfg.PublicEndpoint = "http://objects.example"
	l := newLab(t, newS3(t, cfg))
	var dialer net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != "objects.example:80" {
			return nil, fmt.Errorf("a client was sent to %s", addr)
		}
		return dialer.DialContext(ctx, network, inside)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	l.http.Transport = transport

	for _, content := range [][]byte{random(1000), nil} {
		etag := l.mustStore(t, "k", content)
		if read, err := l.read(t, "k", etag, 0, int64(len(content))); err != nil || !bytes.Equal(read, content) {
			t.Errorf("read %d bytes, %v", len(read), err)
		}
	}
	uploadID, parts := l.mustStart(t, "video", random(100))
	if err := l.CompleteParts(t.Context(), "video", uploadID, parts); err != nil {
		t.Error(err)
	}
	get, err := l.PresignGet(t.Context(), objects.GetSpec{Key: "video", Name: "v", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got := l.do(t, http.MethodGet, get.URL, nil, 0, nil); got.status != http.StatusOK {
		t.Errorf("GET answered %d %s", got.status, got.body)
	}
}

// TestS3PresignedURLs: they ask for no checksum. Other servers and other clients than AWS's
// own know nothing of x-amz-checksum-* (R-20).
func TestS3PresignedURLs(t *testing.T) {
	for _, pathStyle := range []bool{true, false} {
		store := newS3(t, objects.S3Config{
			Endpoint: "https://s3.example", Region: "eu-1", Bucket: "files",
			AccessKey: "AK", SecretKey: "SK", PathStyle: pathStyle,
		})
		for _, size := range []int64{0, 7} {
			put, errPut := store.PresignPut(t.Context(), objects.PutSpec{Key: "a/é 1", Size: size, ContentType: "text/plain", Expires: time.Minute})
			want := "https://files.s3.example/a/%C3%A9%201?"
			if pathStyle {
				want = "https://s3.example/files/a/%C3%A9%201?"
			}
			if errPut != nil || !strings.HasPrefix(put.URL, want) {
				t.Errorf("URL = %s, %v; want %s…", put.URL, errPut, want)
			}
			query := mustParse(t, put.URL).Query()
			if query.Get("X-Amz-SignedHeaders") != "content-length;content-type;host" || query.Get("X-Amz-Expires") != "60" {
				t.Errorf("query = %v", query)
			}
			if strings.Contains(strings.ToLower(put.URL), "checksum") || strings.Contains(put.URL, "SK") {
				t.Errorf("URL = %s: a checksum or the secret", put.URL)
			}
		}
	}
}

func TestS3WhenTheStoreMisbehaves(t *testing.T) {
	const etag = "0123456789abcdef"
	head := func(w http.ResponseWriter, status int, length, span string) {
		w.Header().Set("ETag", `"`+etag+`"`)
		w.Header().Set("Content-Length", length)
		if span != "" {
			w.Header().Set("Content-Range", span)
		}
		w.WriteHeader(status)
	}
	code := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>secret words</Message></Error>", code)
		}
	}
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		open  share.Kind // of Open, or of the read that follows
		short bool       // io.ErrUnexpectedEOF instead
	}{
		{name: "internal error", serve: code(500, "InternalError"), open: share.Unavailable},
		{name: "slow down", serve: code(503, "SlowDown"), open: share.Unavailable},
		{name: "access denied", serve: code(403, "AccessDenied"), open: share.Unavailable},
		{name: "no bucket", serve: code(404, "NoSuchBucket"), open: share.Unavailable},
		{name: "no key", serve: code(404, "NoSuchKey"), open: share.NotFound},
		{name: "changed", serve: code(412, "PreconditionFailed"), open: share.Changed},
		{name: "outside", serve: code(416, "InvalidRange"), open: share.NotSatisfiable},
		{name: "redirect", serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
		}, open: share.Unavailable},
		{name: "not S3 at all", serve: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }, open: share.Changed},
		{name: "hangs up", serve: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, open: share.Unavailable},
		{name: "ignores If-Match", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"another"`)
			w.Header().Set("Content-Range", "bytes 10-19/100")
			w.WriteHeader(206)
			fmt.Fprint(w, "0123456789")
		}, open: share.Changed},
		{name: "ignores Range", serve: func(w http.ResponseWriter, _ *http.Request) {
			head(w, 200, "100", "")
			_, _ = w.Write(make([]byte, 100))
		}, open: share.Unavailable},
		{name: "another range", serve: func(w http.ResponseWriter, _ *http.Request) {
			head(w, 206, "10", "bytes 11-20/100")
			fmt.Fprint(w, "0123456789")
		}, open: share.Unavailable},
		{name: "ends before the span", serve: func(w http.ResponseWriter, _ *http.Request) {
			head(w, 206, "5", "bytes 10-14/15")
			fmt.Fprint(w, "01234")
		}, open: share.NotSatisfiable},
		{name: "breaks off", serve: func(w http.ResponseWriter, _ *http.Request) {
			head(w, 206, "10", "bytes 10-19/100")
			fmt.Fprint(w, "01234")
		}, short: true},
		{name: "stalls", serve: func(w http.ResponseWriter, r *http.Request) {
			head(w, 206, "10", "bytes 10-19/100")
			fmt.Fprint(w, "01234")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // the store's side sees that we gave up
		}, open: share.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			noLeak(t)
			server := httptest.NewServer(c.serve)
			t.Cleanup(server.Close)
			store := newS3(t, fakeConfig(server.URL))
			if c.name == "stalls" { // the others answer, sooner or later
				store.SetPatience(200 * time.Millisecond)
			}
			read, err := newLab(t, store).read(t, "private/key", etag, 10, 10)
			if c.short {
				if err != io.ErrUnexpectedEOF { //nolint:errorlint // the contract: this very value
					t.Fatalf("read %q, %v; want an unexpected EOF", read, err)
				}
				return
			}
			wantKind(t, "read", err, c.open)
			wantDiscreet(t, err)
		})
	}
}

func TestS3WhenTheStoreIsDown(t *testing.T) {
	noLeak(t)
	store := newS3(t, fakeConfig("http://127.0.0.1:1"))
	_, errHead := store.Head(t.Context(), "private/key")
	_, errOpen := store.Open(t.Context(), "private/key", "etag", 0, 1)
	_, errStart := store.StartParts(t.Context(), objects.PutSpec{Key: "private/key"})
	errComplete := store.CompleteParts(t.Context(), "private/key", "private-upload", []objects.Part{{Number: 1, ETag: "e"}})
	for name, err := range map[string]error{
		"Head": errHead, "Open": errOpen, "StartParts": errStart, "CompleteParts": errComplete,
		"Check": store.Check(t.Context()), "Delete": store.Delete(t.Context(), "private/key"),
		"AbortParts": store.AbortParts(t.Context(), "private/key", "private-upload"),
	} {
		wantKind(t, name, err, share.Unavailable)
		wantDiscreet(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Head(ctx, "private/key")
	wantKind(t, "cancelled", err, share.Unavailable)
}

func TestS3CheckMissesTheBucket(t *testing.T) {
	cfg := s3Config(t)
	cfg.Bucket = "no-such-bucket"
	wantKind(t, "Check", newS3(t, cfg).Check(t.Context()), share.Unavailable)
}

func TestNewS3NamesWhatIsWrong(t *testing.T) {
	for name, change := range map[string]func(*objects.S3Config){
		"no scheme":         func(c *objects.S3Config) { c.Endpoint = "minio:9000" },
		"password in URL":   func(c *objects.S3Config) { c.PublicEndpoint = "https://u:hunter2@minio:9000" },
		"no bucket":         func(c *objects.S3Config) { c.Bucket = "" },
		"no secret":         func(c *objects.S3Config) { c.SecretKey = "" },
		"endpoint unparsed": func(c *objects.S3Config) { c.Endpoint = "http://h\x00:hunter2" },
	} {
		cfg := fakeConfig("http://127.0.0.1:1")
		change(&cfg)
		_, err := objects.NewS3(cfg)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func fakeConfig(endpoint string) objects.S3Config {
	return objects.S3Config{
		Endpoint: endpoint, Region: "us-east-1", Bucket: "private-bucket",
		AccessKey: "private-access", SecretKey: "private-secret", PathStyle: true,
	}
}

// wantDiscreet fails if an error repeats what belongs in no log.
func wantDiscreet(tb testing.TB, err error) {
	tb.Helper()
	text := fmt.Sprintf("%v %+v", err, err)
	for _, word := range []string{"private", "secret", "X-Amz", "Signature", "http://"} {
		if strings.Contains(text, word) {
			tb.Errorf("error %q contains %q", text, word)
		}
	}
}
