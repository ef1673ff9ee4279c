package check

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var heading = regexp.MustCompile(`(?m)^## (\S+)$`)

// TestAlertsHaveRunbooks checks that each alert leads to an entry of the runbook,
// that each entry is of an alert, and that docs/metrics.md says for each metric
// which alerts use it.
func TestAlertsHaveRunbooks(t *testing.T) {
	var entries []string
	for _, found := range heading.FindAllStringSubmatch(read(t, "../../docs/runbook.md"), -1) {
		entries = append(entries, found[1])
	}
	known, users := documented(t), map[string][]string{}
	for _, r := range rules(t) {
		if !slices.Contains(entries, r.Alert) {
			t.Errorf("%s has no entry in docs/runbook.md", r.Alert)
		}
		if want := "docs/runbook.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want {
			t.Errorf("%s leads to %q; want %q", r.Alert, r.Annotations["runbook"], want)
		}
		if r.Annotations["summary"] == "" || !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) {
			t.Errorf("%s: no summary, or a severity of %q", r.Alert, r.Labels["severity"])
		}
		entries = slices.DeleteFunc(entries, func(entry string) bool { return entry == r.Alert })
		for _, use := range usedMetric.FindAllStringSubmatch(r.Expr, -1) {
			if name, _, _ := family(known, use[1]); !slices.Contains(users[name], r.Alert) {
				users[name] = append(users[name], r.Alert)
			}
		}
	}
	if len(entries) > 0 {
		t.Errorf("docs/runbook.md has entries of no alert: %v", entries)
	}
	for name, m := range known {
		slices.Sort(m.Alerts)
		if slices.Sort(users[name]); !slices.Equal(m.Alerts, users[name]) {
			t.Errorf("docs/metrics.md says that %s is used by %v; it is by %v", name, m.Alerts, users[name])
		}
	}
}
