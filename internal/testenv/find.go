package testenv

import (
	"errors"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// find returns the path of a server's program: from the PATH, else from the
// folders, which may be patterns (the last match, so the highest version, wins).
func find(name string, folders ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return findIn(name, folders...)
}

// prepare finds a program for a server of the test's own, and makes a folder for
// it that is named after what it will be.
func prepare(tb testing.TB, what, name string, folders ...string) (path, dir string) {
	tb.Helper()
	path, errFind := find(name, folders...)
	dir, errDir := tempDir(what, tb.Cleanup)
	if err := errors.Join(errFind, errDir); err != nil {
		tb.Fatal(err)
	}
	return path, dir
}

func findIn(name string, folders ...string) (string, error) {
	for _, folder := range folders {
		matches, _ := filepath.Glob(filepath.Join(folder, name)) // only a malformed pattern fails
		for _, path := range slices.Backward(matches) {
			if path, err := exec.LookPath(path); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not installed on this machine: run `make deps`", name)
}

// findTool returns the path of a program that `make deps` builds. The folders go
// before the PATH, for there its version is the one we pin.
func findTool(name string) (string, error) {
	folders := []string{filepath.Join(moduleRoot(), "bin", "tools")}
	if bin := os.Getenv("GOBIN"); bin != "" {
		folders = append(folders, bin)
	}
	for _, path := range filepath.SplitList(build.Default.GOPATH) {
		folders = append(folders, filepath.Join(path, "bin"))
	}
	if path, err := findIn(name, folders...); err == nil {
		return path, nil
	}
	return find(name)
}

// moduleRoot returns the folder of go.mod above the working directory, which
// `go test` sets to the package's; "." if there is none.
func moduleRoot() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	return "."
}
