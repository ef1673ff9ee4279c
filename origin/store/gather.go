package store

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// gatherLimit bounds one run, which belongs to nobody's request.
const gatherLimit = 15 * time.Second

// gather has those who want the same sort of thing at the same time served
// together. While one run is under way, whoever comes waits for the next, so
// nobody is answered from before they asked, nobody waits for company that may
// not come, and under load the cost of a round trip or a commit is shared.
//
// Callers that name different lines never wait for each other.
type gather[Q, A any] struct {
	// run serves one to most callers of a line; it sets answer or err of each, or
	// returns an error for all of them.
	run  func(ctx context.Context, line string, some []*waiting[Q, A]) error
	most int

	mu    sync.Mutex // guards lines
	lines map[string][]*waiting[Q, A]
}

// waiting is one caller's question.
type waiting[Q, A any] struct {
	ctx    context.Context // the caller's: for its values, not for its end
	asks   Q
	answer A
	err    error
	done   chan struct{} // closed when answer and err are set
}

// distinct returns what the callers name, each name once and in order.
func distinct[Q, A any](some []*waiting[Q, A], name func(Q) string) []string {
	names := make([]string, len(some))
	for i, w := range some {
		names[i] = name(w.asks)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func newGather[Q, A any](most int, run func(ctx context.Context, line string, some []*waiting[Q, A]) error) *gather[Q, A] {
	return &gather[Q, A]{run: run, most: most, lines: map[string][]*waiting[Q, A]{}}
}

// ask returns the answer to one question. A caller whose ctx ends leaves; what it
// asked for may still be done, as with a commit that is under way.
func (g *gather[Q, A]) ask(ctx context.Context, line string, question Q) (A, error) {
	w := &waiting[Q, A]{ctx: ctx, asks: question, done: make(chan struct{})}
	g.mu.Lock()
	others, busy := g.lines[line]
	g.lines[line] = append(others, w)
	g.mu.Unlock()
	if !busy {
		go g.serve(line) // ends when nobody waits in the line
	}
	select {
	case <-w.done:
		return w.answer, w.err
	case <-ctx.Done():
		var none A
		return none, ctx.Err()
	}
}

// serve runs until the line is empty.
func (g *gather[Q, A]) serve(line string) {
	for {
		some := g.next(line)
		if some == nil {
			return
		}
		g.serveSome(line, some)
		for _, w := range some {
			close(w.done)
		}
	}
}

// next takes those who are to be served together, nil and the line itself if
// nobody waits. Who has left already is passed over.
func (g *gather[Q, A]) next(line string) []*waiting[Q, A] {
	g.mu.Lock()
	defer g.mu.Unlock()
	here := slices.DeleteFunc(g.lines[line], func(w *waiting[Q, A]) bool { return w.ctx.Err() != nil })
	if len(here) == 0 {
		delete(g.lines, line)
		return nil
	}
	some := here[:min(len(here), g.most)]
	g.lines[line] = slices.Clone(here[len(some):])
	return some
}

// serveSome runs them together, and each alone if that failed for a reason that
// may be one's own.
func (g *gather[Q, A]) serveSome(line string, some []*waiting[Q, A]) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(some[0].ctx), gatherLimit)
	defer cancel()
	err := g.try(ctx, line, some)
	if err == nil {
		return
	}
	for i, w := range some {
		if len(some) > 1 && ctx.Err() == nil && !IsDown(err) {
			w.err = g.try(ctx, line, some[i:i+1])
		} else {
			w.err = err
		}
	}
}

// try is run, with an error for a panic: it is in a goroutine of nobody's request,
// and would end the process.
func (g *gather[Q, A]) try(ctx context.Context, line string, some []*waiting[Q, A]) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in a run for %d: %v\n%s", len(some), v, debug.Stack())
		}
	}()
	return g.run(ctx, line, some)
}
