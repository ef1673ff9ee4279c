package session

import (
	"errors"
	"fmt"
	"time"

	"rawlink/bench/pace"
	"rawlink/bench/wire"
	"rawlink/bench/workload"
)

// Config says what to run against what.
type Config struct {
	Workload string
	Options  workload.Options
	API, Key string
	Edges    []string // base URLs
	Ops      []string // base URLs of ops listeners to scrape; may be empty
	Redis    string   // to ask for its INFO; may be empty

	Rate        string // see pace.ParseRates; "" = closed loop
	Arrivals    pace.Arrivals
	Burst       int
	Duration    time.Duration
	Connections int
	Grace       time.Duration // for requests under way at the end
	Timeout     time.Duration // for a connection, and for an answer to go on
	Sample      float64       // share of the answers that are checked in full
	Seed        uint64        // of all choices
	Command     string        // as typed, without the key
}

// Validate returns every problem at once, or nil.
func (c *Config) Validate() error {
	var problems []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	_, err := c.targets()
	problems = append(problems, err)
	must(c.Key != "", "key: want an API key of a tenant to seed with, by --key or BENCH_KEY")
	must(c.Connections > 0 && c.Connections <= 100_000, "connections: want 1 to 100000, have %d", c.Connections)
	must(c.Duration > 0, "duration: want more than 0, have %v", c.Duration)
	must(c.Timeout > 0, "timeout: want more than 0, have %v", c.Timeout)
	must(c.Sample >= 0 && c.Sample <= 1, "verify: want a share from 0 to 1, have %v", c.Sample)
	must(c.Options.Objects >= 0, "objects: want at least 1, have %d", c.Options.Objects)
	must(c.Options.Links >= 0, "links: want at least 1, have %d", c.Options.Links)
	must(c.Options.Cap >= 0, "cap: want at least 1, have %d", c.Options.Cap)
	must(c.Options.Alpha >= 0 && c.Options.Alpha < 10, "alpha: want 0 to 10, have %v", c.Options.Alpha)
	if _, err := workload.New(c.Workload, workload.Options{}); err != nil {
		problems = append(problems, err)
	}
	if c.Rate != "" {
		_, err := c.plan()
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func (c *Config) plan() (*pace.Plan, error) {
	rates, err := pace.ParseRates(c.Rate, c.Duration)
	if err != nil {
		return nil, err
	}
	return pace.NewPlan(rates, c.Arrivals, c.Burst, c.Seed)
}

// targets reads the URLs: the API's first, then the edges'.
func (c *Config) targets() ([]wire.Target, error) {
	api, err := wire.ParseTarget(c.API)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	all := []wire.Target{api}
	if len(c.Edges) == 0 {
		return nil, errors.New("edge: want the base URL of at least one")
	}
	for _, base := range c.Edges {
		edge, err := wire.ParseTarget(base)
		if err != nil {
			return nil, fmt.Errorf("edge: %w", err)
		}
		all = append(all, edge)
	}
	return all, nil
}
