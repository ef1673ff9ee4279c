package testsystem

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ErrNoHistory is that the checkout does not have the commit before the newest
// migration: a shallow clone has not.
var ErrNoHistory = errors.New("this checkout has no history to build the version before from")

// Previous builds a program, origin or edge, as it was before the newest migration came,
// from the repository's history, and returns its name for RunForeign and the migration's.
func Previous(tb testing.TB, program string) (name, migration string, err error) {
	tb.Helper()
	root := repository(tb)
	files, _ := filepath.Glob(filepath.Join(root, "origin", "store", "migrations", "*.sql"))
	if len(files) == 0 {
		tb.Fatal("no migrations")
	}
	migration = filepath.Base(files[len(files)-1]) // their names are in order
	added, err := git(root, "log", "--diff-filter=A", "--format=%H", "-1", "--", "origin/store/migrations/"+migration)
	if err != nil || added == "" {
		return "", migration, errors.Join(ErrNoHistory, err)
	}
	before, err := git(root, "rev-parse", "--verify", "--quiet", added+"^")
	if err != nil {
		return "", migration, errors.Join(ErrNoHistory, err)
	}
	source := tb.TempDir()
	archive := exec.Command("git", "-C", root, "archive", "--format=tar", before)
	unpack := exec.Command("tar", "-x", "-C", source)
	var errPipe error
	if unpack.Stdin, errPipe = archive.StdoutPipe(); errPipe != nil {
		tb.Fatal(errPipe)
	}
	if err := errors.Join(unpack.Start(), archive.Run(), unpack.Wait()); err != nil {
		tb.Fatalf("unpack %s: %v", before, err)
	}
	name = program + "-before-" + strings.TrimSuffix(migration, ".sql")
	dir := filepath.Dir(Binary(tb, name))
	build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "./cmd/"+program)
	build.Dir, build.Env = source, append(os.Environ(), "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build %s of %s: %v\n%s", program, before, err, out)
	}
	return name, migration, nil
}

func git(root string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", root}, args...)...).Output()
	return string(bytes.TrimSpace(out)), err
}
