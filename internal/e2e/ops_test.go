package e2e

import (
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

func testOps(t *testing.T, s *testsystem.System) {
	for _, ops := range s.Ops {
		for path, want := range map[string]string{"/healthz": `"ok"`, "/readyz": `"ready"`, "/metrics": "rawlink_", "/debug/pprof/": "goroutine"} {
			response, body, err := testsystem.Fetch(t, "GET", ops+path)
			if err != nil || response.StatusCode != 200 || !strings.Contains(string(body), want) {
				t.Errorf("%s: %v, %v; want 200 with %s", path, response, err, want)
			}
		}
	}
}
