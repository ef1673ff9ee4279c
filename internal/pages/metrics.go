package pages

import (
	"regexp"
	"strings"
)

// Metric is a line of docs/metrics.md.
type Metric struct {
	Kind   string
	Labels map[string][]string // closed sets of values; nil: any
	Alerts []string            // that use it
}

var metricsLine = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([a-z]+) \\|([^|]*)\\|[^|]*\\|([^|]*)\\|$")

// Metrics reads the text of docs/metrics.md, by the metrics' names.
func Metrics(page string) map[string]Metric {
	all := map[string]Metric{}
	for _, line := range metricsLine.FindAllStringSubmatch(page, -1) {
		m := Metric{Kind: line[2], Labels: map[string][]string{}, Alerts: strings.FieldsFunc(line[4], func(r rune) bool { return r == ',' || r == ' ' })}
		for label := range strings.SplitSeq(line[3], ";") {
			name, values, found := strings.Cut(strings.TrimSpace(label), ": ")
			if name = strings.Trim(name, "`"); !found {
				continue
			}
			if m.Labels[name] = strings.Split(values, ", "); values == "…" {
				m.Labels[name] = nil
			}
		}
		all[line[1]] = m
	}
	return all
}
