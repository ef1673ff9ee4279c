package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rawlink/bench/report"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// fails runs the program and checks that it ends with this code and this line.
func fails(t *testing.T, want int, line string, args ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append(args, "-o", t.TempDir()), &out, &errs); code != want || !strings.Contains(errs.String(), line) {
		t.Errorf("bench %s: exit code %d, %q; want %d and %q", strings.Join(args, " "), code, errs.String(), want, line)
	}
}

func TestBadTargets(t *testing.T) {
	s := generous(t)
	nobody := testenv.AnswerText(t, "")
	closed := "http://" + testsystem.Address(t)
	rubbish := testenv.AnswerText(t, "+PONG rubbish rubbish\r\n\r\n")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"hello":"world"}`)) }))
	defer other.Close()

	api, edge, key := s.API, s.Files[0], s.Key
	to := func(api, edge, key string) []string {
		return []string{"run", "hot", "-d", "1s", "--timeout", "30s", "--api", api, "--edge", edge, "--key", key}
	}
	fails(t, exitFailed, "edge "+closed+" can't be reached: connect: connection refused", to(api, closed, key)...)
	fails(t, exitFailed, "no answer from the origin at "+closed, to(closed, edge, key)...)
	fails(t, exitFailed, "the key is not one of this origin's", to(api, edge, "fck_test_00000000000000000000000000000000")...)
	fails(t, exitFailed, "does not answer as an origin does", to(other.URL, edge, key)...)
	fails(t, exitFailed, "the answer is not HTTP", to(api, rubbish, key)...)
	fails(t, exitFailed, "it closes the connection without an answer", to(api, nobody, key)...)
	fails(t, exitVoid, "rule", to(api, other.URL, key)...)
	fails(t, exitFailed, "want an API key", "run", "hot", "--api", api, "--edge", edge)
	fails(t, exitFailed, "want requests per second", append(to(api, edge, key), "--rate", "many")...)
	fails(t, exitFailed, "want a size", append(to(api, edge, key), "--sizes", "huge")...)
	fails(t, exitFailed, "tea", append([]string{"run", "tea"}, to(api, edge, key)[2:]...)...)
	nothingLeft(t, s, s.Key)
}

func TestQuotaTooSmall(t *testing.T) {
	s := generous(t)
	small := s.NewTenant(t, testsystem.Limits{Bytes: 1 << 20, Links: 3})
	to := []string{"--api", s.API, "--edge", s.Files[0], "--key", small, "-d", "1s"}
	fails(t, exitFailed, "the run stores 10 MiB and the tenant has 1.0 MiB left", append([]string{"run", "hot", "--sizes", "1MiB", "--objects", "10"}, to...)...)
	fails(t, exitFailed, "the run mints 11 links and the tenant has 3 left", append([]string{"run", "hot", "--sizes", "1KiB", "--objects", "10"}, to...)...)
	nothingLeft(t, s, small)
}

// Ctrl-C half-way: what was measured is saved, what was seeded is removed.
func TestInterrupt(t *testing.T) {
	s := generous(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	watch := &watcher{want: "hit", seen: cancel}
	args := []string{"run", "hot", "-d", "60s", "-c", "4", "--rate", "100", "-o", dir, "--api", s.API, "--edge", s.Files[0], "--key", s.Key}
	var out bytes.Buffer
	began := time.Now()
	if code := run(ctx, args, &out, watch); code != exitFailed || !strings.Contains(watch.String(), "interrupted: what was measured until then is in the report") {
		t.Errorf("exit code %d\n%s", code, watch)
	}
	r, err := report.Load(filepath.Join(dir, "hot.json"))
	if err != nil || !r.Interrupted || r.Requests == 0 || time.Since(began) > 40*time.Second {
		t.Errorf("report: %v; %+v", err, r)
	}
	nothingLeft(t, s, s.Key)

	// And while seeding.
	ctx, cancel = context.WithCancel(t.Context())
	watch = &watcher{want: "seeded", seen: cancel}
	args = append(args, "--objects", "500")
	if code := run(ctx, args, &out, watch); code != exitFailed || !strings.Contains(watch.String(), "interrupted while seeding") {
		t.Errorf("exit code %d\n%s", code, watch)
	}
	nothingLeft(t, s, s.Key)
}

// watcher calls seen when the program has said something.
type watcher struct {
	bytes.Buffer
	want string
	seen func()
}

func (w *watcher) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.want)) {
		w.seen()
	}
	return w.Buffer.Write(p)
}

// A full disk: the report goes elsewhere, and the line says where.
func TestFullDisk(t *testing.T) {
	s := generous(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir())
	for _, name := range []string{"hot.json", "hot.html"} {
		if err := os.Symlink("/dev/full", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := bench(t.Context(), t, s, "run", "hot", "-d", "1s", "-c", "2", "--rate", "50", "-o", dir)
	if code != exitFailed || !strings.Contains(errs, "no space left on device") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	saved := strings.TrimSpace(out[strings.LastIndex(strings.TrimSpace(out), " "):])
	if r, err := report.Load(saved); err != nil || r.Requests == 0 || !strings.Contains(out, "requests/s over") {
		t.Errorf("the spare report: %v\n%s", err, out)
	}
	if code, _, errs := bench(t.Context(), t, s, "run", "hot", "-d", "1s", "-o", filepath.Join(dir, "hot.json", "x")); code != exitFailed || !strings.Contains(errs, "bench: out: ") {
		t.Errorf("a folder that can't be made: exit code %d, %s", code, errs)
	}
	nothingLeft(t, s, s.Key)
}

// What a killed run left is removed by bench clean.
func TestClean(t *testing.T) {
	s := generous(t)
	c := s.Client()
	space := c.Must(t, 201, "POST", "/spaces", testsystem.Object{"name": "rawlink bench of yesterday"}).Text("id")
	mine := c.Space(t)
	file := c.CleanFile(t, space, "a", "application/octet-stream", []byte("left"))
	c.Share(t, file, nil)
	kept := c.CleanFile(t, mine, "b", "application/octet-stream", []byte("kept"))
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"clean", "--api", s.API, "--key", s.Key}, &out, &errs); code != 0 || !strings.Contains(out.String(), "removed 1 files in 1 spaces") {
		t.Errorf("exit code %d, %s%s", code, &out, &errs)
	}
	c.Must(t, 404, "GET", "/files/"+file, nil)
	c.Must(t, 200, "GET", "/files/"+kept, nil)
}
