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
func TestDocs(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	const dir = "../../docs"
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil || len(files) < 7 {
		t.Fatalf("documents: %v, %v", files, err)
	}
	ran := 0
	for _, name := range append([]string{filepath.Join(dir, "quickstart.md")}, files...) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var shell strings.Builder
		for _, block := range codeBlock.FindAllStringSubmatch(string(content), -1) {
			ran++
			if block[1] == "sh" {
				shell.WriteString(block[2])
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
	if ran < 7 {
		t.Errorf("only %d blocks were run", ran)
	}
}

func show(t *testing.T, s *testsystem.System, name string, run *exec.Cmd) {
	t.Helper()
	run.Dir = t.TempDir()
	run.Env = append(os.Environ(), "API="+s.API, "KEY="+s.Key)
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(name), err, out)
	}
}
