package main

import (
	"fmt"
	"math"
)

// chart is the edge by each peer in one case, drawn on an axis of powers of two.
// All lengths are pixels.
type chart struct {
	Case          string
	Width, Height float64
	Ticks         []tick
	Lanes         []lane
}

// tick is a line across the lanes.
type tick struct {
	X    float64
	Text string
	Even bool // as fast as the peer
}

// lane is one peer: a dot at the median of the rates' ratios between their least
// and greatest, a ring for those per CPU second.
type lane struct {
	Peer, Text           string
	Y, From, To, At, CPU float64
	Goal                 float64 // 0 = none
	Met                  bool
}

// The drawing's measures.
const (
	chartWidth = 560.
	namesWidth = 140.
	textWidth  = 135.
	laneHeight = 30.
	headHeight = 24.
	least      = 0.5 // the axis holds at least these ratios
	greatest   = 2.
)

// chartOf draws a row of ratios. Peers that were not measured have no lane.
func chartOf(r ratioRow) chart {
	low, high := least, greatest
	for i := range r.Rate {
		if r.Rate[i].Median == 0 {
			continue
		}
		low = min(low, r.Rate[i].Min, r.PerCPU[i].Median)
		high = max(high, r.Rate[i].Max, r.PerCPU[i].Median, r.Goals[i])
	}
	from, to := math.Floor(math.Log2(low)), math.Ceil(math.Log2(high))
	x := func(ratio float64) float64 {
		return namesWidth + (math.Log2(ratio)-from)/(to-from)*(chartWidth-namesWidth-textWidth)
	}
	c := chart{Case: r.Case, Width: chartWidth}
	for power := from; power <= to; power++ {
		c.Ticks = append(c.Ticks, tick{X: x(math.Exp2(power)), Text: fmt.Sprintf("%.4g ×", math.Exp2(power)), Even: power == 0})
	}
	for i, peer := range peers {
		rate := r.Rate[i]
		if rate.Median == 0 {
			continue
		}
		l := lane{
			Peer: peer, Text: fmt.Sprintf("%.2f (%.2f–%.2f)", rate.Median, rate.Min, rate.Max),
			Y:    headHeight + laneHeight*(float64(len(c.Lanes))+.5),
			From: x(rate.Min), To: x(rate.Max), At: x(rate.Median), CPU: x(r.PerCPU[i].Median), Met: true,
		}
		if goal := r.Goals[i]; goal != 0 {
			l.Goal, l.Met = x(goal), rate.Median >= goal
		}
		c.Lanes = append(c.Lanes, l)
	}
	c.Height = headHeight + laneHeight*float64(len(c.Lanes)) + 6
	return c
}
