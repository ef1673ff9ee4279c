package scrape

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics are the values of one scrape, by name and labels as in the text form.
type Metrics map[string]float64

// timeout bounds one scrape.
const timeout = 5 * time.Second

// Read scrapes an ops listener by its base URL.
func Read(ctx context.Context, client *http.Client, base string) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("scrape %s: %w", base, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("scrape %s: %w", base, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("scrape %s: status %d", base, resp.StatusCode)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("scrape %s: %w", base, err)
	}
	all := Metrics{}
	for name, family := range families {
		for _, m := range family.Metric {
			all.take(name, m)
		}
	}
	return all, nil
}

func (m Metrics) take(name string, metric *dto.Metric) {
	labels := make([]string, len(metric.Label))
	for i, l := range metric.Label {
		labels[i] = fmt.Sprintf("%s=%q", l.GetName(), l.GetValue())
	}
	slices.Sort(labels)
	suffix := ""
	if len(labels) > 0 {
		suffix = "{" + strings.Join(labels, ",") + "}"
	}
	switch {
	case metric.Counter != nil:
		m[name+suffix] = metric.Counter.GetValue()
	case metric.Gauge != nil:
		m[name+suffix] = metric.Gauge.GetValue()
	case metric.Histogram != nil:
		m[name+"_count"+suffix] = float64(metric.Histogram.GetSampleCount())
		m[name+"_sum"+suffix] = metric.Histogram.GetSampleSum()
	}
}

// Sum adds up a family's values whose labels contain a text, "" for all.
func (m Metrics) Sum(name, label string) (total float64) {
	for key, value := range m {
		family, labels, _ := strings.Cut(key, "{")
		if family == name && strings.Contains(labels, label) {
			total += value
		}
	}
	return total
}

// Since returns what changed from an earlier scrape on, without what did not.
func (m Metrics) Since(before Metrics) Metrics {
	changed := Metrics{}
	for key, value := range m {
		if d := value - before[key]; d != 0 {
			changed[key] = d
		}
	}
	return changed
}
