//go:build deploycheck

package check

import (
	"os"
	"path/filepath"
	"testing"

	"rawlink/internal/testsystem"
)

// The programs are built as the Dockerfile builds them, and kept from run to run.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"CGO_ENABLED": "0", "GOFLAGS": "-trimpath"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	kept, err := filepath.Abs("../../bin/deploy-tools/programs")
	if err != nil {
		panic(err)
	}
	testsystem.BuildInto(kept, false)
	os.Exit(m.Run())
}
