package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// peers in the order of the columns.
var peers = []string{nameProxy, nameStatic, nameVarnish, nameBare}

// results are all measurements.
type results struct {
	Samples []*sample
	Notes   []*note
}

// writeJSON keeps every measurement.
func writeJSON(o *options, facts []fact, found results) error {
	text, err := json.MarshalIndent(struct {
		Facts   []fact    `json:"facts"`
		Command string    `json:"command"`
		Samples []*sample `json:"samples"`
		Notes   []*note   `json:"from_store"`
	}{facts, command(o), found.Samples, found.Notes}, "", "  ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return os.WriteFile(filepath.Join(o.out, "results.json"), append(text, '\n'), 0o644)
}

func command(o *options) string {
	if len(o.args) == 0 {
		return "make bench-peers"
	}
	return fmt.Sprintf("make bench-peers ARGS=%q", strings.Join(o.args, " "))
}

// page is what the report's template is given.
type page struct {
	Facts       []fact
	Command     string
	EdgeLog     string
	Rounds      int
	Seconds     int
	Connections int
	Peers       []string
	Goals       []goal
	Ratios      []ratioRow
	FromStore   []table
	Cases       []caseTable
}

// ratioRow is the edge by each peer, in one case.
type ratioRow struct {
	Case         string
	Goals        []float64 // by peer; 0 = none
	Rate, PerCPU []spread
}

// caseTable is all servers in one case.
type caseTable struct {
	Name, Note string
	Rows       []serverRow
}

type serverRow struct {
	Server                           string
	Rate, PerCPU, PerGiB, MBs        spread
	P50, P99, ServerBusy, ClientBusy spread // milliseconds; share of a core
}

// writeReport writes the tables, for people.
func writeReport(o *options, facts []fact, cases []scenario, trials []trial, found results, progress io.Writer) error {
	p := page{
		Facts: facts, Command: command(o), EdgeLog: o.edgeLog, Rounds: o.rounds, Seconds: int(o.span.Seconds()),
		Connections: o.connections, Peers: peers,
	}
	for _, t := range trials {
		p.FromStore = append(p.FromStore, tableOfTrial(t, found.Notes))
		p.Goals = append(p.Goals, t.goals(func(server, name string) float64 { return median(found.Notes, t.name, server, name) })...)
	}
	samples := found.Samples
	for _, c := range cases {
		edge := of(samples, c.name, nameEdge)
		row := ratioRow{Case: c.name}
		for _, peer := range peers {
			of := of(samples, c.name, peer)
			p.Goals = append(p.Goals, goalsOf(c, peer, edge, of)...)
			row.Goals = append(row.Goals, c.goals[peer])
			row.Rate = append(row.Rate, ratios(edge, of, (*sample).rate))
			row.PerCPU = append(row.PerCPU, ratios(edge, of, (*sample).perCPU))
		}
		p.Ratios = append(p.Ratios, row)
		p.Cases = append(p.Cases, tableOf(c, samples))
	}
	if err := render(o.results, "RESULTS.md", p); err != nil {
		return err
	}
	if err := writePage(beside(o.results), p); err != nil {
		return err
	}
	fmt.Fprintf(progress, "wrote %s, %s and %s\n", o.results, beside(o.results), filepath.Join(o.out, "results.json"))
	return os.Chmod(o.results, 0o644)
}

func tableOf(c scenario, samples []*sample) caseTable {
	t := caseTable{Name: c.name}
	if c.bulk {
		t.Note = fmt.Sprintf("%d connections; requests are bytes by the file's size.", c.connections)
	}
	for _, name := range append([]string{nameEdge}, peers...) {
		s := of(samples, c.name, name)
		if len(s) == 0 {
			continue
		}
		t.Rows = append(t.Rows, serverRow{
			Server: name,
			Rate:   over(s, (*sample).rate), PerCPU: over(s, (*sample).perCPU), PerGiB: over(s, (*sample).perGiB),
			MBs:        over(s, func(s *sample) float64 { return s.Bytes / s.Seconds / 1e6 }),
			P50:        over(s, func(s *sample) float64 { return s.P50 }),
			P99:        over(s, func(s *sample) float64 { return s.P99 }),
			ServerBusy: over(s, func(s *sample) float64 { return 100 * s.ServerCPU / s.Seconds }),
			ClientBusy: over(s, func(s *sample) float64 { return 100 * s.ClientCPU / s.Seconds }),
		})
	}
	return t
}
