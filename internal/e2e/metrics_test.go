package e2e

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"rawlink/internal/pages"
	"rawlink/internal/testsystem"
)

// testMetrics holds docs/metrics.md against what the servers expose: every metric
// with its type, its labels and their values; and nothing that isn't exposed. An
// embedded Rawlink needs fewer parts, and has all the metrics.
func testMetrics(t *testing.T, s *testsystem.System) {
	_, _, _ = testsystem.Fetch(t, "GET", s.API+"/v1/nothing") // that some operation was asked for
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	wanted, seen := pages.Metrics(string(page)), map[string]bool{}
	for _, ops := range s.Ops {
		_, body, err := testsystem.Fetch(t, "GET", ops+"/metrics")
		if err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", ops, err)
		}
		for name, family := range families {
			if strings.HasPrefix(name, "rawlink_") {
				seen[name] = true
				checkFamily(t, family, wanted)
			}
		}
	}
	for name := range wanted {
		if !seen[name] {
			t.Errorf("docs/metrics.md lists %s, which nobody exposes", name)
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d metrics were seen", len(seen))
	}
}

func checkFamily(t *testing.T, family *dto.MetricFamily, wanted map[string]pages.Metric) {
	t.Helper()
	name := family.GetName()
	d, ok := wanted[name]
	if !ok {
		t.Errorf("%s is not in docs/metrics.md", name)
		return
	}
	if kind := strings.ToLower(family.GetType().String()); kind != d.Kind {
		t.Errorf("%s is a %s; docs/metrics.md says %s", name, kind, d.Kind)
	}
	for _, metric := range family.GetMetric() {
		var names []string
		for _, label := range metric.GetLabel() {
			names = append(names, label.GetName())
			if allowed := d.Labels[label.GetName()]; allowed != nil && !slices.Contains(allowed, label.GetValue()) {
				t.Errorf("%s{%s=%q}: docs/metrics.md doesn't list this value", name, label.GetName(), label.GetValue())
			}
		}
		if slices.Sort(names); !slices.Equal(names, slices.Sorted(maps.Keys(d.Labels))) {
			t.Errorf("%s has the labels %v; docs/metrics.md says %v", name, names, slices.Sorted(maps.Keys(d.Labels)))
			return
		}
	}
}
