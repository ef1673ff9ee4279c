package edge

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rawlink/internal/share"
)

// cut starts a GET, reads some body bytes and breaks the connection.
func (w *world) cut(path, agent string, n int) []byte {
	w.tb.Helper()
	return w.cutRange(path, agent, "", n)
}

func (w *world) cutRange(path, agent, ranges string, n int) []byte {
	w.tb.Helper()
	conn, res := w.start(path, agent, ranges)
	defer conn.Close()
	got := make([]byte, n)
	_, err := io.ReadFull(res.Body, got)
	must(w.tb, err)
	return got
}

// start sends a GET on a connection of its own and reads the header.
func (w *world) start(path, agent, ranges string) (net.Conn, *http.Response) {
	w.tb.Helper()
	conn, err := net.Dial("tcp", w.addr)
	must(w.tb, err)
	must(w.tb, conn.(*net.TCPConn).SetReadBuffer(16<<10))
	must(w.tb, conn.SetDeadline(time.Now().Add(time.Minute)))
	if ranges != "" {
		ranges = "Range: " + ranges + "\r\n"
	}
	_, err = io.WriteString(conn, w.greeting+"GET "+path+" HTTP/1.1\r\nHost: x\r\nUser-Agent: "+agent+"\r\n"+ranges+"\r\n")
	must(w.tb, err)
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), nil)
	must(w.tb, err)
	return conn, res
}

// Invariant 10: too few bytes break the connection, too many never leave.
func TestLyingStore(t *testing.T) {
	const size = 3*bufferSize + 100
	full := content(size)
	begin := func(from int64) io.Reader { return bytes.NewReader(full[min(from, 2*bufferSize) : 2*bufferSize]) }
	stores := map[string]func(from int64) io.Reader{
		"short": func(from int64) io.Reader { return bytes.NewReader(full[min(from, size-50) : size-50]) },
		"long": func(from int64) io.Reader {
			return io.MultiReader(bytes.NewReader(full[from:]), strings.NewReader("HTTP/1.1 200 OK\r\n\r\n"))
		},
		"fails":  func(from int64) io.Reader { return io.MultiReader(begin(from), failing{}) },
		"panics": func(from int64) io.Reader { return io.MultiReader(begin(from), panicking{}) },
		"other bytes": func(from int64) io.Reader {
			return io.MultiReader(begin(from), bytes.NewReader(make([]byte, size-2*bufferSize)))
		},
	}
	for name, store := range stores {
		w := newWorld(t, func(_ *Config, p *Parts, _ *world) {
			p.Objects = fakeObjects(func(_ context.Context, _, _ string, from, _ int64) (io.ReadCloser, error) {
				return io.NopCloser(store(from)), nil
			})
		})
		path := w.link(full, nil)
		got := w.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\nGET " + path + "x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		prefix := strings.HasPrefix(string(full), body) || name == "other bytes"
		if !strings.HasPrefix(head, "HTTP/1.1 200") || len(body) >= size || !prefix {
			t.Errorf("%s: %d body bytes on the wire of %d; want fewer, a prefix, and nothing after them", name, len(body), size)
		}
		eventually(t, "the broken body is tallied", func() bool { return w.metric("rawlink_edge_requests_total", "outcome", "broken") == 1 })
		if w.metric("rawlink_edge_in_flight_requests") != 0 {
			t.Errorf("%s: still in flight", name)
		}
	}
}

