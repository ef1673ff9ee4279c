package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"rawlink/bench/pace"
	"rawlink/bench/report"
	"rawlink/bench/session"
)

// runCommand measures one workload once.
type runCommand struct {
	load
	Rate     string        `short:"r" help:"Requests per second, however fast the answers come: 500, steps 500,1000 or a ramp 500..2000. Empty: each client asks again when it has its answer."`
	Arrivals string        `default:"poisson" enum:"even,poisson,bursts" help:"How requests spread around the rate: even, poisson or bursts."`
	Burst    int           `default:"100" help:"Requests at one instant, with --arrivals=bursts."`
	Duration time.Duration `short:"d" default:"30s" help:"Length of the run."`
}

// Run implements the command.
func (c *runCommand) Run(ctx context.Context, std *streams) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	config.Rate, config.Arrivals, config.Burst, config.Duration = c.Rate, pace.Arrivals(c.Arrivals), c.Burst, c.Duration
	return measure(ctx, std, &c.load, "", config, func(ctx context.Context, s *session.Session) (*report.Report, error) { return s.Run(ctx) })
}

// measure opens a session, has something done with it, saves the report and cleans
// up, whatever failed.
func measure(ctx context.Context, std *streams, l *load, name string, config session.Config, do func(context.Context, *session.Session) (*report.Report, error)) (err error) {
	if err := config.Validate(); err != nil {
		return err
	}
	place, err := report.Prepare(l.Out, l.place(name))
	if err != nil {
		return err
	}
	defer place.Discard()
	view := newLive(std.err)
	defer view.done()
	s, err := session.Open(ctx, config, view)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted while seeding: nothing was measured, and what was seeded is removed")
		}
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := do(ctx, s)
	view.done()
	if r == nil {
		return err
	}
	where, unsaved := r.Save(place)
	summary(std.out, r)
	if unsaved != nil {
		err = errors.Join(err, unsaved)
	}
	if where.JSON != "" {
		fmt.Fprintf(std.out, "report      %s\n            %s\n", where.HTML, where.JSON)
	}
	return err
}

// summary prints a report in short.
func summary(to io.Writer, r *report.Report) {
	fmt.Fprintf(to, "\n%s: %.0f requests/s over %.1f s, %d requests, %d failed\n", r.Workload, float64(r.Requests)/max(r.Seconds, 1e-9), r.Seconds, r.Requests, r.Failed)
	fmt.Fprintf(to, "latency     p50 %.3f  p90 %.3f  p99 %.3f  p99.9 %.3f  greatest %.3f ms, from the intended start\n", r.All.Due.P50, r.All.Due.P90, r.All.Due.P99, r.All.Due.P999, r.All.Due.Max)
	for _, o := range r.Outcomes {
		fmt.Fprintf(to, "  %-9s %10d  p50 %.3f  p99 %.3f ms\n", o.Name, o.Count, o.Due.P50, o.Due.P99)
	}
	fmt.Fprintf(to, "generator   lag p99 %.3f ms, %d never started, %.2f CPU s (%.1f µs a request)\n", r.Generator.Lag.P99, r.Generator.Dropped, r.Generator.CPUSeconds, r.Generator.CPUSeconds/float64(max(1, r.Requests))*1e6)
	fmt.Fprintf(to, "checked     %d answers in full, %d rules broken\n", r.Checked, len(r.Violations))
	for _, f := range r.Figures {
		fmt.Fprintf(to, "  %s: %g %s\n", f.Name, f.Value, f.Unit)
	}
	for _, server := range r.Servers {
		fmt.Fprintf(to, "server      %s\n", server.Name)
		for _, fact := range server.Facts {
			fmt.Fprintf(to, "  %s: %s\n", fact.Name, fact.Text)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(to, "note        %s\n", note)
	}
}
