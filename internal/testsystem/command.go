package testsystem

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// command prepares a program with these settings and no others.
func command(tb testing.TB, name string, settings []string, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.Command(Binary(tb, name), args...)
	cmd.Dir = tb.TempDir()
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "RAWLINK_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	for _, pair := range settings {
		cmd.Env = append(cmd.Env, "RAWLINK_"+pair)
	}
	return cmd
}

// Output runs a program with these settings to its end, which must be a success, and
// returns what it printed.
func Output(tb testing.TB, name string, settings []string, args ...string) string {
	tb.Helper()
	out, err := command(tb, name, settings, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.Join(err, errors.New(string(exit.Stderr)))
		}
		tb.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

// Fails runs a program that must end by itself with a failure, and returns what
// it printed to stderr.
func Fails(tb testing.TB, name string, settings []string, args ...string) string {
	tb.Helper()
	cmd := command(tb, name, settings, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", name, err)
	}
	stop := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		tb.Errorf("%s ended with %v; want exit status 1", name, err)
	}
	return stderr.String()
}
