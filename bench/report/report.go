package report

import (
	"time"

	"rawlink/bench/judge"
	"rawlink/bench/scrape"
	"rawlink/bench/workload"
)

// format is raised when a field changes its meaning.
const format = 1

// Report is everything that is known of a run. Latencies are in milliseconds.
type Report struct {
	Format      int       `json:"format"`
	Workload    string    `json:"workload"`
	About       string    `json:"about"`
	Command     string    `json:"command"` // without the key
	Versions    Versions  `json:"versions"`
	Begun       time.Time `json:"begun"`
	Seconds     float64   `json:"seconds"` // that were measured
	Mode        string    `json:"mode"`    // open or closed
	Rate        string    `json:"rate"`    // as asked for; "" in a closed loop
	Arrivals    string    `json:"arrivals"`
	Connections int       `json:"connections"`
	Edges       []string  `json:"edges"`
	Requests    int64     `json:"requests"`
	Failed      int64     `json:"failed"` // that did not come to what they should have
	Bytes       int64     `json:"bytes"`  // of bodies
	Interrupted bool      `json:"interrupted"`
	Notes       []string  `json:"notes"`

	All       Outcome   `json:"all"` // all outcomes together, but for left and slow
	Outcomes  []Outcome `json:"outcomes"`
	FirstByte Latency   `json:"first_byte"`
	Over      []Second  `json:"over_time"`
	Generator Generator `json:"generator"`

	Checked    int64             `json:"checked"` // answers that were checked in full
	Violations []judge.Violation `json:"violations"`
	Figures    []workload.Figure `json:"figures"`
	Servers    []Server          `json:"servers"`
	Capacity   *Capacity         `json:"capacity,omitempty"`
}

// Versions is what ran where.
type Versions struct {
	Bench  string `json:"bench"`
	Go     string `json:"go"`
	System string `json:"system"`
	CPUs   int    `json:"cpus"`
}

// Latency is a histogram in short, in milliseconds.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99_9"`
	Max   float64 `json:"max"`
}

// Outcome is one way in which requests ended.
type Outcome struct {
	Name      string  `json:"name"`
	Count     int64   `json:"count"`
	Bytes     int64   `json:"bytes"`
	Due       Latency `json:"from_due"`  // from when requests were due
	Took      Latency `json:"from_sent"` // from when they were sent
	Curve     []Point `json:"curve"`     // of from_due
	Histogram string  `json:"histogram"` // of from_due, µs: HdrHistogram V2, compressed, base64
}

// Point is a place on a latency curve.
type Point struct {
	Quantile float64 `json:"q"` // 0 to 1
	Millis   float64 `json:"ms"`
}

// Second is one interval of the run.
type Second struct {
	At     float64          `json:"at"` // its end, in seconds
	Span   float64          `json:"span"`
	Counts map[string]int64 `json:"counts"` // by outcome
	Bytes  int64            `json:"bytes"`
	Failed int64            `json:"failed"`
	Lat    Latency          `json:"latency"`
	Bars   [][2]int64       `json:"bars"` // µs and count: what is resampled in a comparison
}

// Generator is how well the load itself was made.
type Generator struct {
	Lag        Latency `json:"lag"`     // by which it let requests go too late
	Dropped    int64   `json:"dropped"` // that were due and never started
	CPUSeconds float64 `json:"cpu_seconds"`
	CPUShare   float64 `json:"cpu_share"` // of all this machine's cores
	Bottleneck string  `json:"bottleneck"`
}

// Server is what a process said of itself.
type Server struct {
	Name   string         `json:"name"`
	Facts  []Fact         `json:"facts"`
	Change scrape.Metrics `json:"change"`
}

// Fact is a derived figure.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Capacity is what a search for the knee found.
type Capacity struct {
	Goal  string  `json:"goal"`
	Knee  float64 `json:"knee"` // greatest rate that met the goal; 0 = none did
	Limit string  `json:"limit"`
	Steps []Step  `json:"steps"`
}

// Step is one rate that was tried.
type Step struct {
	Rate     float64 `json:"rate"`
	Achieved float64 `json:"achieved"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	P999     float64 `json:"p99_9"`
	Failed   float64 `json:"failed"` // share of the requests
	Dropped  int64   `json:"dropped"`
	Met      bool    `json:"met"`
	Why      string  `json:"why"` // not
}

// Void says whether a violation makes the figures worthless.
func (r *Report) Void() bool { return len(r.Violations) > 0 }
