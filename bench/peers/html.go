package main

import (
	"bytes"
	"fmt"
	"html/template"
	"os"
	"strings"

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
func writePage(file string, p page) error {
	t, err := template.New("RESULTS.html.tmpl").Funcs(template.FuncMap{
		"css":    func() template.CSS { return template.CSS(report.Style()) },
		"figure": report.RateText,
	}).ParseFS(templates, "templates/RESULTS.html.tmpl")
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}
