package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"rawlink/bench/tally"
)

// live shows a run while it goes on: a few lines that are drawn anew in a
// terminal, plain lines elsewhere. It implements session.View.
type live struct {
	out      io.Writer
	terminal bool

	mu    sync.Mutex // seeding tells from several goroutines
	drawn int        // lines of the current picture
	rates []float64  // of the latest seconds
	told  time.Time  // of the last line about seeding
}

func newLive(out io.Writer) *live {
	file, ok := out.(*os.File)
	return &live{out: out, terminal: ok && isatty.IsTerminal(file.Fd())}
}

// Note implements session.View.
func (l *live) Note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wipe()
	fmt.Fprintf(l.out, format+"\n", args...)
}

// sometimes is how often seeding is told of where lines stay.
const sometimes = 2 * time.Second

// Seeded implements session.View.
func (l *live) Seeded(done, of int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.terminal {
		l.wipe()
		fmt.Fprintf(l.out, "seeding %s %d of %d files\n", bar(float64(done)/float64(of)), done, of)
		l.drawn = 1
		return
	}
	if done == of || time.Since(l.told) > sometimes {
		l.told = time.Now()
		fmt.Fprintf(l.out, "seeded %d of %d files\n", done, of)
	}
}

// Second implements session.View.
func (l *live) Second(s *tally.Snapshot, elapsed, total time.Duration, dropped int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := s.Merged()
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	if !l.terminal {
		fmt.Fprintf(l.out, "%5.0fs  %9.0f/s  p50 %8.3f ms  p99 %8.3f ms  failed %d  not started %d  %s\n",
			elapsed.Seconds(), s.Rate(), ms(50), ms(99), s.Failed, dropped, mix(s))
		return
	}
	l.wipe()
	if l.rates = append(l.rates, s.Rate()); len(l.rates) > 60 {
		l.rates = l.rates[1:]
	}
	left := max(0, total-elapsed).Round(time.Second)
	fmt.Fprintf(l.out, "%s %v of %v, %v left\n", bar(elapsed.Seconds()/max(total.Seconds(), 1e-9)), elapsed.Round(time.Second), total, left)
	fmt.Fprintf(l.out, "%9.0f requests/s  %s\n", s.Rate(), spark(l.rates))
	fmt.Fprintf(l.out, "latency   p50 %.3f   p90 %.3f   p99 %.3f   greatest %.3f ms\n", ms(50), ms(90), ms(99), float64(h.Max())/1000)
	fmt.Fprintf(l.out, "failed    %d   not started %d   %s\n", s.Failed, dropped, mix(s))
	l.drawn = 4
}

// done leaves the last picture standing.
func (l *live) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drawn = 0
}

// wipe takes the current picture away.
func (l *live) wipe() {
	if l.drawn > 0 {
		fmt.Fprintf(l.out, "\x1b[%dA\x1b[J", l.drawn)
		l.drawn = 0
	}
}

func mix(s *tally.Snapshot) string {
	var parts []string
	for o, n := range s.Counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", tally.Outcome(o), n))
		}
	}
	return strings.Join(parts, ", ")
}

func bar(share float64) string {
	const width = 30
	full := int(max(0, min(1, share)) * width)
	return "[" + strings.Repeat("█", full) + strings.Repeat("·", width-full) + "]"
}

// spark draws values as a line of blocks.
func spark(values []float64) string {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	var b strings.Builder
	for _, v := range values {
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[int(7*v/max(most, 1e-9))])
	}
	return b.String()
}
