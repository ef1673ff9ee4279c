package report

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"

	"github.com/dustin/go-humanize"
)

//go:embed assets/uPlot.iife.min.js assets/uPlot.min.css page.html.tmpl page.js
var files embed.FS

//go:embed page.css
var style string

// Style returns the pages' style sheet, for pages that look like these.
func Style() string { return style }

// page is what the template shows.
type page struct {
	Title       string
	Runs        []*Report
	Comparison  *Comparison // nil for one run
	Style, Code []string
	Data        any
}

// WritePage writes one run, or two with their comparison, as one HTML page that
// needs nothing from anywhere else.
func WritePage(to io.Writer, c *Comparison, runs ...*Report) error {
	p := page{Title: "Rawlink bench: " + runs[0].Workload, Runs: runs, Comparison: c, Data: map[string]any{"runs": runs, "comparison": c}}
	charts, err := files.ReadFile("assets/uPlot.min.css")
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	p.Style = []string{string(charts), style}
	for _, name := range []string{"assets/uPlot.iife.min.js", "page.js"} {
		text, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("write the page: %w", err)
		}
		p.Code = append(p.Code, string(text))
	}
	t, err := template.New("page.html.tmpl").Funcs(template.FuncMap{
		"css": func(s string) template.CSS { return template.CSS(s) },
		"js":  func(s string) template.JS { return template.JS(s) },
		"json": func(v any) (template.JS, error) {
			text, err := json.Marshal(v) // escapes <, > and &, so no text ends the script
			return template.JS(text), err
		},
		"ms": millisText, "count": humanize.Comma, "bytes": func(n int64) string { return humanize.IBytes(uint64(max(0, n))) },
		"rate":  func(r *Report) string { return RateText(float64(r.Requests) / max(r.Seconds, 1e-9)) },
		"share": func(n, of int64) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/max(1, float64(of))) },
		"figure": func(v float64) string {
			if v == float64(int64(v)) {
				return humanize.Comma(int64(v))
			}
			return humanize.CommafWithDigits(v, 3)
		},
		"perSecond": RateText,
		"percent":   func(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) },
		"change":    func(v float64) string { return fmt.Sprintf("%+.1f %%", 100*(v-1)) },
	}).ParseFS(files, "page.html.tmpl")
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if err := t.Execute(to, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// RateText writes requests per second, for people.
func RateText(r float64) string {
	if r >= 100 {
		return humanize.Comma(int64(r + .5))
	}
	return fmt.Sprintf("%.1f", r)
}

// millisText writes milliseconds with three digits that count.
func millisText(ms float64) string {
	switch {
	case ms >= 100_000:
		return fmt.Sprintf("%.0f s", ms/1000)
	case ms >= 1000:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms >= 1:
		return fmt.Sprintf("%.2f ms", ms)
	}
	return fmt.Sprintf("%.0f µs", ms*1000)
}
