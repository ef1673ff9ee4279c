package check

import (
	"os"
	"testing"

	"rawlink/internal/pages"
)

// documented reads docs/metrics.md, which a test of the running servers holds to
// what they expose.
func documented(t *testing.T) map[string]pages.Metric {
	t.Helper()
	all := pages.Metrics(read(t, "../../docs/metrics.md"))
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
