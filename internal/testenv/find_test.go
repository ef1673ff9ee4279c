package testenv

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	root := mustTempDir(t)
	mustProgram := func(folder string) string {
		path := filepath.Join(root, folder, "server")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inPath, old, recent := mustProgram("path"), mustProgram("lib/14/bin"), mustProgram("lib/15/bin")
	pattern := filepath.Join(root, "lib/*/bin")

	for _, test := range []struct {
		name, path string
		folders    []string
		want       string
	}{
		{"PATH first", filepath.Join(root, "path"), []string{pattern}, inPath},
		{"highest version of a pattern", "", []string{pattern}, recent},
		{"first folder", "", []string{filepath.Join(root, "none"), filepath.Dir(old), pattern}, old},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("PATH", test.path)
			if got, err := find("server", test.folders...); got != test.want || err != nil {
				t.Fatalf("find = %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestMissingProgramTellsWhatToRun(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := find("redis-server", mustTempDir(t))
	if err == nil || !strings.Contains(err.Error(), "redis-server") || !strings.Contains(err.Error(), "make deps") {
		t.Fatalf("find of a missing program = %v; want its name and `make deps`", err)
	}
}

func TestFreePort(t *testing.T) {
	limit := firstOutgoingPort()
	for range 50 {
		port := FreePort(t)
		if port < firstPort || port >= limit {
			t.Fatalf("FreePort = %d; want one in [%d, %d)", port, firstPort, limit)
		}
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
}
