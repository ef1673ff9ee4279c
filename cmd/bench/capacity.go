package main

import (
	"context"
	"fmt"
	"time"

	"rawlink/bench/pace"
	"rawlink/bench/report"
	"rawlink/bench/session"
)

// capacityCommand finds the knee.
type capacityCommand struct {
	load
	From      float64       `default:"100" help:"Lowest rate to try, in requests per second."`
	To        float64       `default:"1000000" help:"Highest rate to try."`
	Step      time.Duration `default:"10s" help:"How long each rate is tried."`
	Precision float64       `default:"0.05" help:"Gap between the rates around the knee, as a share."`
	Quantile  float64       `default:"0.99" enum:"0.5,0.9,0.99,0.999" help:"Of the latency, from the intended start: 0.5, 0.9, 0.99 or 0.999."`
	Latency   time.Duration `default:"50ms" help:"Not to be passed at it."`
	Failed    float64       `default:"0.001" help:"Share of the requests that may fail."`
	Least     float64       `help:"Exit code 3 if the knee is below this rate."`
}

// Run implements the command.
func (c *capacityCommand) Run(ctx context.Context, std *streams) error {
	search := session.Search{
		From: c.From, To: c.To, Precision: c.Precision, Step: c.Step,
		Goal: session.Goal{Quantile: c.Quantile, Latency: c.Latency, Failed: c.Failed},
	}
	if err := search.Validate(); err != nil {
		return err
	}
	config, err := c.config()
	if err != nil {
		return err
	}
	config.Arrivals = pace.Poisson
	return measure(ctx, std, &c.load, "-capacity", config, func(ctx context.Context, s *session.Session) (*report.Report, error) {
		r, err := s.Capacity(ctx, search)
		if r != nil && r.Capacity != nil {
			fmt.Fprintf(std.out, "\ncapacity: %.0f requests/s meet %s. %s\n", r.Capacity.Knee, r.Capacity.Goal, r.Capacity.Limit)
		}
		if err == nil && (r.Capacity.Knee == 0 || r.Capacity.Knee < c.Least) {
			err = fmt.Errorf("%w: the knee is at %.0f requests/s; wanted %.0f", errMissed, r.Capacity.Knee, max(c.From, c.Least))
		}
		return r, err
	})
}
