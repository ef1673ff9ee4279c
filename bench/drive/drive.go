package drive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"rawlink/bench/pace"
	"rawlink/bench/tally"
)

// Worker makes requests, one after the other.
type Worker interface {
	// Do makes one request and says how it ended. Its sample needs no Due; ok is
	// false if the worker has nothing more to ask for.
	Do(ctx context.Context) (s tally.Sample, ok bool)
	// Close ends the worker; nothing is called after it.
	Close()
}

// Options say how a run goes.
type Options struct {
	Workers int        // at once, ≥ 1
	Plan    *pace.Plan // nil = closed loop
	// Of a closed loop only; the plan has its own length.
	Span time.Duration
	// Backlog is how many due requests may wait for a worker; 0 = 64 a worker.
	Backlog int
	// Grace is for requests under way at the end; then they are broken off.
	Grace time.Duration
}

// maxWorkers keeps a typing error from taking the machine's memory.
const maxWorkers = 100_000

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	switch {
	case o.Workers < 1 || o.Workers > maxWorkers:
		return fmt.Errorf("connections: want 1 to %d, have %d", maxWorkers, o.Workers)
	case o.Plan == nil && o.Span <= 0:
		return errors.New("duration: want more than 0")
	}
	return nil
}

// Run makes the run and returns when it has ended: by its plan, because no worker
// has anything left to ask for, or because ctx ended, which is not an error.
func Run(ctx context.Context, o Options, worker func(i int) Worker, into *tally.Tally) error {
	if err := o.Validate(); err != nil {
		return err
	}
	r := &run{Options: o, into: into, begin: time.Now()}
	working, cut := context.WithCancel(context.WithoutCancel(ctx)) // of requests under way
	defer cut()
	starting, stop := context.WithCancel(ctx)
	defer stop()

	var running sync.WaitGroup
	ended := make(chan struct{})
	if o.Plan == nil {
		starting, stop = context.WithTimeout(ctx, o.Span)
		defer stop()
	} else {
		backlog := o.Backlog
		if backlog == 0 {
			backlog = 64 * o.Workers
		}
		r.due = make(chan time.Time, backlog)
	}
	workers := make([]Worker, o.Workers) // all of them before any starts: some wait for each other
	for i := range workers {
		workers[i] = worker(i)
	}
	for i, w := range workers {
		running.Go(func() {
			defer w.Close()
			r.work(starting, working, i, w)
		})
	}
	go func() { running.Wait(); close(ended) }()
	err := r.start(starting, ended)
	stop()
	select {
	case <-ended:
	case <-time.After(o.Grace):
		cut()
		<-ended
	}
	return err
}

// run is a run under way.
type run struct {
	Options
	into  *tally.Tally
	begin time.Time
	due   chan time.Time // nil in a closed loop
}

// start lets requests go until the plan ends, and waits for the backlog; or, in a
// closed loop, until time is up.
func (r *run) start(ctx context.Context, ended <-chan struct{}) error {
	if r.due == nil {
		select {
		case <-ctx.Done():
		case <-ended:
		}
		return nil
	}
	defer close(r.due)
	clock, err := pace.NewClock()
	if err != nil {
		return err
	}
	defer func() { _ = clock.Close() }()
	for at, ok := r.Plan.Next(); ok; at, ok = r.Plan.Next() {
		due := r.begin.Add(at)
		if err := clock.Until(ctx, due); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case r.due <- due:
			r.into.Lag(time.Since(due))
		case <-ended:
			return nil
		default:
			r.into.Drop(1)
		}
	}
	return nil
}

// work is a worker's life.
func (r *run) work(starting, working context.Context, i int, w Worker) {
	if r.due == nil {
		for starting.Err() == nil {
			began := time.Now()
			if !r.once(working, i, w, began) {
				return
			}
		}
		return
	}
	for due := range r.due {
		if starting.Err() != nil && r.over(due) {
			r.into.Drop(1)
			continue
		}
		if !r.once(working, i, w, due) {
			return
		}
	}
}

// over says whether a request that still waits is given up: the run was broken
// off, or its grace is used up.
func (r *run) over(due time.Time) bool { return time.Since(due) > r.Grace }

func (r *run) once(ctx context.Context, i int, w Worker, due time.Time) (more bool) {
	s, ok := w.Do(ctx)
	if !ok {
		return false
	}
	s.Due = time.Since(due)
	r.into.Add(i, s)
	return true
}
