package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// withDisk keeps small objects up to 1 KiB in RAM and slices of 64 KiB on disk.
func withDisk(t *testing.T) func(*Config, *Parts, *world) {
	return func(c *Config, _ *Parts, _ *world) {
		c.SmallMax, c.CacheDir, c.SliceSize, c.CacheDisk = 1<<10, t.TempDir(), 64<<10, 64<<20
	}
}

// bytes are read from the store once, and later come from RAM or disk.
func TestBytesAreReadOnce(t *testing.T) {
	w := newWorld(t, withDisk(t))
	for size, from := range map[int]string{1000: "ram", 200_000: "disk"} {
		want := content(size)
		path := w.link(want, nil)
		before, _ := w.storeUse()
		for i, source := range []string{"store", from, from} {
			got := w.get(path)
			if got.status != 200 || !bytes.Equal(got.body, want) {
				t.Fatalf("%d bytes, GET %d: %d, %d bytes", size, i, got.status, len(got.body))
			}
			if timing := got.header.Get("Server-Timing"); !strings.HasSuffix(timing, `bytes;desc="`+source+`"`) {
				t.Errorf("%d bytes, GET %d: Server-Timing %q; want %s", size, i, timing, source)
			}
			w.edge.records.Wait()
			w.settle()
		}
		got := w.get(path, "Range", fmt.Sprintf("bytes=%d-%d", size/3, size/2))
		if got.status != 206 || !bytes.Equal(got.body, want[size/3:size/2+1]) {
			t.Errorf("%d bytes, range: %d, %d bytes", size, got.status, len(got.body))
		}
		if opens, _ := w.storeUse(); opens-before != (size+65535)/65536 {
			t.Errorf("%d bytes: %d store reads; want one for each slice", size, opens-before)
		}
	}
}

// whoever has the file already costs nothing. Where nothing of it is cached, 304
// reads nothing of the store, and takes no download.
func TestNotModifiedCostsNothing(t *testing.T) {
	w := newWorld(t, withDisk(t))
	for _, size := range []int{1000, 200_000} { // for RAM, for disk
		for _, limit := range []int64{0, 1} {
			want := content(size)
			path := w.link(want, capped(limit))
			etag := `"` + w.record(path).Object.SHA256 + `"`
			before, _ := w.storeUse()
			for _, headers := range [][]string{{"If-None-Match", etag}, {"If-Modified-Since", sameDate}, {"If-None-Match", etag, "Range", "bytes=5-"}} {
				for _, method := range []string{"GET", "HEAD"} {
					if got := w.do(method, path, headers...); got.status != 304 || len(got.body) != 0 {
						t.Errorf("%d bytes, cap %d, %s %v: %d, %d bytes; want 304 and none", size, limit, method, headers, got.status, len(got.body))
					}
				}
			}
			w.settle()
			if opens, _ := w.storeUse(); opens != before || w.count(path) != 0 {
				t.Errorf("%d bytes, cap %d: %d reads of the store, count %d; want none", size, limit, opens-before, w.count(path))
			}
			got := w.get(path, "If-None-Match", `"stale"`)
			if opens, _ := w.storeUse(); !bytes.Equal(got.body, want) || opens == before || w.count(path) != 1 {
				t.Errorf("%d bytes, cap %d, another version: %d, %d bytes, %d reads of the store, count %d; want all of it, read and counted", size, limit, got.status, len(got.body), opens-before, w.count(path))
			}
		}
	}
}

// settle waits until no fill is under way.
func (w *world) settle() {
	eventually(w.tb, "fills have ended", func() bool { return w.edge.bytes.Stats().Flying == 0 })
}

// Two shares of a file read its bytes once between them.
func TestSharesOfAFileShareItsBytes(t *testing.T) {
	w := newWorld(t, nil)
	want := content(5000)
	first := w.link(want, nil)
	rec := w.record(first)
	second := w.link(want, func(r *share.Record) { r.FileID, r.Object = rec.FileID, rec.Object })
	for _, path := range []string{first, second} {
		if got := w.get(path); !bytes.Equal(got.body, want) {
			t.Fatalf("%d, %d bytes", got.status, len(got.body))
		}
	}
	if opens, _ := w.storeUse(); opens != 1 {
		t.Errorf("%d store reads; want 1", opens)
	}
}

// A cold object asked for by many is read once, and each gets what it asked for.
func TestColdHerdReadsOnce(t *testing.T) {
	w := newWorld(t, withDisk(t))
	want := content(640_000)
	path := w.link(want, nil)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			from := i * 10_000
			if got := w.get(path, "Range", fmt.Sprintf("bytes=%d-%d", from, from+19_999)); !bytes.Equal(got.body, want[from:from+20_000]) {
				t.Errorf("range at %d: %d, %d bytes, %v", from, got.status, len(got.body), got.err)
			}
		})
	}
	wg.Wait()
	if opens, _ := w.storeUse(); opens != 10 {
		t.Errorf("%d store reads; want one for each of 10 slices", opens)
	}
}

