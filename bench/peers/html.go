package main

import (
	"fmt"
	"html/template"
	"os"
	"strings"

	"github.com/dustin/go-humanize"

	"rawlink/bench/report"
)

// Charts returns the ratios, drawn.
func (p page) Charts() []chart {
	charts := make([]chart, 0, len(p.Ratios))
	for _, r := range p.Ratios {
		charts = append(charts, chartOf(r))
	}
	return charts
}

// Met returns how many goals were met.
func (p page) Met() (n int) {
	for _, g := range p.Goals {
		if g.Met() {
			n++
		}
	}
	return n
}

// beside returns the name of the HTML page that stands beside a report.
func beside(results string) string { return strings.TrimSuffix(results, ".md") + ".html" }

// writePage writes the report as one HTML page that needs nothing else.
func writePage(file string, p page) (err error) {
	t, err := template.New("RESULTS.html.tmpl").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(report.Style()) },
		"figure": func(v float64) string {
			if v < 100 {
				return fmt.Sprintf("%.1f", v)
			}
			return humanize.Comma(int64(v + .5))
		},
	}).ParseFS(templates, "templates/RESULTS.html.tmpl")
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	if err := t.Execute(out, p); err != nil {
		_ = out.Close()
		return fmt.Errorf("write page: %w", err)
	}
	return out.Close()
}
