package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestEdgeMetricsAreScraped(t *testing.T) {
	r := New()
	m := NewEdge(r)
	m.Begin()
	m.L1("miss")
	m.Lookup("origin")
	m.Redeem("granted")
	m.Panic()
	m.End(206, "served", 1000, 3*time.Millisecond)
	NewEdge(New()) // a second edge in the process has a registry of its own

	rec := httptest.NewRecorder()
	r.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`rawlink_edge_requests_total{outcome="served",status="2xx"} 1`,
		`rawlink_edge_request_seconds_count{status="2xx"} 1`,
		`rawlink_edge_sent_bytes_total 1000`,
		`rawlink_edge_in_flight_requests 0`,
		`rawlink_edge_l1_lookups_total{outcome="miss"} 1`,
		`rawlink_edge_record_lookups_total{source="origin"} 1`,
		`rawlink_edge_redeems_total{outcome="granted"} 1`,
		`rawlink_edge_panics_total 1`,
		`go_goroutines`,
	} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("scrape lacks %s", want)
		}
	}
}
