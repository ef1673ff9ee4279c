package pace

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Arrivals is how requests spread around their rate.
type Arrivals string

// The ways of arriving.
const (
	Even    Arrivals = "even"    // equal distances
	Poisson Arrivals = "poisson" // independent of each other, as from many clients
	Bursts  Arrivals = "bursts"  // many at one instant, then none until the rate allows the next burst
)

// Plan is the sequence of a run's starts. Not safe for concurrent use.
type Plan struct {
	rates    Rates
	arrivals Arrivals
	burst    int // requests at one instant
	random   *rand.Rand
	made     int
	passed   float64 // requests that were due before the next one, by the rate
}

// NewPlan returns the plan of a run. burst is used by Bursts only.
func NewPlan(rates Rates, arrivals Arrivals, burst int, seed uint64) (*Plan, error) {
	switch {
	case arrivals != Even && arrivals != Poisson && arrivals != Bursts:
		return nil, fmt.Errorf("arrivals %q: want even, poisson or bursts", arrivals)
	case arrivals == Bursts && burst < 1:
		return nil, fmt.Errorf("burst %d: want at least 1 request", burst)
	}
	return &Plan{rates: rates, arrivals: arrivals, burst: burst, random: rand.New(rand.NewPCG(seed, 1))}, nil
}

// Next returns when the next request is due, from the begin of the run on; ok is
// false at the end. Times never go back.
func (p *Plan) Next() (at time.Duration, ok bool) {
	switch p.arrivals {
	case Poisson: // a rate that changes stretches the distances of a rate of one
		p.passed += p.random.ExpFloat64()
	case Bursts:
		p.passed = float64(p.made - p.made%p.burst)
	default:
		p.passed = float64(p.made)
	}
	p.made++
	return p.rates.when(p.passed)
}

// Span is the planned length of the run.
func (p *Plan) Span() time.Duration { return p.rates.Span() }

// Count is the number of requests that the plan has, on average.
func (p *Plan) Count() float64 { return p.rates.Count() }
