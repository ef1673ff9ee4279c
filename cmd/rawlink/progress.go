package main

import (
	"fmt"
	"io"
	"time"
)

// progress tells how far long work has come, on stderr and not more often than
// anybody reads.
type progress struct {
	out   io.Writer
	what  string
	began time.Time
	last  time.Time
}

// progressEvery is how often; work that ends before it says nothing.
const progressEvery = 2 * time.Second

func newProgress(out io.Writer, what string) *progress {
	now := time.Now()
	return &progress{out: out, what: what, began: now, last: now}
}

// at says that done of all are done.
func (p *progress) at(done, all int) {
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.out, "%s: %d of %d, %s\n", p.what, done, all, now.Sub(p.began).Round(time.Second))
	}
}
