package testenv

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv(orphanEnv) != "" {
		leaveOrphans()
		return
	}
	Main(m)
}

func mustTempDir(tb testing.TB) string {
	tb.Helper()
	dir, err := tempDir("test", tb.Cleanup)
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}
