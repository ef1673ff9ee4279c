package conformance

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

func TestMain(m *testing.M) {
	code := testenv.Run(m)
	testsystem.Clean()
	os.Exit(code)
}

// TestPythonClient has client.py do what partners do with the client, in both
// set-ups. Files of 6 MiB and more are sent in parts, to reach that path too.
func TestPythonClient(t *testing.T) {
	python := os.Getenv("RAWLINK_SDK_PYTHON")
	if python == "" {
		t.Fatal("the Python client is not installed; run make conformance")
	}
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			s := setup(t, "UPLOAD_MULTIPART_FROM=6MiB", "UPLOAD_PART_SIZE=5MiB", "SCAN_WAIT=20s") // the client wants the verdict at once
			me := s.Client().Must(t, 200, "GET", "/me", nil)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			client := exec.CommandContext(ctx, python, "client.py")
			client.Env = append(os.Environ(),
				"API="+s.API,
				"FILES="+strings.Join(s.Files, " "),
				"KEY="+s.Key,
				"READER_KEY="+s.NewKey(t, me.Text("tenant_id"), "spaces:read", "files:read"),
				"QUOTA_KEY="+s.NewKey(t, me.Text("tenant_id"), "quota:read"),
				"POOR_KEY="+s.NewTenant(t, testsystem.Limits{Bytes: 100, Links: 1}),
			)
			out, err := client.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("client.py: %v", err)
			}
		})
	}
}
