package main

import "fmt"

// goal is a figure beside what it should be.
type goal struct {
	Case   string  `json:"case"`
	What   string  `json:"what"`
	Figure float64 `json:"figure"`
	Want   float64 `json:"want"`
	AtMost bool    `json:"at_most"` // else at least
}

// Met reports whether the figure is what it should be.
func (g goal) Met() bool {
	if g.AtMost {
		return g.Figure <= g.Want
	}
	return g.Figure >= g.Want
}

// String returns what is wanted.
func (g goal) String() string {
	if g.AtMost {
		return fmt.Sprintf("≤ %.4g", g.Want)
	}
	return fmt.Sprintf("≥ %.4g", g.Want)
}

// goalsOf returns a warm case's goals beside one peer, as far as both were measured.
func goalsOf(c scenario, peer string, edge, of []*sample) []goal {
	if len(edge) == 0 || len(of) == 0 {
		return nil
	}
	var all []goal
	if want := c.goals[peer]; want != 0 {
		all = append(all, goal{Case: c.name, What: "rate by " + peer + "'s", Figure: ratios(edge, of, (*sample).rate).Median, Want: want})
	}
	if want := c.cpuGoals[peer]; want != 0 {
		all = append(all, goal{
			Case: c.name, What: "CPU seconds per GiB by " + peer + "'s",
			Figure: ratios(edge, of, (*sample).perGiB).Median, Want: want, AtMost: true,
		})
	}
	return all
}
