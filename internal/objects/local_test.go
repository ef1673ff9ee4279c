package objects_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/share"
)

func TestLocalSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	l := newLab(t, newLocal(t, dir))
	content := random(3000)
	etag := l.mustStore(t, "k", content)
	uploadID, parts := l.mustStart(t, "video", random(100))
	if err := os.WriteFile(filepath.Join(dir, "drafts", "draft-left"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}

	l = newLab(t, newLocal(t, dir))
	if left := files(t, dir, "drafts"); len(left) != 0 {
		t.Errorf("drafts left after a start: %v", left)
	}
	if read, err := l.read(t, "k", etag, 0, 3000); err != nil || !bytes.Equal(read, content) {
		t.Errorf("read %d bytes, %v, with the ETag of the first process", len(read), err)
	}
	if err := l.CompleteParts(t.Context(), "video", uploadID, parts); err != nil {
		t.Errorf("complete an upload of the first process: %v", err)
	}
}

func TestLocalBrokenUploadLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	l := newLab(t, newLocal(t, dir))
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 1 << 20, ContentType: "text/plain", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	conn := halfPut(t, signed.URL, random(1<<20))
	eventually(t, "a draft appears", func() bool { return len(files(t, dir, "drafts")) == 1 })
	_ = conn.Close()
	eventually(t, "the draft goes", func() bool { return len(files(t, dir, "drafts")) == 0 })
	if left := files(t, dir, "objects"); len(left) != 0 {
		t.Errorf("objects after a broken upload: %v", left)
	}
}

// TestLocalKilledHalfWay kills a process with an upload under way over an older
// version, and looks at what it left.
func TestLocalKilledHalfWay(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(killed)
	lines := bufio.NewScanner(out)
	var urls []string
	for len(urls) < 2 && lines.Scan() {
		urls = append(urls, lines.Text())
	}
	if len(urls) != 2 {
		t.Fatalf("the process printed %d URLs: %v", len(urls), lines.Err())
	}
	l := newLab(t, newLocal(t, t.TempDir())) // only for its client
	content := random(1000)
	if got := l.put(t, objects.Signed{URL: urls[0]}, content); got.status != http.StatusOK {
		t.Fatalf("PUT answered %d %s", got.status, got.body)
	}
	halfPut(t, urls[1], random(1<<20))
	eventually(t, "a draft appears", func() bool { return len(files(t, dir, "drafts")) == 1 })
	killed()

	l = newLab(t, newLocal(t, dir))
	info, err := l.Head(t.Context(), "k")
	if err != nil || info.ETag != digest(content) || info.Size != 1000 {
		t.Errorf("Head = %+v, %v; want the acknowledged version", info, err)
	}
	if left := files(t, dir, "drafts"); len(left) != 0 {
		t.Errorf("drafts left: %v", left)
	}
}

const crashDir = "RAWLINK_TEST_CRASH_DIR"

