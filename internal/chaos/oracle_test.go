package chaos

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// visits makes n visits of this kind, begun this long after the link ended.
func visits(n, status int, after time.Duration) func(o *Oracle, l *Link) {
	return func(o *Oracle, l *Link) {
		l.mu.Lock()
		begin := l.ended.Add(after)
		l.mu.Unlock()
		for range n {
			o.Note(&Visit{Link: l, Status: status, Begin: begin, Last: begin, End: begin, Whole: status == 200, Tries: 1})
		}
	}
}

// under has a body begin before the link ended, and go on for this long after it.
func under(after time.Duration) func(o *Oracle, l *Link) {
	return func(o *Oracle, l *Link) {
		o.Note(&Visit{Link: l, Status: 200, Begin: l.ended.Add(-time.Minute), Last: l.ended.Add(after), End: l.ended.Add(time.Hour), Tries: 1})
	}
}

func TestOracle(t *testing.T) {
	ended := func(_ *Oracle, l *Link) { l.Ended(time.Now()) }
	tests := []struct {
		name   string
		most   int64
		bounds Bounds
		do     []func(o *Oracle, l *Link)
		broken string // part of what is found; "" = nothing
	}{
		{"as many as the cap", 3, Bounds{}, []func(*Oracle, *Link){visits(3, 200, 0), visits(9, 410, 0)}, ""},
		{"one more", 3, Bounds{}, []func(*Oracle, *Link){visits(4, 200, 0)}, "4 bodies of at most 3"},
		{"one more, in a range", 3, Bounds{}, []func(*Oracle, *Link){visits(3, 200, 0), visits(1, 206, 0)}, "4 bodies of at most 3"},
		{"one fewer", 3, Bounds{Drained: true}, []func(*Oracle, *Link){visits(2, 200, 0)}, "1 of 3 downloads are gone"},
		{"one fewer after a crash", 100, Bounds{Drained: true, Crashes: 9}, []func(*Oracle, *Link){visits(99, 200, 0)}, "1 of 100 downloads are gone"},
		{"one fewer, and one 503", 3, Bounds{Drained: true}, []func(*Oracle, *Link){visits(2, 200, 0), visits(1, 503, 0)}, ""},
		{"one fewer, and one lost answer", 3, Bounds{Drained: true}, []func(*Oracle, *Link){visits(2, 200, 0), visits(1, 0, 0)}, ""},
		{"one fewer of the last without blocks", 1599, Bounds{Drained: true, Crashes: 9}, []func(*Oracle, *Link){visits(1598, 200, 0)}, "1 of 1599 downloads are gone"},
		{"1 % of many after a crash", 4000, Bounds{Drained: true, Crashes: 1}, []func(*Oracle, *Link){visits(3960, 200, 0)}, ""},
		{"more than 1 % of many", 4000, Bounds{Drained: true, Crashes: 1}, []func(*Oracle, *Link){visits(3959, 200, 0)}, "41 of 4000 downloads are gone"},
		{"1 % of many without a crash", 4000, Bounds{Drained: true}, []func(*Oracle, *Link){visits(3960, 200, 0)}, "40 of 4000 downloads are gone"},
		{"served within the bound", 0, Bounds{Stale: time.Second}, []func(*Oracle, *Link){ended, visits(1, 200, 999*time.Millisecond)}, ""},
		{"served after the bound", 0, Bounds{Stale: time.Second}, []func(*Oracle, *Link){ended, visits(1, 206, 1001*time.Millisecond)}, "served 1.001s after the revocation"},
		{"a body broken off within the bound", 0, Bounds{Stale: time.Second}, []func(*Oracle, *Link){ended, under(999 * time.Millisecond)}, ""},
		{"a body that went on", 0, Bounds{Stale: time.Second}, []func(*Oracle, *Link){ended, under(1001 * time.Millisecond)}, "served 1.001s after the revocation"},
		{"a body that ended before", 0, Bounds{Stale: time.Second}, []func(*Oracle, *Link){ended, under(-time.Second)}, ""},
		{"served before the end", 0, Bounds{Stale: time.Second}, []func(*Oracle, *Link){ended, visits(1, 200, -time.Hour)}, ""},
		{"refused after the bound", 0, Bounds{Stale: time.Second}, []func(*Oracle, *Link){ended, visits(1, 410, time.Hour)}, ""},
		{"a bound of p99", 0, Bounds{StaleP99: time.Millisecond}, []func(*Oracle, *Link){ended, visits(1, 200, 2*time.Millisecond)}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, l := &Oracle{}, &Link{ID: "one", Cap: test.most}
			o.Watch(l)
			for _, do := range test.do {
				do(o, l)
			}
			got := strings.Join(o.Judge(test.bounds).Broken, "; ")
			if test.broken == "" && got != "" || !strings.Contains(got, test.broken) {
				t.Errorf("found %q; want %q", got, test.broken)
			}
		})
	}
}

