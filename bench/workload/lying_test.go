package workload

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
	"rawlink/bench/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// edge answers as the contract says, and then tells one lie.
type edge struct {
	links   map[string]*seed.Link
	lie     func(w http.ResponseWriter, r *http.Request, link *seed.Link) bool // true = it has answered
	header  func(h http.Header)
	served  atomic.Int64
	revoked atomic.Bool // 410 for all
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	link := e.links[r.URL.Path]
	if link == nil || e.revoked.Load() || link.Cap > 0 && e.served.Load() >= link.Cap {
		if link == nil && e.lie != nil && e.lie(w, r, nil) {
			return
		}
		h.Set("Cache-Control", "no-store")
		status := http.StatusGone
		if link == nil {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		return
	}
	h.Set("Cache-Control", "public, max-age=3600")
	if link.Cap > 0 {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("ETag", link.Object.ETag)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "inline")
	if e.header != nil {
		e.header(h)
	}
	e.served.Add(1)
	if e.lie != nil && e.lie(w, r, link) {
		return
	}
	http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), io.NewSectionReader(link.Object, 0, link.Object.Size))
}

// field of a few links at a lying edge.
func lying(t *testing.T, e *edge, most int64) (*Env, []*seed.Link) {
	t.Helper()
	e.links = map[string]*seed.Link{}
	var links []*seed.Link
	for i, size := range []int64{1, 1000, 100_000} {
		content := seed.Content{Seed: uint64(i), Size: size}
		o := &seed.Object{Content: content, SHA256: content.SHA256()}
		o.ETag = `"` + o.SHA256 + `"`
		link := &seed.Link{ID: fmt.Sprint("share-", i), Path: fmt.Sprint("/s/token-", i), Object: o, Cap: most}
		links, e.links[link.Path] = append(links, link), link
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	target, err := wire.ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &Env{Edges: []wire.Target{target}, Book: judge.NewBook(), Sample: 1, Timeout: 30 * time.Second, Seed: 1}, links
}

// shoot makes 300 requests of a workload that asks like mixed does, and forges.
func shoot(env *Env, links []*seed.Link, adapt func(*shot)) (failed int) {
	f := &field{}
	f.use(env, links)
	c := newClient(env, 0, asker{next: func(c *client) (shot, bool) {
		link := links[c.random.IntN(len(links))]
		var s shot
		switch c.random.IntN(5) {
		case 0:
			s = c.condition(link)
		case 1:
			from := c.random.Int64N(link.Object.Size)
			s = c.part(link, from, from+1+c.random.Int64N(link.Object.Size-from))
		case 2:
			s = c.forged()
		default:
			s = f.get(c, c.random.IntN(len(links)))
		}
		if adapt != nil {
			adapt(&s)
		}
		return s, true
	}})
	defer c.Close()
	for range 300 {
		if s, _ := c.Do(context.Background()); s.Failed {
			failed++
		}
	}
	return failed
}

func TestHonestServerBreaksNothing(t *testing.T) {
	env, links := lying(t, &edge{}, 0)
	if failed := shoot(env, links, nil); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
	if err := env.Book.Err(); err != nil {
		t.Error(err)
	}
	if env.Book.Checked() < 300 {
		t.Errorf("%d answers were checked; want all 300", env.Book.Checked())
	}
}

// whole reads a link's bytes, for lies about them.
func content(link *seed.Link) []byte {
	p := make([]byte, link.Object.Size)
	link.Object.Fill(p, 0)
	return p
}

func TestLiesAreSeen(t *testing.T) {
	serve := func(w http.ResponseWriter, r *http.Request, body []byte) {
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), bytes.NewReader(body))
	}
	for name, c := range map[string]struct {
		edge *edge
		rule judge.Rule
	}{
		"one bit is wrong": {&edge{lie: func(w http.ResponseWriter, r *http.Request, l *seed.Link) bool {
			if l == nil {
				return false
			}
			body := content(l)
			body[len(body)/2] ^= 1
			serve(w, r, body)
			return true
		}}, judge.Body},
		"a byte is missing": {&edge{lie: func(w http.ResponseWriter, r *http.Request, l *seed.Link) bool {
			if l == nil || r.Header.Get("Range") != "" {
				return false
			}
			serve(w, r, content(l)[1:])
			return true
		}}, judge.Body},
		"another part is sent": {&edge{lie: func(w http.ResponseWriter, r *http.Request, l *seed.Link) bool {
			if l == nil || r.Header.Get("Range") == "" || r.Header.Get("If-Range") != "" {
				return false
			}
			serve(w, r, append([]byte{0}, content(l)[:l.Object.Size-1]...))
			return true
		}}, judge.Range},
		"a range is answered with the whole": {&edge{lie: func(w http.ResponseWriter, r *http.Request, l *seed.Link) bool {
			r.Header.Del("Range")
			return false
		}}, judge.Range},
		"a forged link is served": {&edge{lie: func(w http.ResponseWriter, r *http.Request, l *seed.Link) bool {
			if l == nil {
				_, _ = w.Write([]byte("something"))
			}
			return l == nil
		}}, judge.State},
		"a cookie is set":              {&edge{header: func(h http.Header) { h.Set("Set-Cookie", "a=b") }}, judge.Headers},
		"sniffing is allowed":          {&edge{header: func(h http.Header) { h.Del("X-Content-Type-Options") }}, judge.Headers},
		"scripts may run":              {&edge{header: func(h http.Header) { h.Set("Content-Security-Policy", "default-src *") }}, judge.Headers},
		"the validator is another":     {&edge{header: func(h http.Header) { h.Set("ETag", `"x"`) }}, judge.Headers},
		"a permanent link is no-store": {&edge{header: func(h http.Header) { h.Set("Cache-Control", "no-store") }}, judge.Headers},
	} {
		t.Run(name, func(t *testing.T) {
			env, links := lying(t, c.edge, 0)
			shoot(env, links, nil)
			found := false
			for _, v := range env.Book.Violations() {
				found = found || v.Rule == c.rule
				for _, example := range v.Examples {
					if strings.Contains(example, "token-") {
						t.Errorf("an example spells a token out: %s", example)
					}
				}
			}
			if !found {
				t.Errorf("rules broken: %v; want %q among them", env.Book.Violations(), c.rule)
			}
		})
	}
}

