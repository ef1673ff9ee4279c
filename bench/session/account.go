package session

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/dustin/go-humanize"

	"rawlink/bench/drive"
	"rawlink/bench/report"
	"rawlink/bench/scrape"
	"rawlink/bench/workload"
)

// begin fills in what is known before a run.
func (s *Session) begin(o *drive.Options) *report.Report {
	c := &s.config
	r := &report.Report{
		Format: 1, Workload: c.Workload, About: workload.About(c.Workload), Command: c.Command, Versions: versions(),
		Begun: time.Now().UTC(), Mode: "closed", Connections: c.Connections, Notes: []string{},
	}
	if o.Plan != nil {
		r.Mode, r.Rate, r.Arrivals = "open", c.Rate, string(c.Arrivals)
	}
	for _, edge := range s.env.Edges {
		r.Edges = append(r.Edges, edge.Base)
	}
	return r
}

func versions() report.Versions {
	v := report.Versions{Bench: "unknown", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU()}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Bench = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Bench = s.Value
			}
		}
	}
	return v
}

// named is a scrape of one process.
type named struct {
	name   string
	values scrape.Metrics
	redis  bool
}

// scrape reads all servers that were named. One that can't be read costs a note,
// not the run.
func (s *Session) scrape(ctx context.Context, notes *[]string) (all []named) {
	for _, base := range s.config.Ops {
		m, err := scrape.Read(ctx, s.http, base)
		if err != nil {
			*notes = append(*notes, err.Error())
			continue
		}
		all = append(all, named{name: base, values: m})
	}
	if s.config.Redis != "" {
		m, err := scrape.Redis(ctx, s.config.Redis)
		if err != nil {
			*notes = append(*notes, err.Error())
			return all
		}
		all = append(all, named{name: "redis", values: m, redis: true})
	}
	return all
}

// servers says what the run cost each process.
func servers(before, after []named, requests int64) (all []report.Server) {
	for _, b := range before {
		for _, a := range after {
			if a.name == b.name {
				change := a.values.Since(b.values)
				one := report.Server{Name: a.name, Change: change}
				if a.redis {
					one.Facts = redisFacts(change, a.values, requests)
				} else {
					one.Facts = facts(change, b.values, a.values)
				}
				all = append(all, one)
			}
		}
	}
	return all
}

func facts(change, before, after scrape.Metrics) (all []report.Fact) {
	add := func(name, format string, args ...any) {
		all = append(all, report.Fact{Name: name, Text: fmt.Sprintf(format, args...)})
	}
	served := change.Sum("rawlink_edge_requests_total", "")
	cpu := change.Sum("process_cpu_seconds_total", "")
	add("CPU", "%.2f s", cpu)
	if served > 0 {
		add("requests", "%.0f", served)
		add("CPU per request", "%.1f µs", cpu/served*1e6)
	}
	add("resident memory", "%s before, %s after", size(before.Sum("process_resident_memory_bytes", "")), size(after.Sum("process_resident_memory_bytes", "")))
	ratio := func(name, family string, good ...string) {
		all, hits := change.Sum(family, ""), 0.0
		for _, label := range good {
			hits += change.Sum(family, label)
		}
		if all > 0 {
			add(name, "%.2f %% of %.0f", 100*hits/all, all)
		}
	}
	ratio("records found in L1", "rawlink_edge_l1_lookups_total", `"hit"`)
	ratio("bytes found in RAM or on disk", "rawlink_edge_bytes_lookups_total", `"ram"`, `"disk"`)
	if reads := change.Sum("rawlink_edge_bytes_store_reads_total", ""); reads > 0 {
		add("reads of the object store", "%.0f, %s", reads, size(change.Sum("rawlink_edge_bytes_store_read_bytes_total", "")))
	}
	if gc := change.Sum("go_gc_duration_seconds_count", ""); gc > 0 {
		add("garbage collections", "%.0f", gc)
	}
	return all
}

func redisFacts(change, after scrape.Metrics, requests int64) []report.Fact {
	commands := change["total_commands_processed"]
	return []report.Fact{
		{Name: "commands", Text: fmt.Sprintf("%.0f", commands)},
		{Name: "commands per request", Text: fmt.Sprintf("%.4f", commands/max(1, float64(requests)))},
		{Name: "sent", Text: size(change["total_net_output_bytes"])},
		{Name: "received", Text: size(change["total_net_input_bytes"])},
		{Name: "memory", Text: size(after["used_memory"])},
	}
}

func size(n float64) string { return humanize.IBytes(uint64(max(0, n))) }

const (
	busy     = 0.9                  // of all cores: the generator can't do more
	lateness = 5 * time.Millisecond // of the generator at p99: its own latency shows
	millis   = float64(time.Millisecond)
)

// remark says what a reader must know before believing the figures.
func (s *Session) remark(r *report.Report) {
	note := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	g := &r.Generator
	cores := g.CPUSeconds / max(r.Seconds, 1e-9)
	limit := float64(runtime.GOMAXPROCS(0))
	perRequest := g.CPUSeconds / max(1, float64(r.Requests)) * 1e6
	switch {
	case cores > busy*limit:
		g.Bottleneck = fmt.Sprintf("the generator: it kept %.2f of its %.0f cores busy, %.1f µs a request; start it on another machine, or give it more cores", cores, limit, perRequest)
	case g.Lag.P99 > float64(lateness)/millis:
		g.Bottleneck = fmt.Sprintf("the generator: at p99 it let requests go %.1f ms late; give it a core of its own", g.Lag.P99)
	case g.Dropped > 0:
		g.Bottleneck = fmt.Sprintf("the server, or too few connections: %d requests that were due were never started", g.Dropped)
	}
	if g.Bottleneck != "" {
		note("bottleneck: %s", g.Bottleneck)
	}
	for _, o := range r.Outcomes {
		if o.Name == "429" {
			note("%d answers were 429: the limits of one client or key were reached (--edge-max-per-client, --limit-*)", o.Count)
		}
	}
	if r.Failed > 0 {
		note("%d of %d requests failed", r.Failed, r.Requests)
	}
}