// The object is replaced while its first slice is being sent: no byte of the new
// one follows, and the record that named the old one is asked for again.
func TestObjectChangedMidRead(t *testing.T) {
	const size = 300_000
	w := newWorld(t, func(c *Config, p *Parts, w *world) {
		withDisk(t)(c, p, w)
		c.ReadAhead = -1
		p.Objects = fakeObjects(func(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error) {
			if from >= 2*64<<10 {
				return nil, share.E(share.Changed, "open", nil)
			}
			return w.open(ctx, key, etag, from, n)
		})
	})
	want := content(size)
	path := w.link(want, nil)
	got := w.get(path)
	if got.err == nil || len(got.body) > 2*64<<10 || !bytes.HasPrefix(want, got.body) {
		t.Errorf("%d bytes, %v; want a broken body of the old object's bytes", len(got.body), got.err)
	}
	w.edge.records.Wait()
	lookups := func() int { w.mu.Lock(); defer w.mu.Unlock(); return w.lookups }
	before := lookups()
	w.get(path, "Range", "bytes=0-9")
	if lookups() != before+1 {
		t.Error("the record that was disproved is still believed")
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("store fell over") }

func TestStallingStoreBreaksTheBody(t *testing.T) {
	w := newWorld(t, func(c *Config, p *Parts, _ *world) {
		c.StoreStall = 20 * time.Millisecond
		p.Objects = fakeObjects(func(ctx context.Context, _, _ string, _, n int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(content(bufferSize)), waiting{ctx})), nil
		})
	})
	path := w.link(content(2*bufferSize), nil)
	if got := w.get(path); got.err == nil || len(got.body) > bufferSize {
		t.Errorf("%d bytes, %v; want a broken body", len(got.body), got.err)
	}
}

type waiting struct{ ctx context.Context }

func (w waiting) Read([]byte) (int, error) { <-w.ctx.Done(); return 0, w.ctx.Err() }

// a dead client is dropped and its store read closed; one that trickles
// below the rate as well; a slow one above it finishes, though it takes longer than a
// client may stall.
func TestSlowReaders(t *testing.T) {
	const size = 32 << 20 // more than socket buffers hold
	dead := func(io.Reader) error { return nil }
	tests := []struct {
		name    string
		change  func(*Config)
		read    func(io.Reader) error
		outcome string
	}{
		{"dead", func(c *Config) { c.SendStall = time.Second }, dead, outcomeAborted},
		{"dead, by the rate", func(c *Config) { c.MinRate, c.SendGrace = 1<<40, 20*time.Millisecond }, dead, outcomeAborted},
		{"living below the rate", func(c *Config) { c.MinRate, c.SendGrace = 16<<20, time.Second }, isCut, outcomeAborted},
		{"slow but living", func(c *Config) { c.SendStall, c.MinRate = 5*time.Second, 1<<20 }, readSlowly, outcomeServed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			w := newWorld(t, func(c *Config, _ *Parts, _ *world) { tt.change(c) })
			conn, res := w.start(w.link(content(size), nil), testAgent, "")
			defer conn.Close()
			must(t, tt.read(res.Body))
			eventually(t, "outcome "+tt.outcome, func() bool { return w.metric("rawlink_edge_requests_total", "outcome", tt.outcome) == 1 })
			eventually(t, "store reads are closed", func() bool { o, c := w.storeUse(); return o > 0 && o == c })
		})
	}
}

// readSlowly wants all of the body, and takes seven seconds for the first 20 MiB. After
// each pause it takes so much that the sender gets to send more.
func readSlowly(r io.Reader) error {
	for range 10 {
		time.Sleep(700 * time.Millisecond) // the slowness under test
		if _, err := io.CopyN(io.Discard, r, 2<<20); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// isCut reads slowly and wants the body to break.
func isCut(r io.Reader) error {
	if err := readSlowly(r); err == nil {
		return errors.New("the body is whole; want it cut")
	}
	return nil
}

func TestPace(t *testing.T) {
	now := time.Unix(1000, 0)
	p := pace{rate: 1000, grace: 10 * time.Second, stall: 30 * time.Second}
	if got := p.deadline(now, 5000); !got.Equal(now.Add(15 * time.Second)) {
		t.Errorf("first: %v; want grace and five seconds", got.Sub(now))
	}
	p.passed(15*time.Second, 5000)
	if got := p.deadline(now, 1000); !got.Equal(now.Add(time.Second)) {
		t.Errorf("at the limit: %v; want one second", got.Sub(now))
	}
	p.passed(0, 1<<40)
	if got := p.deadline(now, 1); !got.Equal(now.Add(30 * time.Second)) {
		t.Errorf("far ahead: %v; want the stall limit", got.Sub(now))
	}
}

// Slow loris: a header that never ends.
func TestTrickledHeader(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.ReadTimeout = time.Second })
	if got := w.raw("GET / HTTP/1.1\r\nX: "); !strings.HasPrefix(got, "HTTP/1.1 408") {
		t.Errorf("%.100q; want 408", got)
	}
}

