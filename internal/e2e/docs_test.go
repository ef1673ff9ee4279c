package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rawlink/internal/testsystem"
)

var codeBlock = regexp.MustCompile("(?ms)^```(sh|go)\n(.*?)^```")

// TestDocs runs what the documents show: the shell blocks of each in one shell,
// the Go programs with go run. quickstart.md is first, the others find its file.
// What needs a host of the internet is marked bash, and not run.
func TestDocs(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	const dir = "../../docs"
	ran := 0
	for _, name := range []string{"quickstart", "errors", "quotas", "raw-links", "counting", "uploading", "migrating"} {
		content, err := os.ReadFile(filepath.Join(dir, name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		var shell strings.Builder
		for _, block := range codeBlock.FindAllStringSubmatch(string(content), -1) {
			ran++
			if block[1] == "sh" { // whose pauses are for machines with less to do
				shell.WriteString(strings.ReplaceAll(block[2], "sleep 1\n", "sleep 4\n"))
				continue
			}
			program := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(program, []byte(block[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			show(t, s, name, exec.Command("go", "run", program))
		}
		show(t, s, name, exec.Command("bash", "-eu", "-o", "pipefail", "-c", shell.String()))
	}
	if ran < 6 {
		t.Errorf("only %d blocks were run", ran)
	}
}

func show(t *testing.T, s *testsystem.System, name string, run *exec.Cmd) {
	t.Helper()
	run.Dir = t.TempDir()
	run.Env = append(os.Environ(), "API="+s.API, "KEY="+s.Key)
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}
