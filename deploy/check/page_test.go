package check

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// metric is a line of docs/metrics.md.
type metric struct {
	kind   string
	labels map[string][]string // closed sets of values; nil: any
	alerts []string
}

var metricsLine = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([a-z]+) \\|([^|]*)\\|[^|]*\\|([^|]*)\\|$")

// documented reads docs/metrics.md, which a test of the running servers holds to
// what they expose.
func documented(t *testing.T) map[string]metric {
	t.Helper()
	all := map[string]metric{}
	for _, line := range metricsLine.FindAllStringSubmatch(read(t, "../../docs/metrics.md"), -1) {
		m := metric{kind: line[2], labels: map[string][]string{}, alerts: strings.FieldsFunc(line[4], func(r rune) bool { return r == ',' || r == ' ' })}
		for label := range strings.SplitSeq(line[3], ";") {
			name, values, found := strings.Cut(strings.TrimSpace(label), ": ")
			if name = strings.Trim(name, "`"); !found {
				continue
			}
			if m.labels[name] = strings.Split(values, ", "); values == "…" {
				m.labels[name] = nil
			}
		}
		all[line[1]] = m
	}
	if len(all) < 60 {
		t.Fatalf("docs/metrics.md: only %d metrics were read", len(all))
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