// serveUntilKilled is the process that TestLocalKilledHalfWay kills.
func serveUntilKilled(dir string) {
	server := httptest.NewUnstartedServer(nil)
	local, err := objects.NewLocal(objects.LocalConfig{
		Dir: dir, BaseURL: "http://" + server.Listener.Addr().String(), Prefix: "/bytes",
		Secret: make([]byte, share.KeySize), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	server.Config.Handler = local.Handler()
	server.Start()
	for _, size := range []int64{1000, 1 << 20} {
		signed, err := local.PresignPut(context.Background(), objects.PutSpec{Key: "k", Size: size, Expires: time.Minute})
		if err != nil {
			panic(err)
		}
		fmt.Println(signed.URL)
	}
	select {}
}

func TestLocalRefusesADamagedFile(t *testing.T) {
	dir := t.TempDir()
	l := newLab(t, newLocal(t, dir))
	etag := l.mustStore(t, "k", random(1000))
	path := files(t, dir, "objects")[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[10:], 0o600); err != nil { // content lost, footer whole
		t.Fatal(err)
	}
	_, err = l.Head(t.Context(), "k")
	wantKind(t, "Head without the first bytes", err, share.Unavailable)
	for _, size := range []int64{1037, 500, 10, 0} {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		_, err := l.Head(t.Context(), "k")
		wantKind(t, "Head", err, share.Unavailable)
		_, err = l.Open(t.Context(), "k", etag, 0, 10)
		wantKind(t, "Open", err, share.Unavailable)
	}
}

func TestLocalReaderIsAFile(t *testing.T) {
	l := newLab(t, newLocal(t, t.TempDir()))
	content := random(1000)
	etag := l.mustStore(t, "k", content)
	r, err := l.Open(t.Context(), "k", etag, 100, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l.mustStore(t, "k", []byte("replaced"))
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	span, ok := r.(*objects.FileSpan)
	if !ok {
		t.Fatalf("reader is a %T", r)
	}
	file, left := span.File()
	read, err := io.ReadAll(io.LimitReader(file, left))
	if err != nil || !bytes.Equal(read, content[110:150]) {
		t.Errorf("the file gives %d bytes, %v; want what is left of the span, of its version", len(read), err)
	}
}

// Of several completions at once, one wins and the others change nothing.
func TestLocalCompletesOnce(t *testing.T) {
	l := newLab(t, newLocal(t, t.TempDir()))
	for range 5 {
		uploadID, parts := l.mustStart(t, "k", random(objects.MinPart), random(100))
		var wg sync.WaitGroup
		results := make([]error, 4)
		for i := range results {
			wg.Go(func() { results[i] = l.CompleteParts(t.Context(), "k", uploadID, parts[:1+i%2]) })
		}
		wg.Wait()
		won := 0
		var size int64
		for i, err := range results {
			if err == nil {
				won, size = won+1, objects.MinPart+int64(i%2*100)
			} else if share.KindOf(err) != share.NotFound {
				t.Errorf("completion %d: %v; want nil or not found", i, err)
			}
		}
		if info, err := l.Head(t.Context(), "k"); won != 1 || err != nil || info.Size != size {
			t.Errorf("%d completions won; Head = %+v, %v; want the winner's %d bytes", won, info, err, size)
		}
		if err := l.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLocalStalledUploadIsDropped(t *testing.T) {
	noLeak(t)
	dir := t.TempDir()
	local := newLocal(t, dir)
	local.SetPatience(time.Second) // it is the answer's time, too
	l := newLab(t, local)
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 1000, ContentType: "text/plain", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	conn := halfPut(t, signed.URL, random(1000))
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout || len(files(t, dir, "drafts")) != 0 {
		t.Errorf("a stalled upload: %d, drafts %v; want 408 and none", resp.StatusCode, files(t, dir, "drafts"))
	}
}

// A body that is too long is refused by its head: none of it is asked for.
func TestLocalLongBodyIsNotRead(t *testing.T) {
	l := newLab(t, newLocal(t, t.TempDir()))
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 3, Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	u := mustParse(t, signed.URL)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 99999999\r\n\r\n", u.RequestURI(), u.Host)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("answered %d, closing %v; want 413 and the end of the connection", resp.StatusCode, resp.Close)
	}
}

func TestLocalAnswers(t *testing.T) {
	local := newLocal(t, t.TempDir())
	l := newLab(t, local)
	etag := l.mustStore(t, "page.html", []byte("<script>alert(1)</script>"))
	get, errGet := l.PresignGet(t.Context(), objects.GetSpec{Key: "page.html", Name: "page.html", Disposition: "inline", ContentType: "text/html", Expires: time.Minute})
	pdf, errPDF := l.PresignGet(t.Context(), objects.GetSpec{Key: "page.html", Name: "a.pdf", Disposition: "inline", ContentType: "application/pdf", Expires: time.Minute})
	put, errPut := l.PresignPut(t.Context(), objects.PutSpec{Key: "new", Size: 3, ContentType: "text/plain", Expires: time.Minute})
	if err := errors.Join(errGet, errPDF, errPut); err != nil {
		t.Fatal(err)
	}
	from := func(origin string) map[string]string { return map[string]string{"Origin": origin} }
	const mine, other = "https://app.example", "https://evil.example"
	for _, c := range []struct {
		name, method, url string
		header            map[string]string
		status            int
		want              map[string]string // "" = absent
	}{
		{"GET", "GET", get.URL, nil, 200, map[string]string{
			"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff",
			"Content-Disposition": `inline; filename="page.html"`, "Content-Type": "text/html", "ETag": `"` + etag + `"`,
			"Referrer-Policy": "no-referrer", "Set-Cookie": "", "Access-Control-Allow-Origin": "",
		}},
		{"a PDF, which Safari shows in no sandbox", "GET", pdf.URL, nil, 200, map[string]string{
			"Content-Security-Policy": "default-src 'none'; img-src 'self' data:; object-src 'self'; frame-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
		}},
		{"HEAD", "HEAD", get.URL, nil, 200, map[string]string{"Content-Length": "25", "Accept-Ranges": "bytes"}},
		{"not modified", "GET", get.URL, map[string]string{"If-None-Match": `"` + etag + `"`}, 304, nil},
		{"range outside", "GET", get.URL, map[string]string{"Range": "bytes=99-"}, 416, map[string]string{"Content-Range": "bytes */25"}},
		{"GET from our origin", "GET", get.URL, from(mine), 200, map[string]string{"Access-Control-Allow-Origin": mine, "Vary": "Origin"}},
		{"GET from another", "GET", get.URL, from(other), 200, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "Origin"}},
		{"preflight", "OPTIONS", put.URL, from(mine), 204, map[string]string{
			"Access-Control-Allow-Origin": mine, "Access-Control-Allow-Methods": "GET, HEAD, PUT",
			"Access-Control-Expose-Headers": "ETag", "Access-Control-Allow-Credentials": "",
		}},
		{"preflight from another", "OPTIONS", put.URL, from(other), 204, map[string]string{"Access-Control-Allow-Origin": ""}},
		{"POST", "POST", put.URL, nil, 405, map[string]string{"Allow": "GET, HEAD, OPTIONS, PUT"}},
		{"DELETE", "DELETE", get.URL, nil, 405, nil},
		{"a parameter added", "GET", get.URL + "&utm=1", nil, 403, nil},
		{"a parameter twice", "GET", get.URL + "&type=text/plain", nil, 403, nil},
		{"a bad query", "GET", get.URL + "&%zz;", nil, 403, nil},
		{"traversal", "GET", strings.Replace(get.URL, "page.html", "..%2f..%2fpage.html", 1), nil, 404, nil},
		{"outside the prefix", "GET", strings.Replace(get.URL, "/bytes/", "/other/", 1), nil, 404, nil},
		{"refused with CORS, so that a script can read why", "PUT", put.URL, from(mine), 403, map[string]string{"Access-Control-Allow-Origin": mine}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := l.do(t, c.method, c.url, nil, 0, c.header)
			if got.status != c.status {
				t.Fatalf("answered %d %s; want %d", got.status, got.body, c.status)
			}
			for name, want := range c.want {
				if value := got.header.Get(name); value != want {
					t.Errorf("%s = %q; want %q", name, value, want)
				}
			}
			var said struct{ Detail string }
			if c.status >= 400 && c.status != 416 && (json.Unmarshal([]byte(got.body), &said) != nil || said.Detail == "") {
				t.Errorf("body = %q; want a detail", got.body)
			}
			if signature := mustParse(t, c.url).Query().Get("signature"); signature != "" && strings.Contains(fmt.Sprint(got), signature) {
				t.Errorf("the answer repeats the signature: %v", got)
			}
		})
	}
}

func TestLocalChunkedBodyIsRefused(t *testing.T) {
	l := newLab(t, newLocal(t, t.TempDir()))
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 3, ContentType: "text/plain", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	got := l.do(t, "PUT", signed.URL, strings.NewReader("abc"), -1, signed.Headers)
	if got.status != http.StatusLengthRequired {
		t.Errorf("answered %d %s; want 411", got.status, got.body)
	}
}

// A disk that fails is no reason to give up: the client is told when to ask again.
func TestLocalSaysWhenToAskAgain(t *testing.T) {
	dir := t.TempDir()
	l := newLab(t, newLocal(t, dir))
	put, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 3, ContentType: "text/plain", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	l.mustStore(t, "k", []byte("abc"))
	get, err := l.PresignGet(t.Context(), objects.GetSpec{Key: "k", Disposition: "inline", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := filepath.Glob(filepath.Join(dir, "objects", "*", "*"))
	if err != nil || len(stored) != 1 {
		t.Fatalf("stored %v, %v; want a file", stored, err)
	}
	drafts := filepath.Join(dir, "drafts")
	if err := errors.Join(os.Truncate(stored[0], 1), os.Remove(drafts), os.WriteFile(drafts, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]answer{
		"GET": l.do(t, "GET", get.URL, nil, 0, nil),
		"PUT": l.do(t, "PUT", put.URL, strings.NewReader("abc"), 3, put.Headers),
	} {
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" {
			t.Errorf("%s: %d, Retry-After %q; want 503 and 5", name, got.status, got.header.Get("Retry-After"))
		}
	}
}

func TestNewLocalNamesWhatIsWrong(t *testing.T) {
	good := objects.LocalConfig{
		Dir: t.TempDir(), BaseURL: "http://localhost:1", Prefix: "/o",
		Secret: make([]byte, share.KeySize), Log: slog.New(slog.DiscardHandler),
	}
	for want, change := range map[string]func(*objects.LocalConfig){
		"base URL": func(c *objects.LocalConfig) { c.BaseURL = "localhost:1" },
		"prefix":   func(c *objects.LocalConfig) { c.Prefix = "o/" },
		"secret":   func(c *objects.LocalConfig) { c.Secret = []byte("short") },
		"logger":   func(c *objects.LocalConfig) { c.Log = nil },
		"file":     func(c *objects.LocalConfig) { c.Dir = os.Args[0] },
	} {
		cfg := good
		change(&cfg)
		if _, err := objects.NewLocal(cfg); err == nil || want != "file" && !strings.Contains(err.Error(), want) {
			t.Errorf("wrong %s: error %v", want, err)
		}
	}
}

// files lists the files below a folder of the store.
func files(tb testing.TB, dir, sub string) (paths []string) {
	tb.Helper()
	err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, path)
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil // went while we looked
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return paths
}
