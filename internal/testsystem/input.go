package testsystem

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// AdminReading is Admin for a command that reads its stdin.
func (s *System) AdminReading(tb testing.TB, stdin string, answer any, args ...string) {
	tb.Helper()
	cmd := command(tb, "rawlink", nil, append(append([]string{"admin"}, args...), append(s.admin, "--json")...)...)
	var out, log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &log
	if err := cmd.Run(); err != nil {
		tb.Fatalf("admin %s: %v: %s", args[0], err, &log)
	}
	if found := secrets.FindString(out.String() + log.String()); found != "" {
		tb.Errorf("admin %s printed a secret: %.12s…", args[0], found)
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		tb.Fatalf("admin %s: %v in %s", args[0], err, &out)
	}
}