// A short body is a failure and no violation: the connection broke visibly.
func TestBrokenBodyFails(t *testing.T) {
	env, links := lying(t, &edge{lie: func(w http.ResponseWriter, _ *http.Request, l *seed.Link) bool {
		if l == nil {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(l.Object.Size))
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT")
		_, _ = w.Write(content(l)[:l.Object.Size/2])
		panic(http.ErrAbortHandler)
	}}, 0)
	c := newClient(env, 0, asker{next: func(c *client) (shot, bool) {
		return whole(c.with(links[2], "X", "y"), links[2]), true
	}})
	defer c.Close()
	if s, _ := c.Do(t.Context()); s.Outcome != tally.Broken || !s.Failed || env.Book.Err() != nil {
		t.Errorf("outcome %v, failed %v, rules %v", s.Outcome, s.Failed, env.Book.Err())
	}
}

func TestOneDownloadTooMany(t *testing.T) {
	for most, want := range map[int64]bool{5: false, 4: true} { // what the verifier is told; the edge serves 5
		e := &edge{}
		env, links := lying(t, e, 5)
		ledger := &judge.Ledger{Link: &seed.Link{ID: "share-1", Cap: most}}
		c := newClient(env, 0, asker{next: func(c *client) (shot, bool) {
			s := whole(c.with(links[1], "X", "y"), links[1])
			s.ledger, s.allow = ledger, s.allow|of(tally.Gone)
			return s, true
		}})
		for range 10 {
			if s, _ := c.Do(t.Context()); s.Failed {
				t.Errorf("outcome %v failed", s.Outcome)
			}
		}
		c.Close()
		if got := env.Book.Err() != nil; got != want || ledger.Served() != 5 {
			t.Errorf("cap %d, %d served: %v; want a broken rule: %v", most, ledger.Served(), env.Book.Err(), want)
		}
	}
}

func TestServedAfterRevocation(t *testing.T) {
	for bound, want := range map[time.Duration]bool{time.Hour: false, 10 * time.Millisecond: true} {
		env, links := lying(t, &edge{}, 0)
		life := &judge.Life{Link: links[1]}
		c := newClient(env, 0, asker{next: func(c *client) (shot, bool) {
			s := whole(c.with(links[1], "X", "y"), links[1])
			s.life = life
			return s, true
		}})
		c.bound = bound
		c.Do(t.Context())
		life.End(time.Now().Add(-time.Second))
		c.Do(t.Context())
		c.Close()
		if got := env.Book.Err() != nil; got != want {
			t.Errorf("bound %v: %v; want a broken rule: %v", bound, env.Book.Err(), want)
		}
	}
}

func TestGateLetsAllThroughTogether(t *testing.T) {
	g := &gate{}
	const members = 5
	for range members {
		g.join()
	}
	var through atomic.Int64
	done := make(chan struct{})
	for range members - 1 {
		go func() { g.wait(); through.Add(1); done <- struct{}{} }()
	}
	time.Sleep(20 * time.Millisecond)
	if n := through.Load(); n != 0 {
		t.Errorf("%d went through before the last came", n)
	}
	g.leave() // the last never comes
	for range members - 1 {
		<-done
	}
}