// TestOracleP99 has two of a hundred edges late: beyond the 99th.
func TestOracleP99(t *testing.T) {
	o := &Oracle{}
	for i := range 100 {
		l := &Link{ID: "one"}
		o.Watch(l)
		l.Ended(time.Now())
		if i < 4 { // of 300 waits four are late, and three are 1 %
			visits(1, 200, time.Second)(o, l)
		}
	}
	if got := o.Judge(Bounds{StaleP99: 100 * time.Millisecond}).Broken; len(got) != 1 {
		t.Errorf("found %q; want one broken bound", got)
	}
}

// TestVisitReadsEveryByte serves bodies that are wrong in one way each.
func TestVisitReadsEveryByte(t *testing.T) {
	want := []byte("exactly these bytes")
	tests := []struct {
		name  string
		serve http.HandlerFunc
		fault string
		whole bool
	}{
		{"right", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(want) }, "", true},
		{"one byte wrong", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("exactly those bytes")) }, "wrong bytes", false},
		{"short, in order", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(want[:9]) }, "ended in order after 9", false},
		{"too long", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(append(want[:len(want):len(want)], '!')) }, "wrong bytes", false},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "19")
			_, _ = w.Write(want[:9])
		}, "", false},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "unexpected answer 500", false},
		{"404", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "unexpected answer 404", false},
		{"503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "503 without Retry-After", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer server.Close()
			w, o := &World{user: newUser()}, &Oracle{}
			defer w.user.CloseIdleConnections()
			w.Files[1] = server.URL
			l := &Link{ID: "one", Path: "/", Body: want}
			o.Watch(l)
			v := w.Visit(t.Context(), o, l, Request{Edge: 1, Agent: "test"})
			got := strings.Join(o.Judge(Bounds{}).Broken, "; ")
			if v.Whole != test.whole || test.fault == "" && got != "" || !strings.Contains(got, test.fault) {
				t.Errorf("whole %t, found %q; want %t, %q", v.Whole, got, test.whole, test.fault)
			}
		})
	}
}

// TestPath sees each fault of a path happen and end.
func TestPath(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 100)
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					heard <- line
					_, _ = io.WriteString(c, line)
				}
			}()
		}
	}()
	t.Cleanup(func() { echo.Close() })
	p := NewNetwork().Path(t, echo.Addr().String())
	ask := func(limit time.Duration) error {
		c, err := net.Dial("tcp", p.Addr)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(limit))
		if _, err := io.WriteString(c, "hello\n"); err != nil {
			return err
		}
		_, err = bufio.NewReader(c).ReadString('\n')
		return err
	}
	arrived := func(want bool) {
		t.Helper()
		select {
		case <-heard:
			if !want {
				t.Error("the server heard what should be lost")
			}
		case <-time.After(200 * time.Millisecond):
			if want {
				t.Error("the server heard nothing")
			}
		}
	}
	steps := []struct {
		name    string
		fault   func()
		answers bool
		arrives bool
	}{
		{"up", func() {}, true, true},
		{"black hole", p.BlackHole, false, false},
		{"replies dropped", p.DropReplies, false, true},
		{"down", p.Down, false, false},
		{"cut", p.Cut, true, true},
	}
	for _, step := range steps {
		step.fault()
		if err := ask(300 * time.Millisecond); (err == nil) != step.answers {
			t.Errorf("%s: %v; want an answer: %t", step.name, err, step.answers)
		}
		arrived(step.arrives)
		p.Heal()
		if err := ask(5 * time.Second); err != nil {
			t.Errorf("healed after %s: %v", step.name, err)
		}
		arrived(true)
	}
	p.Lose(0.99)
	if err := ask(resendAfter); err == nil {
		t.Error("an answer in time though nearly every packet is lost")
	}
	p.Heal()
	p.Delay(time.Second)
	if err := ask(500 * time.Millisecond); err == nil {
		t.Error("an answer before the round trip")
	}
}
