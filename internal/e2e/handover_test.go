package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	if l.bodies.Load() == 0 || l.answered.Load() < 100 {
		t.Errorf("%d requests, %d long bodies: nothing was tested", l.answered.Load(), l.bodies.Load())
	}
	for i, capped := range l.capped {
		got := l.got[i].Load()
		if got > l.caps[i] {
			t.Errorf("cap %d: %d bodies", l.caps[i], got)
		}
		l.counted(t, capped, got)
	}
	l.counted(t, l.free, l.gotFree.Load())
	l.counted(t, l.slow, l.gotSlow.Load())
	t.Logf("%d requests, %d long bodies, none failed", l.answered.Load(), l.bodies.Load())
}

func (l *load) counted(t *testing.T, k link, want int64) {
	t.Helper()
	testsystem.Until(t, 5*time.Second, "a count", func() error {
		if got := l.api.Must(t, http.StatusOK, "GET", "/shares/"+k.id, nil).Number("download_count"); got != want {
			return fmt.Errorf("download_count = %d; clients got %d bodies", got, want)
		}
		return nil
	})
}
