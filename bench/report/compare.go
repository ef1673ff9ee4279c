package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// Comparison says how run B differs from run A.
type Comparison struct {
	Rows  []Row  `json:"rows"`
	Worse bool   `json:"worse"` // some figure is, with confidence and beyond the tolerance
	How   string `json:"how"`
}

// Row compares one figure.
type Row struct {
	Name         string  `json:"name"`
	A            float64 `json:"a"`
	B            float64 `json:"b"`
	TextA, TextB string
	Ratio        float64 `json:"ratio"` // B to A
	Low          float64 `json:"low"`   // of the ratio's 95 % confidence interval
	High         float64 `json:"high"`
	Verdict      string  `json:"verdict"` // better, worse, within the tolerance, unclear
	Class        string  `json:"-"`
}

const (
	resamples  = 1000
	fewSeconds = 5 // below that an interval would say nothing
)

// measure is a figure of some seconds of a run.
// measures are the figures that are compared, in the order of pool.figures.
var measures = []struct {
	name      string
	moreIsBad bool
	text      func(float64) string
}{
	{"answers per second", false, RateText},
	{"p50", true, millisText},
	{"p90", true, millisText},
	{"p99", true, millisText},
	{"p99.9", true, millisText},
}

// Compare compares two runs of one workload. A figure is worse if the whole
// confidence interval of its ratio lies beyond the tolerance, such as 0.05.
//
// The intervals come from a moving-block bootstrap over the runs' seconds
// (Künsch 1989): neighbouring seconds resemble each other, so blocks are drawn and
// not single ones. Their histograms are merged anew for each draw.
func Compare(a, b *Report, tolerance float64, seed uint64) (*Comparison, error) {
	switch {
	case a.Workload != b.Workload || a.Mode != b.Mode:
		return nil, fmt.Errorf("the first is %s in a %s loop and the second %s in a %s loop: they can't be compared", a.Workload, a.Mode, b.Workload, b.Mode)
	case a.Void() || b.Void():
		return nil, errors.New("a run that is void can't be compared")
	}
	over := [2][]Second{full(a.Over), full(b.Over)}
	if len(over[0]) < fewSeconds || len(over[1]) < fewSeconds {
		return nil, fmt.Errorf("the first has %d whole seconds and the second %d; want at least %d of each", len(over[0]), len(over[1]), fewSeconds)
	}
	c := &Comparison{How: fmt.Sprintf("B to A over %d and %d seconds; intervals by %d draws of a moving-block bootstrap; tolerance %.1f %%", len(over[0]), len(over[1]), resamples, 100*tolerance)}
	pools := [2]*pool{newPool(over[0]), newPool(over[1])}
	ratios := draw(pools, seed)
	whole := [2][]float64{pools[0].figures(nil), pools[1].figures(nil)}
	for i, m := range measures {
		row := Row{Name: m.name, A: whole[0][i], B: whole[1][i]}
		row.TextA, row.TextB = m.text(row.A), m.text(row.B)
		row.Ratio = row.B / max(row.A, 1e-9)
		slices.Sort(ratios[i])
		row.Low, row.High = ratios[i][resamples*25/1000], ratios[i][resamples*975/1000]
		row.judge(m.moreIsBad, tolerance)
		c.Worse = c.Worse || row.Verdict == "worse"
		c.Rows = append(c.Rows, row)
	}
	c.failures(a, b)
	return c, nil
}

func (r *Row) judge(moreIsBad bool, tolerance float64) {
	switch above, below := r.Low > 1+tolerance, r.High < 1-tolerance; {
	case above && moreIsBad, below && !moreIsBad:
		r.Verdict, r.Class = "worse", "bad"
	case above, below:
		r.Verdict, r.Class = "better", "good"
	case r.Low >= 1-tolerance && r.High <= 1+tolerance:
		r.Verdict, r.Class = "the same", "same"
	default:
		r.Verdict, r.Class = "unclear", "same"
	}
}

// failures compares the shares of requests that failed, which need no interval: a
// run that fails more than a thousandth more is worse.
func (c *Comparison) failures(a, b *Report) {
	share := func(r *Report) float64 { return float64(r.Failed) / math.Max(1, float64(r.Requests)) }
	row := Row{Name: "failed", A: share(a), B: share(b), Ratio: 1, Low: 1, High: 1, Verdict: "the same", Class: "same"}
	row.TextA, row.TextB = fmt.Sprintf("%.3f %%", 100*row.A), fmt.Sprintf("%.3f %%", 100*row.B)
	if row.B > row.A+.001 {
		row.Verdict, row.Class, c.Worse = "worse", "bad", true
	}
	c.Rows = append(c.Rows, row)
}

// full leaves out the last, partial second, and the first, in which connections
// are made.
func full(over []Second) []Second {
	var some []Second
	for i, s := range over {
		if i > 0 && s.Span > .9 && s.Lat.Count > 0 {
			some = append(some, s)
		}
	}
	return some
}

// Print writes the comparison as a table.
func (c *Comparison) Print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tA\tB\tB to A\t95 % confidence\t")
	for _, r := range c.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%+.1f %%\t%+.1f … %+.1f %%\t%s\n", r.Name, r.TextA, r.TextB, 100*(r.Ratio-1), 100*(r.Low-1), 100*(r.High-1), r.Verdict)
	}
	_ = w.Flush() // a terminal that takes no more text is nobody's error
	fmt.Fprintln(to, c.How)
}
