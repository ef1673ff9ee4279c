package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"rawlink/bench/model"
	"rawlink/bench/report"
)

// modelCommand works out what a large deployment needs.
type modelCommand struct {
	Links    float64 `default:"1e9" help:"Links that exist."`
	Rate     float64 `default:"1e6" help:"Requests per second, all edges together."`
	Edges    float64 `default:"500" help:"Edges."`
	Origins  float64 `default:"4" help:"Origin processes."`
	Changes  float64 `default:"2000" help:"Changes of links per second."`
	Capped   float64 `default:"0.02" help:"Share of the requests that take a capped download."`
	FileSize float64 `default:"65536" help:"Mean bytes of a body."`
	L1Hits   float64 `name:"l1-hits" default:"0.97" help:"Share of the requests whose record is in the edge's process."`
	L2Hits   float64 `name:"l2-hits" default:"0.98" help:"Share of the others whose record is in Redis."`
	ByteHits float64 `default:"0.95" help:"Share of the bodies that need no read of the object store."`
	EdgeCPU  float64 `name:"edge-cpu" default:"20e-6" help:"Processor seconds per request at an edge."`
	From     string  `placeholder:"REPORT.json" help:"Take hit ratios and processor time from a report with a scraped edge."`
	JSON     bool    `name:"json" help:"Print JSON."`
}

// Run implements the command.
func (c *modelCommand) Run(std *streams) error {
	in := model.Defaults()
	in.Links, in.Rate, in.Edges, in.Origins, in.Changes, in.Capped = c.Links, c.Rate, c.Edges, c.Origins, c.Changes, c.Capped
	in.FileSize, in.L1Hits, in.L2Hits, in.ByteHits, in.EdgeCPU = c.FileSize, c.L1Hits, c.L2Hits, c.ByteHits, c.EdgeCPU
	if c.From != "" {
		r, err := report.Load(c.From)
		if err != nil {
			return err
		}
		if err := in.Learn(r.Servers); err != nil {
			return fmt.Errorf("%s: %w", c.From, err)
		}
	}
	if err := in.Validate(); err != nil {
		return err
	}
	lines := in.Lines()
	if c.JSON {
		out := json.NewEncoder(std.out)
		out.SetIndent("", "  ")
		return out.Encode(map[string]any{"inputs": in, "lines": lines})
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	part := ""
	for _, l := range lines {
		if l.Part != part {
			part = l.Part
			fmt.Fprintf(w, "%s\t\t\n", part)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", l.Name, l.Text(), l.Formula)
	}
	return w.Flush()
}
