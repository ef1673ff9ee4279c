package check

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rawlink/internal/pages"
)

var (
	// usedMetric is a metric of ours in a query, with its matchers if it has some.
	usedMetric = regexp.MustCompile(`(rawlink_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	grouped    = regexp.MustCompile(`by \(([^)<]*)\)`)
	plainWords = regexp.MustCompile(`^[a-z0-9_]+(\|[a-z0-9_]+)*$`)
)

// scraped are the labels that a scrape adds.
var scraped = []string{"instance", "job", "namespace", "pod"}

// TestQueriesAskForWhatExists checks each query of the alerts, the dashboards and
// the adapter: every metric, label and value of a label in it. What doesn't exist
// makes an alert silent and a panel empty, and nobody notices.
func TestQueriesAskForWhatExists(t *testing.T) {
	known := documented(t)
	used := map[string]bool{}
	for place, query := range queries(t) {
		labels := slices.Clone(scraped)
		for _, use := range usedMetric.FindAllStringSubmatch(query, -1) {
			name, m, ok := family(known, use[1])
			if !ok {
				t.Errorf("%s: no metric is named %s", place, use[1])
				continue
			}
			used[name] = true
			labels = append(labels, slices.Collect(maps.Keys(m.Labels))...)
			if strings.HasSuffix(use[1], "_bucket") {
				labels = append(labels, "le")
			}
			for _, match := range matcher.FindAllStringSubmatch(use[2], -1) {
				checkMatcher(t, place, use[1], m, match)
			}
		}
		for _, group := range grouped.FindAllStringSubmatch(query, -1) {
			for label := range strings.SplitSeq(group[1], ",") {
				if label = strings.TrimSpace(label); !slices.Contains(labels, label) {
					t.Errorf("%s: nothing in the query has the label %s", place, label)
				}
			}
		}
	}
	for name := range known {
		if !used[name] {
			t.Errorf("%s is in no alert and on no dashboard", name)
		}
	}
}

// family finds the metric that a series belongs to.
func family(known map[string]pages.Metric, series string) (name string, m pages.Metric, ok bool) {
	if m, ok = known[series]; ok {
		return series, m, m.Kind != "histogram" // whose series have suffixes
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if name, cut := strings.CutSuffix(series, suffix); cut {
			m, ok = known[name]
			return name, m, ok && m.Kind == "histogram"
		}
	}
	return series, m, false
}

func checkMatcher(t *testing.T, place, series string, m pages.Metric, match []string) {
	t.Helper()
	label, operator, value := match[1], match[2], match[3]
	if slices.Contains(scraped, label) {
		return
	}
	values, ok := m.Labels[label]
	switch {
	case !ok:
		t.Errorf("%s: %s has no label %s", place, series, label)
	case values == nil, strings.HasSuffix(operator, "~") && !plainWords.MatchString(value):
	default:
		for word := range strings.SplitSeq(value, "|") {
			if !slices.Contains(values, word) {
				t.Errorf("%s: %s is never %q for %s", place, label, word, series)
			}
		}
	}
}