// A panic costs one request: the next one on the same edge is served.
func TestPanicCostsOneRequest(t *testing.T) {
	w := newWorld(t, func(_ *Config, p *Parts, w *world) {
		p.Ledger = fakeLedger(func(context.Context, string) error { panic("ledger fell over") })
		p.Counter = counterFunc(func(id string) {
			if w.counts.of(id) == 0 {
				w.counts.Add(id)
				panic("counter fell over")
			}
		})
	})
	for _, path := range []string{w.link(content(10), nil), w.link(content(10), capped(1))} {
		got := w.get(path)
		if got.status != 500 || string(got.body) != "{\"detail\":\"internal error\"}\n" {
			t.Errorf("%d %q; want 500", got.status, got.body)
		}
	}
	if got := w.get(w.link(content(10), func(r *share.Record) { r.ShareID = "counted"; w.counts.Add("counted") })); got.status != 200 {
		t.Errorf("next request: %d; want 200", got.status)
	}
	if logs := w.logs.String(); !strings.Contains(logs, "counter fell over") || !strings.Contains(logs, "ledger fell over") {
		t.Errorf("the panics' values are not in the log: %s", logs)
	}
	eventually(t, "bodies are closed", func() bool { o, c := w.storeUse(); return o == c })
}

type counterFunc func(string)

func (f counterFunc) Add(id string) { f(id) }

func TestTooManyAtOnce(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, func(c *Config, p *Parts, w *world) {
		c.MaxInFlight = 1
		p.Records = fakeRecords(func(ctx context.Context, h share.Hash) (share.Record, string, error) {
			<-release
			return w.lookup(ctx, h)
		})
	})
	path := w.link(content(10), nil)
	first := make(chan answer)
	go func() { first <- w.get(path) }()
	eventually(t, "the first is in flight", func() bool { return w.edge.inFlight.Load() == 1 })
	if got := w.get(path); got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("second: %d; want 429 with Retry-After", got.status)
	}
	close(release)
	if got := <-first; got.status != 200 {
		t.Errorf("first: %d; want 200", got.status)
	}
}

func TestShutdown(t *testing.T) {
	for name, c := range map[string]struct {
		grace    time.Duration
		read     bool
		outcomes []string // one of them
	}{
		"drains":             {30 * time.Second, true, []string{outcomeServed}},
		"cuts after a while": {50 * time.Millisecond, false, []string{outcomeAborted, outcomeBroken}}, // while it sent, or while it read
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			conn, res := w.start(w.link(content(32<<20), nil), testAgent, "")
			defer conn.Close()
			ctx, cancel := context.WithTimeout(context.Background(), c.grace)
			defer cancel()
			down := make(chan error, 1)
			go func() { down <- w.edge.Shutdown(ctx, ended()) }()
			eventually(t, "no more connections", func() bool {
				c, err := net.Dial("tcp", w.addr)
				if err == nil {
					c.Close()
				}
				return err != nil
			})
			if c.read {
				n, err := io.Copy(io.Discard, res.Body)
				if n != 32<<20 || err != nil {
					t.Errorf("read %d, %v; want all of it", n, err)
				}
				conn.Close()
			}
			if err := <-down; (err == nil) != c.read {
				t.Errorf("Shutdown: %v", err)
			}
			n := 0.0
			for _, outcome := range c.outcomes {
				n += w.metric("rawlink_edge_requests_total", "outcome", outcome)
			}
			if n != 1 {
				t.Errorf("%v: %v; want 1", c.outcomes, n)
			}
			if w.edge.inFlight.Load() != 0 {
				t.Error("requests left behind")
			}
		})
	}
}

// Shutdown ends a Serve that has hardly begun, and one that comes after it.
func TestShutdownRacesServe(t *testing.T) {
	for range 50 {
		w := newWorld(t, nil)
		must(t, w.edge.Shutdown(context.Background(), ended()))
		ln, err := Listen("127.0.0.1:0")
		must(t, err)
		must(t, w.edge.Serve(ln))
	}
}
