package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/testsystem"
)

// The load of a hand-over: clients that keep connections, clients that open one for
// each request, and readers that take longer for a body than a hand-over takes.
const (
	keepers   = 4
	openers   = 4
	readers   = 3
	readFor   = 4 * time.Second
	handOvers = 3
	rest      = 50 * time.Millisecond
)

// TestHandOver replaces edges and origin time and again while they are loaded. No
// request fails, no body is cut, no cap is passed, no count is lost and no slice is
// damaged.
func TestHandOver(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			s := setup(t, "LIMIT_SHARES=0", "EDGE_MAX_PER_CLIENT=4096")
			l := loadOf(t, s)
			stop := l.begin(t)
			for round := range handOvers {
				time.Sleep(500 * time.Millisecond)
				for _, p := range s.Programs() {
					p.HandOver()
				}
				t.Logf("round %d: %d requests so far", round, l.answered.Load())
			}
			time.Sleep(500 * time.Millisecond)
			stop()
			l.judge(t)
		})
	}
}

// TestFailedHandOver: a successor that can't start costs nothing. One that may, once
// its configuration is mended, takes over.
func TestFailedHandOver(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "rawlink.yaml")
	write := func(text string) {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("edge:\n  max_age: 30m\n")
	s := testsystem.Embedded(t, "CONFIG="+config)
	c := s.Client()
	_, path := c.Share(t, c.CleanFile(t, c.Space(t), "a", "text/plain", text(t)), nil)
	maxAge := func() string {
		response, _, err := testsystem.Fetch(t, "GET", s.Files[0]+path)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", response, err)
		}
		return response.Header.Get("Cache-Control")
	}
	before, pid := maxAge(), s.Origin.PID()
	write("edge:\n  max_age: soon\n")
	s.Origin.Signal(syscall.SIGUSR2)
	testsystem.Until(t, 30*time.Second, "word of the failure", func() error {
		if log := s.Origin.Stderr(); !strings.Contains(log, "not handed over") || !strings.Contains(log, "edge_max_age: want a duration") {
			return errors.New("none in the log")
		}
		return nil
	})
	if after := maxAge(); after != before || s.Origin.PID() != pid {
		t.Errorf("Cache-Control was %q and is %q; want nothing changed", before, after)
	}
	write("edge:\n  max_age: 10m\n")
	s.Origin.HandOver()
	testsystem.Until(t, 30*time.Second, "the new configuration", func() error {
		if now := maxAge(); !strings.Contains(now, "max-age=600") {
			return errors.New(now)
		}
		return nil
	})
}

