package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rawlink/bench/report"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

func TestMain(m *testing.M) {
	code := testenv.Run(m,
		// The clock of fasthttp never ends, and its workers' sweeper only in its sleep.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
	testsystem.Clean()
	os.Exit(code)
}

// bench runs the program with a system as its target.
func bench(ctx context.Context, t *testing.T, s *testsystem.System, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(args, "--api", s.API, "--edge", strings.Join(s.Files, ","), "--key", s.Key)
	code = run(ctx, args, &stdout, &stderr)
	for _, secret := range []string{s.Key, "/s/"} {
		if strings.Contains(stdout.String()+stderr.String(), secret) {
			t.Errorf("the output holds a secret: %s%s", stdout.String(), stderr.String())
		}
	}
	return code, stdout.String(), stderr.String()
}

// generous is a system whose rate limits are not in the way of seeding.
func generous(t *testing.T) *testsystem.System {
	return testsystem.Embedded(t, "LIMIT_SHARES=0", "LIMIT_UPLOADS=0")
}

// nothingLeft checks that what was seeded is removed.
func nothingLeft(t *testing.T, s *testsystem.System, key string) {
	t.Helper()
	c := s.As(key)
	if spaces := c.Must(t, 200, "GET", "/spaces", nil); strings.Contains(string(spaces.Raw), "rawlink bench") {
		t.Errorf("a space is left: %s", spaces.Raw)
	}
	quota := c.Must(t, 200, "GET", "/quota", nil)
	if bytes, links := quota.Number("bytes_used"), quota.Number("links_used"); bytes != 0 || links != 0 {
		t.Errorf("%d bytes and %d links are left", bytes, links)
	}
}

// Every workload runs, breaks no rule, reports what it should, and cleans up.
func TestWorkloads(t *testing.T) {
	s := generous(t)
	for workload, c := range map[string]struct {
		flags    string
		outcomes string // that the report must have
		figure   string // that it must have, above 0
	}{
		"hot":         {"--rate 200", "hit", ""},
		"zipf":        {"--rate 200 --objects 8 --sizes 1KiB-64KiB", "hit", ""},
		"cold":        {"--rate 50 --objects 20 --sizes 4KiB", "miss", ""},
		"range":       {"--rate 40 --objects 2 --sizes 3MiB", "206", ""},
		"conditional": {"--rate 200 --objects 2", "hit 206 304", ""},
		"capped":      {"--rate 200 --links 4 --cap 20", "hit 410", "links used up"},
		"revoke":      {"--rate 100 --links 5 --every 100ms -d 5s", "hit 410", "links revoked"}, // each takes its time
		"herd":        {"--objects 2 --sizes 2MiB", "miss", ""},
		"mixed":       {"--rate 200 --objects 6 --sizes 1KiB-64KiB", "hit 206 304", ""},
		"abuse":       {"--rate 100 --objects 2 --sizes 1MiB", "206 404 left", ""},
		"api":         {"--rate 30 --objects 2", "done", "make link, p50"},
	} {
		t.Run(workload, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"run", workload, "-d", "1500ms", "-c", "8", "--verify", "1", "-o", dir, "--ops", s.Ops[0]}, strings.Fields(c.flags)...)
			code, out, errs := bench(t.Context(), t, s, args...)
			if code != 0 {
				t.Fatalf("exit code %d\n%s%s", code, out, errs)
			}
			r, err := report.Load(filepath.Join(dir, workload+".json"))
			if err != nil {
				t.Fatal(err)
			}
			found := map[string]bool{}
			for _, o := range r.Outcomes {
				found[o.Name] = true
			}
			for _, want := range strings.Fields(c.outcomes) {
				if !found[want] {
					t.Errorf("outcomes are %v; want %s among them", found, want)
				}
			}
			figure := c.figure == ""
			for _, f := range r.Figures {
				figure = figure || f.Name == c.figure && f.Value > 0
			}
			if !figure || r.Requests == 0 || r.Failed > 0 || r.Void() || workload != "api" && r.Checked == 0 {
				t.Errorf("figures %v; %d requests, %d failed, %d checked, void %v\n%s", r.Figures, r.Requests, r.Failed, r.Checked, r.Void(), out)
			}
			if len(r.Servers) != 1 || len(r.Servers[0].Facts) == 0 || len(r.Over) == 0 {
				t.Errorf("%d servers, %d seconds in the report", len(r.Servers), len(r.Over))
			}
			page, err := os.ReadFile(filepath.Join(dir, workload+".html"))
			if err != nil || bytes.Contains(page, []byte(s.Key)) || bytes.Contains(page, []byte(`src="http`)) {
				t.Errorf("the page: %v, or it holds the key or leans on the network", err)
			}
		})
	}
	nothingLeft(t, s, s.Key)
}

