package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"rawlink/bench/drive"
	"rawlink/bench/judge"
	"rawlink/bench/report"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
	"rawlink/bench/workload"
)

// View is told how a session goes. Its methods are not called at the same time.
type View interface {
	// Note is a line for the user.
	Note(format string, args ...any)
	// Seeded: so many of so many files are there.
	Seeded(done, of int)
	// Second is the latest second of the run; total is 0 where no end is known.
	Second(s *tally.Snapshot, elapsed, total time.Duration, dropped int64)
}

// ErrInterrupted says that the run was broken off; what was measured is reported.
var ErrInterrupted = errors.New("interrupted: what was measured until then is in the report")

// clearWithin bounds the removal of what was seeded.
const clearWithin = 2 * time.Minute

// Session is a seeded deployment that runs can be made on. For one goroutine.
type Session struct {
	config Config
	view   View
	env    *workload.Env
	load   workload.Workload
	client *seed.Client
	http   *http.Client
}

// Open checks the target and seeds. The session is to be closed, whatever comes.
// After an error nothing is left to close.
func Open(ctx context.Context, c Config, view View) (s *Session, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	targets, err := c.targets()
	if err != nil {
		return nil, err
	}
	load, err := workload.New(c.Workload, c.Options)
	if err != nil {
		return nil, err
	}
	s = &Session{
		config: c, view: view, load: load, client: seed.NewClient(targets[0].Base, c.Key, view.Note), http: &http.Client{},
		env: &workload.Env{
			API: targets[0], Edges: targets[1:], Key: c.Key, Sample: c.Sample, Timeout: c.Timeout, Seed: c.Seed, Told: view.Seeded,
		},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.reach(ctx); err != nil {
		return s, err
	}
	needs := load.Needs()
	needs.Files, needs.Links, needs.Bytes = needs.Files+1, needs.Links+1, needs.Bytes+canarySize
	if s.env.Field, err = seed.Open(ctx, s.client, needs); err != nil {
		return s, err
	}
	if err := s.canary(ctx); err != nil {
		return s, err
	}
	if err := load.Prepare(ctx, s.env); err != nil {
		return s, fmt.Errorf("seed: %w", err)
	}
	return s, s.warm(ctx)
}

// Close removes what was seeded, also if the run was broken off.
func (s *Session) Close() error {
	defer s.client.Close()
	defer s.http.CloseIdleConnections()
	if s.env.Field == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), clearWithin)
	defer cancel()
	s.view.Note("removing what was seeded")
	if err := s.env.Field.Clear(ctx); err != nil {
		return fmt.Errorf("remove what was seeded (`bench clean` tries again): %w", err)
	}
	s.env.Field = nil
	return nil
}

// warm asks for each link once at each edge, where the workload wants that. An
// answer that is wrong before anything was measured ends the session.
func (s *Session) warm(ctx context.Context) error {
	warmer, ok := s.load.(interface{ Warmer(edge int) drive.Worker })
	if !ok || !s.load.Warm() {
		return nil
	}
	s.env.Book = judge.NewBook()
	for e, edge := range s.env.Edges {
		w := warmer.Warmer(e)
		for ctx.Err() == nil {
			sample, more := w.Do(ctx)
			if !more {
				break
			}
			if sample.Failed {
				w.Close()
				return errors.Join(fmt.Errorf("warm up: %s answers %s to a link that it should serve", edge.Base, sample.Outcome), s.env.Book.Err())
			}
		}
		w.Close()
	}
	return ctx.Err()
}

// Run makes one run and reports it. The error is ErrInterrupted if ctx ended, or
// judge.ErrVoid if a rule was broken; the report is there in either case.
func (s *Session) Run(ctx context.Context) (*report.Report, error) {
	o, err := s.options()
	if err != nil {
		return nil, err
	}
	s.env.Book = judge.NewBook()
	r := s.begin(&o)
	before := s.scrape(ctx, &r.Notes)
	cpu := cpuTime()
	into := tally.New()
	whole, over, err := s.measure(ctx, o, into)
	if err != nil {
		return nil, err
	}
	r.Seconds = whole.Span.Seconds()
	r.Generator.CPUSeconds = (cpuTime() - cpu).Seconds()
	r.Generator.CPUShare = r.Generator.CPUSeconds / (r.Seconds * float64(runtime.NumCPU()))
	r.Lateness(into.Generator())
	r.Interrupted = ctx.Err() != nil
	after := s.scrape(context.WithoutCancel(ctx), &r.Notes)
	r.Servers = servers(before, after, whole.Count())
	r.Figures, r.Violations, r.Checked = s.load.Figures(), s.env.Book.Violations(), s.env.Book.Checked()
	if err := r.Measured(whole, over); err != nil {
		return nil, err
	}
	s.remark(r)
	switch {
	case r.Void():
		return r, s.env.Book.Err()
	case r.Interrupted:
		return r, ErrInterrupted
	}
	return r, nil
}

func (s *Session) options() (drive.Options, error) {
	o := drive.Options{Workers: s.config.Connections, Span: s.config.Duration, Grace: s.config.Grace}
	if s.config.Rate == "" {
		return o, nil
	}
	if s.load.Closed() {
		s.view.Note("%s is a closed loop: the rate is passed over", s.config.Workload)
		return o, nil
	}
	var err error
	o.Plan, err = s.config.plan()
	return o, err
}

// measure drives the load, and what runs beside it, and looks every second.
func (s *Session) measure(ctx context.Context, o drive.Options, into *tally.Tally) (*tally.Snapshot, []*tally.Snapshot, error) {
	beside, stop := context.WithCancel(ctx)
	aside := make(chan error, 1)
	go func() { aside <- s.load.Beside(beside) }()
	done := make(chan error, 1)
	go func() { done <- drive.Run(ctx, o, s.load.Worker, into) }()

	begun := time.Now()
	last := begun
	var over []*tally.Snapshot
	cut := func() {
		now := time.Now()
		snapshot := into.Cut(now.Sub(last))
		last = now
		over = append(over, snapshot)
		_, dropped := into.Generator()
		s.view.Second(snapshot, now.Sub(begun), s.config.Duration, dropped)
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var err error
	for running := true; running; {
		select {
		case <-ticker.C:
			cut()
		case err = <-done:
			running = false
		}
	}
	whole := into.Whole()
	if time.Since(last) > 100*time.Millisecond || len(over) == 0 {
		cut()
	}
	stop()
	return whole, over, errors.Join(err, <-aside)
}
