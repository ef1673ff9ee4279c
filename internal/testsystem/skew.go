package testsystem

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// SkewedEdge builds an edge whose clock is wrong, forwards if skew is positive, in
// whole seconds, and returns its name for Run.
//
// The edge itself is untouched. It is built with a package time whose Now adds the
// skew to the wall clock, as a machine with a wrong clock would; timers and what
// is measured go on as ever. The first build compiles everything anew, which takes
// minutes; Go's build cache has it from then on.
func SkewedEdge(tb testing.TB, skew time.Duration) (name string) {
	tb.Helper()
	seconds := strconv.Itoa(int(skew / time.Second))
	program := "edge-skewed" + seconds
	dir := filepath.Dir(Binary(tb, program))
	work := tb.TempDir()
	source := filepath.Join(goroot(tb), "src", "time")
	clock, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		tb.Fatal(err)
	}
	const before = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	skewed := bytes.Replace(clock, []byte(before), []byte(before+"\tsec += skew\n"), 1)
	if bytes.Equal(skewed, clock) {
		tb.Fatal("this Go's time.Now is not as expected: adapt SkewedEdge")
	}
	const reads = `package time

var skewText string // set by the linker

var skew = func() int64 {
	seconds, err := atoi(skewText)
	if err != nil {
		panic("skew: " + skewText)
	}
	return int64(seconds)
}()
`
	replaced := map[string]string{}
	for name, text := range map[string][]byte{"time.go": skewed, "skew.go": []byte(reads)} {
		path := filepath.Join(work, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			tb.Fatal(err)
		}
		replaced[filepath.Join(source, name)] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		tb.Fatal(err)
	}
	list := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		tb.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-overlay", list, "-ldflags", "-X time.skewText="+seconds, "-o", filepath.Join(dir, program), "./cmd/edge")
	build.Dir = repository(tb)
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build an edge with a wrong clock: %v\n%s", err, out)
	}
	return program
}

func goroot(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		tb.Fatal(err)
	}
	return string(bytes.TrimSpace(out))
}
