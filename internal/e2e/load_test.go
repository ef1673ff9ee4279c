package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
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
	busy     atomic.Int64 // 503: no record could be had, or no download of a capped link be taken, in time
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
		case status == http.StatusServiceUnavailable:
			l.busy.Add(1)
		default:
			l.fail("client %d, request %d: %d %.200s", id, n, status, body)
		}
		l.answered.Add(1)
		time.Sleep(rest)
	}
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