func TestSeveralRanges(t *testing.T) {
	w := newWorld(t, withDisk(t))
	want := content(300_000)
	for _, ranges := range [][][2]int{{{0, 1}, {4, 10}}, {{299_000, 300_000}, {0, 100}, {65_000, 200_000}}} {
		var specs []string
		total := 0
		for _, r := range ranges {
			specs = append(specs, fmt.Sprintf("%d-%d", r[0], r[1]-1))
			total += r[1] - r[0]
		}
		path := w.link(want, func(r *share.Record) { r.MIME, r.Permission, r.MaxDownloads = "video/mp4", share.View, 1 })
		got := w.get(path, "Range", "bytes="+strings.Join(specs, ", "))
		kind, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
		if got.status != 206 || got.err != nil || err != nil || kind != "multipart/byteranges" || got.length != int64(len(got.body)) || got.header.Get("Content-Range") != "" {
			t.Fatalf("%v: %d, %v, %v, %d of %d bytes, %v", specs, got.status, got.err, err, len(got.body), got.length, got.header)
		}
		parts := multipart.NewReader(bytes.NewReader(got.body), params["boundary"])
		for _, r := range ranges {
			part, err := parts.NextRawPart()
			must(t, err)
			body, err := io.ReadAll(part)
			must(t, err)
			about := fmt.Sprintf("bytes %d-%d/300000", r[0], r[1]-1)
			if !bytes.Equal(body, want[r[0]:r[1]]) || part.Header.Get("Content-Range") != about || part.Header.Get("Content-Type") != "video/mp4" {
				t.Errorf("%v: part %v with %d bytes; want %s", specs, part.Header, len(body), about)
			}
		}
		if _, err := parts.NextRawPart(); err != io.EOF {
			t.Errorf("%v: after the last part %v", specs, err)
		}
		if n := w.count(path); n != 1 {
			t.Errorf("%v: counted %d; want 1", specs, n)
		}
		eventually(t, "tallied", func() bool { return w.edge.inFlight.Load() == 0 })
	}
}

// A client that leaves ends the read of the store within the slice it was in,
// once the store has given bytes that can't be sent.
func TestClientGoneEndsTheStoreRead(t *testing.T) {
	const size = 64 << 20
	ended := make(chan struct{})
	w := newWorld(t, func(c *Config, p *Parts, w *world) {
		withDisk(t)(c, p, w)
		c.SliceSize, c.CacheDisk, c.StoreStall = size, 2*size, time.Hour
		p.Objects = fakeObjects(func(ctx context.Context, _, _ string, _, n int64) (io.ReadCloser, error) {
			context.AfterFunc(ctx, func() { close(ended) })
			return io.NopCloser(io.LimitReader(unhurried{ctx}, n)), nil
		})
	})
	w.cut(w.link(nil, func(r *share.Record) { r.Object.Size, r.Object.SHA256 = size, "" }), testAgent, 50_000)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the store read goes on")
	}
}

// unhurried is a store that would take a minute for the object.
type unhurried struct{ ctx context.Context }

func (u unhurried) Read(p []byte) (int, error) {
	select {
	case <-time.After(4 * time.Millisecond):
		return min(len(p), 4096), nil
	case <-u.ctx.Done():
		return 0, u.ctx.Err()
	}
}

const serveOnce = "EDGE_TEST_SERVE_ONCE"

// serveOneFile is a process that an outsider looks at: it serves a file of 8 MiB
// from slices on disk, to a client of its own, and ends.
func serveOneFile(m *testing.M) {
	t := &outsider{}
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.CacheDir = os.Getenv(serveOnce) })
	want := content(8 << 20)
	path := w.link(want, nil)
	for range 2 {
		res, err := http.Get(w.url + path)
		must(t, err)
		got, err := io.ReadAll(res.Body)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Fatal("other bytes")
		}
		fmt.Println(res.Header.Get("Server-Timing"))
		w.settle()
	}
	os.Exit(0)
}

// outsider is a test without a test around it.
type outsider struct{ testing.TB }

func (*outsider) Helper()                   {}
func (*outsider) Cleanup(func())            {}
func (*outsider) Fatal(args ...any)         { fmt.Println(args...); os.Exit(1) }
func (*outsider) Fatalf(f string, a ...any) { fmt.Printf(f+"\n", a...); os.Exit(1) }

// A body from disk is sent by the kernel: seen from outside, by its system calls.
func TestDiskBodiesGoBySendfile(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: scripts/deps.sh does it")
	}
	calls := t.TempDir() + "/calls"
	child := exec.Command(strace, "-f", "-o", calls, "-e", "trace=sendfile,write", os.Args[0])
	child.Env = append(os.Environ(), serveOnce+"="+t.TempDir())
	out, err := child.CombinedOutput()
	if err != nil && strings.Contains(string(out), "ptrace") {
		t.Skipf("strace may not trace here: %s", out)
	}
	if err != nil || !strings.Contains(string(out), `bytes;desc="disk"`) {
		t.Fatalf("%v: %s", err, out)
	}
	seen, err := os.ReadFile(calls)
	must(t, err)
	var sent int
	for _, call := range regexp.MustCompile(`sendfile(?:\(| resumed).*= (\d+)`).FindAllSubmatch(seen, -1) {
		var n int
		_, _ = fmt.Sscan(string(call[1]), &n)
		sent += n
	}
	if sent < 8<<20 {
		t.Errorf("sendfile sent %d bytes; want all of the second body\n%.3000s", sent, seen)
	}
}
