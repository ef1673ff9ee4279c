package pace

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Phase is a stretch of time with a rate that goes evenly from one to another.
type Phase struct {
	From, To float64 // requests per second, > 0
	For      time.Duration
}

// count returns how many requests are due in the phase's first t.
func (p Phase) count(t time.Duration) float64 {
	s, all := t.Seconds(), p.For.Seconds()
	return p.From*s + (p.To-p.From)/(2*all)*s*s
}

// when is the inverse of count, for 0 ≤ n ≤ count(For).
func (p Phase) when(n float64) time.Duration {
	slope := (p.To - p.From) / p.For.Seconds()
	s := n / p.From
	if math.Abs(slope) > 1e-9 {
		// The root of slope/2·s² + From·s − n, in the form that loses no digits.
		s = 2 * n / (p.From + math.Sqrt(max(0, p.From*p.From+2*slope*n)))
	}
	return min(p.For, time.Duration(s*float64(time.Second)))
}

// Rates are the phases of a run, one after the other.
type Rates []Phase

// errRate says what a rate may look like.
var errRate = errors.New("want requests per second as 500, steps as 500,1000,2000 or a ramp as 500..2000")

// ParseRates reads rates for a run of this length: 500 is constant, 500,1000,2000
// are steps of equal length, 500..2000 is a ramp; steps may be ramps.
func ParseRates(text string, span time.Duration) (Rates, error) {
	steps := strings.Split(text, ",")
	rates := make(Rates, len(steps))
	for i, step := range steps {
		from, to, ramp := strings.Cut(step, "..")
		if !ramp {
			to = from
		}
		a, err1 := parseRate(from)
		b, err2 := parseRate(to)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("rate %q: %w", text, errRate)
		}
		rates[i] = Phase{From: a, To: b, For: span / time.Duration(len(steps))}
	}
	return rates, nil
}

func parseRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(rate > 0 && rate <= 1e8) { // NaN is neither
		return 0, errRate
	}
	return rate, nil
}

// Span is how long the phases last together.
func (r Rates) Span() (all time.Duration) {
	for _, p := range r {
		all += p.For
	}
	return all
}

// Count is how many requests are due in all, on average.
func (r Rates) Count() (n float64) {
	for _, p := range r {
		n += p.count(p.For)
	}
	return n
}

// when returns the time at which n requests are due, and whether there is one.
func (r Rates) when(n float64) (time.Duration, bool) {
	var begun time.Duration
	for _, p := range r {
		due := p.count(p.For)
		if n < due {
			return begun + p.when(n), true
		}
		n, begun = n-due, begun+p.For
	}
	return 0, false
}
