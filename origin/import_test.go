package origin

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/testsystem"
	"rawlink/origin/store"
)

// world stands for the public internet in tests; 127.0.0.1 for the inside.
var world = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}

// source serves on an address of the world and returns its URL.
func source(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := &httptest.Server{Listener: must(net.Listen("tcp", "127.0.0.2:0")), Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// room checks what the tenant has stored and reserved.
func (r *running) room(t *testing.T, what string, want int64) {
	t.Helper()
	if got := r.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); got != want {
		t.Errorf("%s: %d bytes used; want %d", what, got, want)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Imports.Allow = world })
	space := r.Space(t)
	folder := r.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "f", "space_id": space}).Text("id")
	large := bytes.Repeat([]byte("0123456789abcdef"), 600_000) // 9.6 MB: more than two pieces
	url := source(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Accept-Encoding") != "identity" || q.Header.Get("User-Agent") != "Rawlink-Import/1" || q.Header.Get("X-Api-Key") != "" {
			t.Errorf("header = %v", q.Header)
		}
		switch q.URL.Path {
		case "/named":
			w.Header().Set("Content-Disposition", `attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe..%2F..%2Fx.txt`)
			fmt.Fprint(w, "named")
		case "/chunked.bin":
			w.Header().Set("Content-Type", "application/x-thing")
			for piece := range slices.Chunk(large, 100_000) {
				_, _ = w.Write(piece)
				_ = http.NewResponseController(w).Flush()
			}
		case "/moved":
			http.Redirect(w, q, "/a%20b/pic%20ture.png", http.StatusMovedPermanently)
		default:
			w.Header().Set("Content-Length", fmt.Sprint(len(large)))
			_, _ = w.Write(large)
		}
	})
	got := r.Must(t, 200, "POST", "/uploads/import-url", testsystem.Object{"url": url + "/moved", "space_id": space, "folder_id": folder, "client_key": "k", "app": "a", "sha256": testsystem.SHA256(large)})
	for field, want := range map[string]string{"original_name": "pic ture.png", "scan_status": "clean", "sha256": testsystem.SHA256(large), "folder_id": folder, "client_key": "k", "source_app": "a", "status": "active"} {
		if got.Text(field) != want {
			t.Errorf("%s = %q; want %q", field, got.Text(field), want)
		}
	}
	chunked := r.Must(t, 200, "POST", "/uploads/import-url", testsystem.Object{"url": url + "/chunked.bin", "space_id": space})
	if chunked.Text("mime") != "application/x-thing" || chunked.Text("sha256") != testsystem.SHA256(large) || chunked.Number("size") != int64(len(large)) || chunked.Text("original_name") != "chunked.bin" {
		t.Errorf("chunked: %s", chunked.Raw)
	}
	named := r.Must(t, 200, "POST", "/uploads/import-url", testsystem.Object{"url": url + "/named", "space_id": space})
	if name := named.Text("original_name"); name != "x.txt" {
		t.Errorf("original_name = %q; want the last part of what the source says", name)
	}
	mine := r.Must(t, 200, "POST", "/uploads/import-url", testsystem.Object{"url": url + "/named", "space_id": space, "original_name": "mine.md", "content_type": "text/markdown"})
	if mine.Text("original_name") != "mine.md" || mine.Text("mime") != "text/markdown" {
		t.Errorf("named by the client: %s", mine.Raw)
	}
	r.room(t, "four imports", int64(2*len(large)+2*len("named")))
	r.metric(t, `rawlink_origin_imports_total{outcome="done"} 4`)
	r.metric(t, fmt.Sprintf("rawlink_origin_imported_bytes_total %g", float64(2*len(large)+2*len("named"))))
	var parts int
	if err := r.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM uploads`).Scan(&parts); err != nil || parts != 0 {
		t.Errorf("%d open uploads, %v; want none", parts, err)
	}
}

// TestImportRefused asks for what must not be fetched, with the guard as it is
// when nobody allows anything, and counts who was asked.
func TestImportRefused(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	space := r.Space(t)
	var asked atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	for url, want := range map[string]string{
		inside.URL:                          "url: leads to an address that is not public",
		"http://localhost:" + port + "/":    "url: leads to an address that is not public",
		"http://0.0.0.0:" + port + "/":      "url: leads to an address that is not public",
		"http://[::ffff:127.0.0.1]:" + port: "url: leads to an address that is not public",
		"http://[64:ff9b::7f00:1]/":         "url: leads to an address that is not public",
		"http://169.254.169.254/latest/":    "url: leads to an address that is not public",
		"http://user:pw@example.com/":       "url: must not hold a user name or password",
		"file:///etc/passwd":                "url: is not an absolute URL such as https://example.com/file.pdf",
		"ftp://example.com/":                "url: must begin with https:// or http://",
		"":                                  "url: is not an absolute URL such as https://example.com/file.pdf",
	} {
		if a := r.Must(t, 422, "POST", "/uploads/import-url", testsystem.Object{"url": url, "space_id": space}); a.Detail() != want {
			t.Errorf("%s: %s; want %s", url, a.Raw, want)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("the inside was asked %d times", asked.Load())
	}
	r.Must(t, 422, "POST", "/uploads/import-url", testsystem.Object{"space_id": space})
	r.Must(t, 422, "POST", "/uploads/import-url", testsystem.Object{"url": "https://example.com/", "space_id": space, "original_name": "a/b"})
	r.Must(t, 404, "POST", "/uploads/import-url", testsystem.Object{"url": "https://example.com/", "space_id": "nothing"})
	r.as(r.newKey(t, "files:read")).Must(t, 403, "POST", "/uploads/import-url", testsystem.Object{"url": inside.URL, "space_id": space})
	r.room(t, "refused imports", 0)
	r.metric(t, `rawlink_origin_imports_total{outcome="refused"} 1`) // the others were refused before they began
	if log := r.log.String(); strings.Contains(log, "localhost:") || strings.Contains(log, "user:pw") {
		t.Error("the log names a URL")
	}
}

// sourceFaults are sources that fail, each in its way.
var sourceFaults = map[string]http.HandlerFunc{
	"/404":   http.NotFound,
	"/206":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206); fmt.Fprint(w, "part") },
	"/empty": func(http.ResponseWriter, *http.Request) {},
	"/gzip": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, "x")
	},
	"/short": func(w http.ResponseWriter, _ *http.Request) { // says more than it sends
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "a few")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	},
	"/torn": func(w http.ResponseWriter, _ *http.Request) { // chunks without the last one
		fmt.Fprint(w, "a few")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	},
	"/silent": func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprint(w, "a few")
		_ = http.NewResponseController(w).Flush()
		<-q.Context().Done()
	},
	"/drip": func(w http.ResponseWriter, q *http.Request) {
		for q.Context().Err() == nil {
			fmt.Fprint(w, ".")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	},
	"/endless": func(w http.ResponseWriter, q *http.Request) {
		for buffer := make([]byte, 64<<10); q.Context().Err() == nil; {
			_, _ = w.Write(buffer)
		}
	},
	"/huge": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1000000000000") },
	"/inside": func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "http://127.0.0.1:1/", http.StatusFound)
	},
	"/loop": func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "/loop", http.StatusFound) },
}

func TestImportFromBadSources(t *testing.T) {
	t.Parallel()
	within := func(timeout, idle time.Duration) *running {
		return serve(t, func(c *Config, _ *Parts) {
			c.Imports = Imports{Max: 5 << 20, Timeout: timeout, Idle: idle, Redirects: 3, AtOnce: 20, Allow: world}
		})
	}
	r := within(time.Minute, 30*time.Second)
	// Short limits are for the sources that are to meet them: here another may be slow, too.
	slow := map[string]*running{"/silent": within(time.Minute, 500*time.Millisecond), "/drip": within(2*time.Second, 30*time.Second)}
	space := r.Space(t)
	url := source(t, func(w http.ResponseWriter, q *http.Request) { sourceFaults[q.URL.Path](w, q) })
	for path, want := range map[string]string{
		"/404":     "400 url: the source answered 404",
		"/206":     "400 url: the source answered 206",
		"/empty":   "400 url: the source is empty; a file has at least 1 byte",
		"/gzip":    "400 url: the source compressed the file, though it was asked not to",
		"/short":   "400 url: the source broke off after 5 bytes",
		"/torn":    "400 url: the source broke off after 5 bytes",
		"/silent":  "400 url: the source was silent for longer than 500ms",
		"/drip":    "400 url: the import took longer than 2s",
		"/endless": "413 url: the source is larger than the 5242880 bytes that an import may have",
		"/huge":    "413 url: the source is larger than the 5242880 bytes that an import may have",
		"/inside":  "422 url: redirects to a URL that leads to an address that is not public",
		"/loop":    "422 url: redirects more than 3 times",
	} {
		t.Run(path, func(t *testing.T) {
			at := r
			if slow[path] != nil {
				at = slow[path]
			}
			a := at.Do(t, "POST", "/uploads/import-url", testsystem.Object{"url": url + path, "space_id": at.Space(t)})
			if got := fmt.Sprint(a.Status, " ", a.Detail()); got != want {
				t.Errorf("%s; want %s", got, want)
			}
			at.room(t, path, 0)
			if files := at.Must(t, 200, "GET", "/files", nil); len(files.List) != 0 {
				t.Errorf("it made %s", files.Raw)
			}
		})
	}
	a := r.Must(t, 400, "POST", "/uploads/import-url", testsystem.Object{"url": "http://127.0.0.2:1/", "space_id": space})
	if a.Detail() != "url: the source can't be reached, or does not speak HTTP" {
		t.Errorf("nobody there: %s", a.Raw)
	}
	r.Must(t, 400, "POST", "/uploads/import-url", testsystem.Object{"url": url + "/empty", "space_id": space, "sha256": strings.Repeat("0", 64)})
	r.room(t, "failed imports", 0)
	if files := r.Must(t, 200, "GET", "/files", nil); len(files.List) != 0 {
		t.Errorf("failed imports made %s", files.Raw)
	}
}

// TestImportKeepsTheQuota imports what does not fit, of known and of unknown
// length, and then what just fits.
func TestImportKeepsTheQuota(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Imports.Allow = world })
	space := r.Space(t)
	url := source(t, func(w http.ResponseWriter, q *http.Request) {
		var size int
		_, _ = fmt.Sscan(q.URL.Query().Get("size"), &size)
		if q.URL.Path == "/known" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		for ; size > 0; size -= 100_000 {
			_, _ = w.Write(make([]byte, min(size, 100_000)))
			_ = http.NewResponseController(w).Flush()
		}
	})
	const limit = 10_000_000
	most := int64(limit)
	if err := r.Store.SetTenantLimits(t.Context(), r.tenant, &most, nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/known", "/unknown"} {
		a := r.Must(t, 402, "POST", "/uploads/import-url", testsystem.Object{"url": fmt.Sprintf("%s%s?size=%d", url, path, limit+1), "space_id": space})
		if a.Detail() != "quota_exceeded" || a.Body["quota"] == nil {
			t.Errorf("%s: %s", path, a.Raw)
		}
		r.room(t, path+" too large", 0)
		file := r.Must(t, 200, "POST", "/uploads/import-url", testsystem.Object{"url": fmt.Sprintf("%s%s?size=%d", url, path, limit), "space_id": space}).Text("id")
		r.room(t, path, limit)
		r.Must(t, 402, "POST", "/uploads/import-url", testsystem.Object{"url": url + path + "?size=1", "space_id": space})
		r.Must(t, 204, "DELETE", "/gdpr/files/"+file, nil)
		r.room(t, path+" purged", 0)
	}
}

// TestImportOnce repeats an import whose first answer was lost.
func TestImportOnce(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Imports.Allow = world })
	space := r.Space(t)
	var asked atomic.Int64
	url := source(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "once")
	})
	body := testsystem.Object{"url": url, "space_id": space}
	if first, text := r.post(t, "key", "/uploads/import-url", body); first.StatusCode != 400 {
		t.Fatalf("a source that fails: %d %s", first.StatusCode, text)
	}
	second, text := r.post(t, "key", "/uploads/import-url", body) // a refusal is not kept
	id := made(t, 200, second, text)
	third, text := r.post(t, "key", "/uploads/import-url", body)
	if made(t, 200, third, text) != id || asked.Load() != 2 {
		t.Errorf("repeated: %s after %d fetches; want %s after 2", text, asked.Load(), id)
	}
	r.exec(t, `UPDATE idempotent SET status = NULL, answer = NULL, lease_until = 0`) // as if the process had died before it was kept
	fourth, text := r.post(t, "key", "/uploads/import-url", body)
	if made(t, 200, fourth, text) != id || asked.Load() != 2 {
		t.Errorf("after a lost answer: %s after %d fetches; want %s after 2", text, asked.Load(), id)
	}
	r.room(t, "one import", 4)
}

// TestImportLeftAlone ends imports from outside: the client leaves, or the
// process does.
func TestImportLeftAlone(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Imports.Allow, c.Imports.AtOnce = world, 1 })
	space := r.Space(t)
	begun, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	url := source(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_ = http.NewResponseController(w).Flush()
		begun <- struct{}{}
		<-q.Context().Done()
		ended <- struct{}{}
	})
	ctx, leave := context.WithCancel(t.Context())
	request := must(http.NewRequestWithContext(ctx, "POST", r.API+"/api/v1/uploads/import-url", strings.NewReader(fmt.Sprintf(`{"url": %q, "space_id": %q}`, url, space))))
	request.Header.Set("X-API-Key", r.Key)
	answered := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		answered <- err
	}()
	<-begun
	testsystem.Until(t, 10*time.Second, "reserved", func() error {
		if used := r.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); used != 1000 {
			return fmt.Errorf("%d bytes", used)
		}
		return nil
	})
	if busy := r.Must(t, 503, "POST", "/uploads/import-url", testsystem.Object{"url": url, "space_id": space}); busy.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After where too many imports are under way")
	}
	leave()
	<-answered
	<-ended
	testsystem.Until(t, 10*time.Second, "given back", func() error {
		if used := r.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); used != 0 {
			return fmt.Errorf("%d bytes", used)
		}
		return nil
	})

	// A process that died leaves a reservation; it ends by itself.
	ctx = store.WithID(t.Context(), "0192d5a0-0000-7000-8000-000000000001")
	left := must(r.Store.ReserveUpload(ctx, store.Upload{TenantID: r.tenant, SpaceID: space, OriginalName: "x"}, time.Hour))
	if err := r.Store.FitUpload(ctx, &left, 77, time.Hour); err != nil {
		t.Fatal(err)
	}
	r.room(t, "a dead import", 77)
	if err := r.Store.FitUpload(ctx, &left, 77, 0); err != nil { // its time is over
		t.Fatal(err)
	}
	testsystem.Until(t, 10*time.Second, "expired", func() error {
		if used := r.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); used != 0 {
			return fmt.Errorf("%d bytes", used)
		}
		return nil
	})
}

// TestImportThatIsLate goes on with an import after another process, to which the request
// was repeated, has brought it to its end: the file is what that one made it of.
func TestImportThatIsLate(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Imports.Allow = world })
	var times atomic.Int64
	asked, let := make(chan struct{}), make(chan struct{})
	from := must(url.Parse(source(t, func(w http.ResponseWriter, _ *http.Request) {
		n := times.Add(1)
		w.Header().Set("Content-Length", "8")
		_ = http.NewResponseController(w).Flush()
		if n == 1 {
			close(asked)
			<-let
		}
		fmt.Fprintf(w, "answer %d", n)
	})))
	u := must(r.Store.ReserveUpload(t.Context(), store.Upload{TenantID: r.tenant, SpaceID: r.Space(t), OriginalName: "n"}, time.Hour))
	first, ended := u, make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = r.bring(context.WithoutCancel(t.Context()), &first, from)
	}()
	<-asked
	testsystem.Until(t, 10*time.Second, "room for the first one", func() error {
		if open := must(r.Store.Upload(t.Context(), r.tenant, u.FileID)); open.Size != 8 {
			return fmt.Errorf("%d bytes", open.Size)
		}
		return nil
	})
	object := must(r.bring(t.Context(), &u, from))
	f := must(r.Store.CompleteUpload(t.Context(), u, object))
	close(let)
	<-ended
	body, err := r.Objects.Open(t.Context(), f.Object.Key, f.Object.Version, 0, f.Size)
	if err != nil {
		t.Fatalf("the file's bytes: %v (kind %d); want those that it was made of", err, share.KindOf(err))
	}
	_ = body.Close()
}
