package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rawlink/bench/judge"
	"rawlink/bench/tally"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is a report of a run that never was: ten seconds with three outcomes.
func made(t *testing.T, slower float64) *Report {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	into := tally.New()
	r := &Report{Format: format, Workload: "mixed", About: "a made-up run </script><b>", Mode: "open", Rate: "1000", Command: "bench run mixed", Connections: 4, Edges: []string{"http://edge"}, Seconds: 10, Begun: time.Now()}
	var over []*tally.Snapshot
	for second := range 10 {
		for range 1000 {
			d := time.Duration(slower * float64(time.Millisecond) * (1 + random.ExpFloat64()))
			outcome := []tally.Outcome{tally.Hit, tally.Hit, tally.Partial, tally.NotModified}[random.IntN(4)]
			into.Add(0, tally.Sample{Outcome: outcome, Bytes: 1024, Due: d, Took: d, FirstByte: d / 2})
		}
		s := into.Cut(time.Second)
		s.At = time.Duration(second+1) * time.Second
		over = append(over, s)
	}
	if err := r.Measured(into.Whole(), over); err != nil {
		t.Fatal(err)
	}
	return r
}

// look is run in the page after its charts are drawn: it counts the colours that
// each canvas shows beside the axes' greys, and tells them in attributes.
const look = `<script>
for (const box of document.querySelectorAll(".chart")) {
  const canvas = box.querySelector("canvas"), colours = new Set();
  let ink = 0;
  if (canvas) {
    const p = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    for (let i = 0; i < p.length; i += 4) {
      if (p[i + 3] < 200 || Math.max(p[i], p[i + 1], p[i + 2]) - Math.min(p[i], p[i + 1], p[i + 2]) < 60) continue;
      ink++;
      colours.add((p[i] >> 5) + "," + (p[i + 1] >> 5) + "," + (p[i + 2] >> 5));
    }
  }
  box.dataset.seen = box.id + ":" + ink + ":" + colours.size;
}
</script></body>`

// chromium opens a page and returns what became of it, and what the console said.
func chromium(t *testing.T, page []byte, more ...string) (dom, console string) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("Chromium is not installed; run make deps")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, bytes.Replace(page, []byte("</body>"), []byte(look), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1180,2000", "--virtual-time-budget=3000", "--user-data-dir=" + dir,
		"--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--dump-dom",
	}, append(more, "file://"+file)...)
	cmd := exec.CommandContext(ctx, path, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, &errs)
	}
	for line := range strings.Lines(errs.String()) {
		if strings.Contains(line, ":CONSOLE") {
			console += line
		}
	}
	return out.String(), console
}

var seen = regexp.MustCompile(`data-seen="([a-z]+):(\d+):(\d+)"`)

// charts checks that each of these charts shows curves.
func charts(t *testing.T, dom string, want ...string) {
	t.Helper()
	found := map[string][2]int{}
	for _, m := range seen.FindAllStringSubmatch(dom, -1) {
		ink, _ := strconv.Atoi(m[2])
		colours, _ := strconv.Atoi(m[3])
		found[m[1]] = [2]int{ink, colours}
	}
	for _, id := range want {
		if got := found[id]; got[0] < 200 || got[1] < 1 {
			t.Errorf("chart %s has %d coloured pixels in %d colours: it is empty", id, got[0], got[1])
		}
	}
	if len(found) != len(want) {
		t.Errorf("charts are %v; want %v", found, want)
	}
}

func TestPageInABrowser(t *testing.T) {
	r := made(t, 1)
	r.Capacity = &Capacity{Goal: "p99 ≤ 10ms", Knee: 2000, Steps: []Step{{Rate: 1000, P50: 1, P99: 2, P999: 3, Met: true}, {Rate: 2000, P50: 2, P99: 5, P999: 9, Met: true}, {Rate: 4000, P50: 20, P99: 50, P999: 90, Why: "p99 is 50 ms"}}}
	r.Violations = []judge.Violation{{Rule: judge.Body, Count: 2, Examples: []string{"share x: <script>alert(1)</script>"}}}
	var page bytes.Buffer
	if err := WritePage(&page, nil, r); err != nil {
		t.Fatal(err)
	}
	dom, console := chromium(t, page.Bytes())
	if console != "" {
		t.Errorf("the console says:\n%s", console)
	}
	charts(t, dom, "knee", "curve", "throughput", "over", "mix")
	if !strings.Contains(dom, "void: rules were broken") || strings.Contains(dom, "<script>alert") {
		t.Error("the page does not say that the run is void, or an example became a script")
	}
}

func TestComparisonInABrowser(t *testing.T) {
	a, b := made(t, 1), made(t, 1.5)
	c, err := Compare(a, b, .05, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Worse || c.Rows[1].Verdict != "worse" || c.Rows[1].Ratio < 1.4 || c.Rows[1].Ratio > 1.6 || c.Rows[1].Low > c.Rows[1].Ratio || c.Rows[1].High < c.Rows[1].Ratio {
		t.Errorf("p50 of a run that is 1.5 times as slow: %+v", c.Rows[1])
	}
	var page bytes.Buffer
	if err := WritePage(&page, c, a, b); err != nil {
		t.Fatal(err)
	}
	dom, console := chromium(t, page.Bytes())
	if console != "" {
		t.Errorf("the console says:\n%s", console)
	}
	charts(t, dom, "curve", "throughput", "over", "mix")
}

// A report without a single answer is still a page without errors.
func TestEmptyPageInABrowser(t *testing.T) {
	r := &Report{Format: format, Workload: "hot", Begun: time.Now()}
	if err := r.Measured(tally.New().Whole(), nil); err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := WritePage(&page, nil, r); err != nil {
		t.Fatal(err)
	}
	if _, console := chromium(t, page.Bytes()); console != "" {
		t.Errorf("the console says:\n%s", console)
	}
}

func TestSameRunIsNoWorse(t *testing.T) {
	c, err := Compare(made(t, 1), made(t, 1.01), .05, 1)
	if err != nil || c.Worse {
		t.Errorf("%v; worse: %+v", err, c)
	}
}

// The asset is the one that fetch.sh gets.
func TestAssetsAreThePinnedOnes(t *testing.T) {
	sums, err := os.ReadFile("assets/sha256sums")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		text, err := files.ReadFile("assets/" + name)
		sum := sha256.Sum256(text)
		if err != nil || hex.EncodeToString(sum[:]) != want {
			t.Errorf("assets/%s: %v; its digest is not the one in sha256sums", name, err)
		}
	}
}