// TestStopIsAnnounced: from the signal on /readyz says so, until the end; connections
// are accepted for shutdown_delay; what is under way then is finished.
func TestStopIsAnnounced(t *testing.T) {
	t.Parallel()
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "SHUTDOWN_DELAY=1500ms", "SHUTDOWN_GRACE=20s")
			c, content := s.Client(), bytes.Repeat([]byte("0123456789abcdef"), 9<<16)
			_, path := c.Share(t, c.CleanFile(t, c.Space(t), "a", "application/octet-stream", content), nil)
			edge, files, ops := s.Edges[0], s.Files[0], s.Ops[len(s.Ops)-len(s.Edges)]
			request, err := http.NewRequest("GET", files+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			slow, err := narrow.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer slow.Body.Close()

			edge.Signal(syscall.SIGTERM)
			begin := time.Now()
			stopping := func() error {
				response, body, err := testsystem.Fetch(t, "GET", ops+"/readyz")
				if err != nil || response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"stopping"`) {
					return fmt.Errorf("/readyz: %v, %s, %w; want 503 stopping", response, body, err)
				}
				return nil
			}
			testsystem.Until(t, time.Second, "word of the stop", stopping)
			if _, _, err := new(wire).get(strings.TrimPrefix(files, "http://"), path, "late"); err != nil && time.Since(begin) < time.Second {
				t.Errorf("during shutdown_delay: %v; want an answer", err)
			}
			testsystem.Until(t, 10*time.Second, "the end of accepting", func() error {
				conn, err := net.Dial("tcp", strings.TrimPrefix(files, "http://"))
				if err == nil {
					conn.Close()
					return errors.New("still accepts")
				}
				return nil
			})
			if err := stopping(); err != nil {
				t.Errorf("while a body is finished: %v", err)
			}
			if got, err := io.ReadAll(slow.Body); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the body under way: %d bytes, %v; want %d", len(got), err, len(content))
			}
			if err := edge.Wait(20 * time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTokenKeysAreRotatedWithoutAStop is the drill of docs/operating.md for many
// processes: a key is added everywhere, then seals everywhere, by hand-overs, which read
// the file with the keys anew. Links of either key work at every moment.
func TestTokenKeysAreRotatedWithoutAStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := filepath.Join(dir, "token-keys")
	if err := os.WriteFile(keys, []byte("1:"+share.NewKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testsystem.Production(t, "TOKEN_KEYS=@"+keys)
	c := s.Client()
	file := c.CleanFile(t, c.Space(t), "a", "text/plain", text(t))
	var paths []string
	check := func(when string) {
		t.Helper()
		_, path := c.Share(t, file, nil)
		paths = append(paths, path)
		for i, path := range paths {
			for edge, url := range s.Files {
				if got := status(t, url+path); got != http.StatusOK {
					t.Errorf("%s: link %d at edge %d: %d", when, i, edge, got)
				}
			}
		}
	}
	check("before")
	for i, step := range [][]string{{"add"}, {"seal", "2"}} {
		out := filepath.Join(dir, fmt.Sprint("next-", i))
		testsystem.Output(t, "rawlink", nil, append(append([]string{"admin", "token-key"}, step...), "--token-keys=@"+keys, "--out="+out)...)
		if err := os.Rename(out, keys); err != nil {
			t.Fatal(err)
		}
		for _, p := range append(append([]*testsystem.Program{}, s.Edges...), s.Origin) {
			p.HandOver()
			check(step[0])
		}
	}
	// What came on a connection kept from before was answered by the process of before.
	testsystem.Until(t, 10*time.Second, "a link of the second key", func() error {
		check("in the end")
		if key := keyOf(paths[len(paths)-1]); key != 2 {
			return fmt.Errorf("the newest link is of key %d", key)
		}
		return nil
	})
	if key := keyOf(paths[0]); key != 1 {
		t.Errorf("the oldest link is of key %d", key)
	}
}

// keyOf returns the number of the key that sealed a link, which follows the version.
func keyOf(path string) byte {
	head, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(path, "/s/")[:4])
	if err != nil {
		return 0
	}
	return head[1]
}

// link is a raw link as its owner knows it.
type link struct{ id, path string }

// load is clients at links of one file, and what they got.
type load struct {
	s        *testsystem.System
	api      *testsystem.Client
	content  []byte
	media    []byte
	caps     []int64
	free     link // to content, without a cap
	slow     link // to media
	capped   []link
	answered atomic.Int64
	got      []atomic.Int64 // bodies of capped links
	gotFree  atomic.Int64
	gotSlow  atomic.Int64
	bodies   atomic.Int64 // that readers read whole
	busy     atomic.Int64 // 503 at capped links: no download could be taken in time
	starved  atomic.Int64 // the longest that this process waited for a turn, in nanoseconds
	mu       sync.Mutex   // guards failures
	failures []string
}

func loadOf(t *testing.T, s *testsystem.System) *load {
	l := &load{s: s, api: s.As(s.Key), content: bytes.Repeat([]byte("hand over "), 3000), caps: []int64{5, 40, 300, 5000}}
	space := l.api.Space(t)
	small := l.api.CleanFile(t, space, "small.bin", "application/octet-stream", l.content)
	l.media = bytes.Repeat([]byte("0123456789abcdef"), 9<<16) // 9 MiB: three slices
	media := l.api.CleanFile(t, space, "media.bin", "application/octet-stream", l.media)
	share := func(file string, fields testsystem.Object) (k link) {
		k.id, k.path = l.api.Share(t, file, fields)
		return k
	}
	l.free, l.slow = share(small, nil), share(media, nil)
	l.got = make([]atomic.Int64, len(l.caps))
	for _, most := range l.caps {
		l.capped = append(l.capped, share(small, testsystem.Object{"max_downloads": most}))
	}
	return l
}

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failures) < 20 {
		l.failures = append(l.failures, fmt.Sprintf(format, args...))
	}
}

// begin starts the clients; what it returns ends them.
func (l *load) begin(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for i := range keepers + openers {
		running.Go(func() { l.client(ctx, i, i < keepers) })
	}
	for i := range readers {
		running.Go(func() { l.reader(ctx, i) })
	}
	running.Go(func() { l.partner(ctx) })
	running.Go(func() { l.feelStarvation(ctx) })
	return func() { cancel(); running.Wait() }
}

// client asks for links over connections of its own. It speaks HTTP/1.1 itself, for
// Go's client would repeat a request whose connection was closed under it.
func (l *load) client(ctx context.Context, id int, keep bool) {
	c := &wire{keep: keep}
	defer c.close()
	for n := 0; ctx.Err() == nil; n++ {
		wanted, which := l.free, -1
		if n%2 == 0 {
			which = (id + n/2) % len(l.capped)
			wanted = l.capped[which]
		}
		edge := (id + n) % len(l.s.Files)
		if keep {
			edge = id % len(l.s.Files)
		}
		status, body, err := c.get(strings.TrimPrefix(l.s.Files[edge], "http://"), wanted.path, fmt.Sprintf("client/%d.%d", id, n))
		switch {
		case err != nil:
			l.fail("client %d, request %d: %v", id, n, err)
		case status == http.StatusOK && !bytes.Equal(body, l.content):
			l.fail("client %d, request %d: wrong bytes", id, n)
		case status == http.StatusOK && which >= 0:
			l.got[which].Add(1)
		case status == http.StatusOK:
			l.gotFree.Add(1)
		case status == http.StatusGone && which >= 0:
		case status == http.StatusServiceUnavailable && which >= 0:
			l.busy.Add(1)
		default:
			l.fail("client %d, request %d: %d %.200s", id, n, status, body)
		}
		l.answered.Add(1)
		time.Sleep(rest)
	}
}

// narrow is a way on which the network holds little of a body.
var narrow = &http.Transport{
	DisableKeepAlives: true, DisableCompression: true,
	DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return conn, err
	},
}

// reader takes its time for each body.
func (l *load) reader(ctx context.Context, id int) {
	for n := 0; ctx.Err() == nil; n++ {
		req, _ := http.NewRequest("GET", l.s.Files[(id+n)%len(l.s.Files)]+l.slow.path, nil)
		req.Header.Set("User-Agent", fmt.Sprintf("reader/%d.%d", id, n))
		req.Close = true
		resp, err := narrow.RoundTrip(req)
		if err != nil {
			l.fail("reader %d: %v", id, err)
			continue
		}
		l.gotSlow.Add(1)
		got, buf := bytes.NewBuffer(nil), make([]byte, 1<<20)
		for err == nil {
			var n int
			n, err = io.ReadFull(resp.Body, buf)
			got.Write(buf[:n])
			if ctx.Err() == nil {
				time.Sleep(readFor / 9)
			}
		}
		resp.Body.Close()
		if !bytes.Equal(got.Bytes(), l.media) {
			l.fail("reader %d: a body of %d bytes, %v; want %d", id, got.Len(), err, len(l.media))
			continue
		}
		l.bodies.Add(1)
	}
}

// partner works with the API meanwhile, on a connection that it keeps.
func (l *load) partner(ctx context.Context) {
	c := &wire{keep: true, key: l.s.Key}
	defer c.close()
	for ctx.Err() == nil {
		if status, body, err := c.get(strings.TrimPrefix(l.s.API, "http://"), "/api/v1/quota", "partner"); err != nil || status != http.StatusOK {
			l.fail("API: %d %.200s %v", status, body, err)
		}
		l.answered.Add(1)
		time.Sleep(rest)
	}
}

// feelStarvation notes how late this process is woken.
func (l *load) feelStarvation(ctx context.Context) {
	const nap = 10 * time.Millisecond
	for ctx.Err() == nil {
		begin := time.Now()
		time.Sleep(nap)
		if late := time.Since(begin) - nap; late > time.Duration(l.starved.Load()) {
			l.starved.Store(int64(late))
		}
	}
}

// starvation is how late a process may be woken on a machine that is fit to judge
// whether a download was taken in time, which asks several processes for a turn.
const starvation = 250 * time.Millisecond

// judge compares what clients got with caps and counts.
func (l *load) judge(t *testing.T) {
	for _, failure := range l.failures {
		t.Error(failure)
	}
	if len(l.failures) > 0 { // what the programs say of them
		for _, p := range l.s.Programs() {
			for _, line := range strings.Split(p.Stderr(), "\n") {
				if strings.Contains(line, `"status":503`) || strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
					t.Logf("%.600s", line)
				}
			}
		}
	}
	if l.bodies.Load() == 0 || l.answered.Load() < 50 {
		t.Errorf("%d requests, %d long bodies: nothing was tested", l.answered.Load(), l.bodies.Load())
	}
	late := time.Duration(l.starved.Load())
	if busy := l.busy.Load(); busy > 0 && late < starvation {
		t.Errorf("%d requests at capped links were answered 503", busy)
	} else if busy > 0 {
		t.Logf("%d requests at capped links were answered 503, on a machine that wakes a process %v late", busy, late)
	}
	for i, capped := range l.capped {
		got := l.got[i].Load()
		if got > l.caps[i] {
			t.Errorf("cap %d: %d bodies", l.caps[i], got)
		}
		l.counted(t, capped, got, l.busy.Load()) // what was refused late may have been taken
	}
	l.counted(t, l.free, l.gotFree.Load(), 0)
	l.counted(t, l.slow, l.gotSlow.Load(), 0)
	t.Logf("%d requests, %d long bodies, none failed", l.answered.Load(), l.bodies.Load())
}

func (l *load) counted(t *testing.T, k link, want, unsure int64) {
	t.Helper()
	testsystem.Until(t, 5*time.Second, "a count", func() error {
		if got := l.api.Must(t, http.StatusOK, "GET", "/shares/"+k.id, nil).Number("download_count"); got < want || got > want+unsure {
			return fmt.Errorf("download_count = %d; clients got %d bodies", got, want)
		}
		return nil
	})
}
