package report

import (
	"encoding/base64"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"

	"rawlink/bench/tally"
)

// millis is a histogram's unit in the report's.
const millis = 1000.0

func latency(h *hdrhistogram.Histogram) Latency {
	if h == nil || h.TotalCount() == 0 {
		return Latency{}
	}
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / millis }
	return Latency{Count: h.TotalCount(), Mean: h.Mean() / millis, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / millis}
}

// curve returns points ever closer to 1, as far as there are samples for.
func curve(h *hdrhistogram.Histogram) (points []Point) {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	for rest := 1.0; rest >= 1/float64(h.TotalCount()); rest *= 0.8 {
		points = append(points, Point{1 - rest, float64(h.ValueAtQuantile(100*(1-rest))) / millis})
	}
	return append(points, Point{1 - 1/float64(h.TotalCount()+1), float64(h.Max()) / millis})
}

func encode(h *hdrhistogram.Histogram) (string, error) {
	if h == nil || h.TotalCount() == 0 {
		return "", nil
	}
	raw, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "", fmt.Errorf("write a histogram: %w", err)
	}
	if _, err := base64.StdEncoding.DecodeString(string(raw)); err == nil {
		return string(raw), nil // the library has done that
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// Measured puts what was measured into the report.
func (r *Report) Measured(whole *tally.Snapshot, over []*tally.Snapshot) error {
	r.Requests, r.Failed, r.Bytes = whole.Count(), whole.Failed, whole.AllBytes()
	r.Outcomes = []Outcome{} // the page wants lists, not null
	for o := range tally.Outcomes {
		if whole.Counts[o] == 0 {
			continue
		}
		text, err := encode(whole.Due[o])
		if err != nil {
			return err
		}
		r.Outcomes = append(r.Outcomes, Outcome{
			Name: o.String(), Count: whole.Counts[o], Bytes: whole.Bytes[o],
			Due: latency(whole.Due[o]), Took: latency(whole.Took[o]), Curve: curve(whole.Due[o]), Histogram: text,
		})
	}
	merged := whole.Merged()
	text, err := encode(merged)
	if err != nil {
		return err
	}
	r.All = Outcome{Name: "all", Count: merged.TotalCount(), Bytes: r.Bytes, Due: latency(merged), Curve: curve(merged), Histogram: text}
	took := tally.NewHistogram()
	for o, h := range whole.Took {
		if h != nil && tally.Outcome(o) != tally.Left && tally.Outcome(o) != tally.Slow {
			took.Merge(h)
		}
	}
	r.All.Took = latency(took)
	r.FirstByte = latency(whole.First)
	r.Over = []Second{}
	for _, s := range over {
		r.Over = append(r.Over, second(s))
	}
	return nil
}

func second(s *tally.Snapshot) Second {
	merged := s.Merged()
	one := Second{At: s.At.Seconds(), Span: s.Span.Seconds(), Counts: map[string]int64{}, Bytes: s.AllBytes(), Failed: s.Failed, Lat: latency(merged), Bars: [][2]int64{}}
	for o, n := range s.Counts {
		if n > 0 {
			one.Counts[tally.Outcome(o).String()] = n
		}
	}
	for _, bar := range merged.Distribution() {
		if bar.Count > 0 {
			one.Bars = append(one.Bars, [2]int64{bar.To, bar.Count})
		}
	}
	return one
}

// Lateness puts the generator's own lag into the report.
func (r *Report) Lateness(lag *hdrhistogram.Histogram, dropped int64) {
	r.Generator.Lag, r.Generator.Dropped = latency(lag), dropped
}
