package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// settle lets connections of the server before close.
const settle = 100 * time.Millisecond

// chosen returns the cases that a flag names, or all.
func chosen(flag, list string) (some []scenario, others []trial, err error) {
	if list == "" {
		return cases, allTrials, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(cases, func(c scenario) bool { return c.name == name })
		j := slices.IndexFunc(allTrials, func(t trial) bool { return t.name == name })
		switch {
		case i >= 0:
			some = append(some, cases[i])
		case j >= 0:
			others = append(others, allTrials[j])
		default:
			return nil, nil, fmt.Errorf("%s: no such case: %q", flag, name)
		}
	}
	return some, others, nil
}

// measure runs all rounds of all cases. Within a round the servers take turns,
// so a slow minute of the machine meets all of them. What was measured is
// returned also when it ends early.
func measure(ctx context.Context, o *options, f *field, cases []scenario, dir string, progress io.Writer) ([]*sample, error) {
	var all []*sample
	for _, c := range cases {
		for round := 1; round <= o.rounds; round++ {
			for _, s := range f.servers {
				if c.servers != nil && !slices.Contains(c.servers, s.name) {
					continue
				}
				m, err := load(ctx, s, c, f.object(c), o.connections, o.span, dir)
				if err != nil {
					return all, err
				}
				m.Round = round
				all = append(all, m)
				fmt.Fprintf(progress, "%-7s round %d  %-18s %10.1f/s %10.1f per CPU second  p99 %.2f ms\n",
					c.name, round, s.name, m.rate(), m.perCPU(), m.P99)
				time.Sleep(settle)
			}
		}
	}
	return all, nil
}
