package testsystem

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built are the programs, built once per test process.
var built struct {
	once sync.Once
	kept bool   // the folder is the caller's
	fast bool   // Fast was called
	race bool   // with the detector
	dir  string // "" until it is made
	err  error
}

// BuildInto has the programs built into a folder that is kept, so that the next
// test process links only what changed; without the race detector where a test
// is about how soon something happens. TestMain calls it, before any test.
func BuildInto(dir string, race bool) { built.kept, built.race, built.dir = true, race, dir }

// Fast has the programs built without the race detector, for what is measured.
// TestMain calls it, before any test.
func Fast() { built.fast = true }

// Binary returns the path of a program, built with the race detector unless
// BuildInto or Fast said otherwise.
func Binary(tb testing.TB, name string) string {
	tb.Helper()
	built.once.Do(func() {
		if built.kept {
			built.err = os.MkdirAll(built.dir, 0o755)
		} else {
			built.race = !built.fast
			built.dir, built.err = os.MkdirTemp("", "rawlink-bin-")
		}
		if built.err != nil {
			return
		}
		build := exec.Command("go", "build", fmt.Sprintf("-race=%t", built.race), "-o", built.dir, "./cmd/...")
		build.Dir = repository(tb)
		if out, err := build.CombinedOutput(); err != nil {
			built.err = errors.Join(err, errors.New(string(out)))
		}
	})
	if built.err != nil {
		tb.Fatalf("build the programs: %v", built.err)
	}
	return filepath.Join(built.dir, name)
}

// Clean removes what Binary built, unless it is kept; TestMain calls it last.
func Clean() {
	if !built.kept {
		_ = os.RemoveAll(built.dir)
	}
}
