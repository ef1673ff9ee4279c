package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestSchemathesis has requests made from the API's document, good ones and bad
// ones, and every answer checked against it. The seed is fixed: what fails here
// fails again.
func TestSchemathesis(t *testing.T) {
	tool := os.Getenv("RAWLINK_SCHEMATHESIS")
	if tool == "" {
		t.Fatal("schemathesis is not installed; run make conformance")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			s := setup(t, "LIMIT_SHARES=0", "LIMIT_UPLOADS=0", "LIMIT_IMPORTS=0")
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
			defer cancel()
			run := exec.CommandContext(ctx, tool, "--config-file", filepath.Join(here, "schemathesis.toml"), "run", s.API+"/openapi.json", "--header", "X-API-Key: "+s.Key,
				"--checks", "all", "--max-examples", "10", "--seed", "1", "--request-timeout", "60", "--no-shrink", "--continue-on-failure", "--warnings", "off")
			run.Dir = t.TempDir() // it keeps what it found where it runs
			run.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+here, "PYTHONDONTWRITEBYTECODE=1")
			out, err := run.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("schemathesis: %v", err)
			}
		})
	}
}