func TestCapacityAndConfigFile(t *testing.T) {
	s := generous(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(config, []byte("connections: 4\nfrom: 20\nto: 40\nstep: 1s\nlatency: 5s\nout: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := bench(t.Context(), t, s, "capacity", "hot", "--config", config)
	if code != 0 || !strings.Contains(out, "capacity: 40 requests/s") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if code, out, _ := bench(t.Context(), t, s, "capacity", "hot", "--config", config, "--latency", "1us"); code != exitMissed {
		t.Errorf("exit code %d for a goal that nobody meets; want %d\n%s", code, exitMissed, out)
	}
	if err := os.WriteFile(config, []byte("conections: 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := bench(t.Context(), t, s, "run", "hot", "--config", config); code != exitFailed || !strings.Contains(errs, `no flag is named "conections"`) {
		t.Errorf("exit code %d, %s", code, errs)
	}
	nothingLeft(t, s, s.Key)
}

func TestCompareGates(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, slower float64) string {
		r := &report.Report{Format: 1, Workload: "hot", Mode: "open", Requests: 1}
		for i := range 20 {
			s := report.Second{At: float64(i + 1), Span: 1, Counts: map[string]int64{"hit": 1000}, Lat: report.Latency{Count: 1000}}
			for k := range 100 {
				s.Bars = append(s.Bars, [2]int64{int64(float64(500+10*k+i%5) * slower), 10})
			}
			r.Over = append(r.Over, s)
		}
		path := filepath.Join(dir, name)
		where, err := r.Save(report.Place{JSON: path, HTML: path + ".html"})
		if err != nil {
			t.Fatal(err)
		}
		return where.JSON
	}
	a, same, worse := write("a.json", 1), write("same.json", 1.01), write("worse.json", 1.3)
	for b, want := range map[string]int{same: 0, worse: exitMissed} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"compare", a, b, "--html", filepath.Join(dir, "diff.html")}, &out, &errs); code != want {
			t.Errorf("compare with %s: exit code %d; want %d\n%s%s", filepath.Base(b), code, want, &out, &errs)
		}
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"compare", a, filepath.Join(dir, "none.json")}, &out, &errs); code != exitFailed || !strings.Contains(errs.String(), "there is no such file") {
		t.Errorf("a report that is not there: %d, %s", code, &errs)
	}
}

func TestModel(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"model", "--rate", "2e6"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "rate × (1 − l1_hits)") {
		t.Errorf("exit code %d\n%s%s", code, &out, &errs)
	}
	errs.Reset()
	if code := run(t.Context(), []string{"model", "--l1-hits", "2", "--edges", "0"}, &out, &errs); code != exitFailed || strings.Count(errs.String(), "bench: ") != 2 {
		t.Errorf("exit code %d; want both mistakes in a line each, got\n%s", code, &errs)
	}
}

// Large files are seeded in parts, as their tickets say.
func TestSeedsInParts(t *testing.T) {
	s := testsystem.Embedded(t, "UPLOAD_MULTIPART_FROM=6MB")
	code, out, errs := bench(t.Context(), t, s, "run", "range", "--rate", "10", "--objects", "1", "--sizes", "19MiB", "-d", "1s", "-c", "4", "--verify", "1", "-o", t.TempDir())
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	nothingLeft(t, s, s.Key)
}
