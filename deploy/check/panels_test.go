//go:build deploycheck

package check

import (
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

var pictures = flag.String("pictures", "", "folder for a page of each dashboard as the run filled it")

// quiet are the panels that only a fault, an attack or a setting fills.
var quiet = []string{
	"edge.json, Memory", // read from /proc, which the images' file systems have only under Docker
	"edge.json, Passwords",
	"ledger-bus.json, CDN: oldest purge",
}

// drawn is a panel with what Prometheus said to its queries.
type drawn struct {
	panel
	Series []series
}

type series struct {
	Name   string
	Points [][2]any // when, in seconds, and how much, as text
}

// TestPanelsShowSomething works the topology for as long as rates need and asks
// Prometheus what each panel of each dashboard would: none may be empty.
func TestPanelsShowSomething(t *testing.T) {
	p := startTopology(t)
	began := time.Now()
	p.work(p.newKey(), 3*time.Minute)
	for _, d := range dashboards(t) {
		var all []drawn
		for _, one := range d.Panels {
			filled := drawn{panel: one}
			for _, target := range one.Targets {
				filled.Series = append(filled.Series, p.series(target.Expr, target.LegendFormat, began)...)
			}
			if name := d.name + ", " + one.Title; one.Type != "row" && len(filled.Series) == 0 && !slices.Contains(quiet, name) {
				t.Errorf("%s: is empty", name)
			}
			all = append(all, filled)
		}
		if *pictures != "" {
			draw(t, filepath.Join(*pictures, strings.TrimSuffix(d.name, ".json")+".html"), d.Title, all)
		}
	}
}

// work runs loads side by side: downloads of all kinds, caps, revocations, the API.
func (p *topology) work(key string, span time.Duration) {
	loads := map[string][]string{
		"mixed":  {"--rate", "50..400", "--objects", "60"},
		"capped": {"--rate", "30", "--links", "30", "--cap", "100"},
		"revoke": {"--rate", "20", "--links", "40", "--every", "3s"},
		"api":    {"--rate", "5"},
	}
	env := []string{"BENCH_KEY=" + key, "SSL_CERT_FILE=" + p.authority()}
	for workload, flags := range loads {
		cmd := p.net.command("prometheus", env, append([]string{testsystem.Binary(p.t, "bench"), "run", workload,
			"--duration", span.String(), "--out", p.folder("bench"), "--api", "https://api.localhost",
			"--edge", "http://edge-1:8081", "--edge", "http://edge-2:8081", "--edge", "http://edge-3:8081"}, flags...)...)
		p.start(workload, cmd)
	}
	for workload := range loads {
		if err := p.running[workload].Wait(); err != nil {
			p.t.Errorf("bench run %s: %v", workload, err)
		}
		delete(p.running, workload)
	}
}

// series asks as Grafana does, and names what comes as Grafana would.
func (p *topology) series(query, legend string, since time.Time) (all []series) {
	query = strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(query)
	var answer struct {
		Status string
		Error  string
		Data   struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	ask := url.Values{"query": {query}, "step": {"5"}, "start": {fmt.Sprint(since.Unix())}, "end": {fmt.Sprint(time.Now().Unix())}}
	if err := p.ask("query_range?"+ask.Encode(), &answer); err != nil || answer.Status != "success" {
		p.t.Fatalf("%s: %v %s", query, err, answer.Error)
	}
	for _, one := range answer.Data.Result {
		name := legend
		for label, value := range one.Metric {
			name = strings.ReplaceAll(name, "{{"+label+"}}", value)
		}
		if hasNumber(one.Values) {
			all = append(all, series{name, one.Values})
		}
	}
	slices.SortFunc(all, func(a, b series) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func hasNumber(points [][2]any) bool {
	return slices.ContainsFunc(points, func(at [2]any) bool { return at[1] != "NaN" })
}

// draw writes a page with the panels where Grafana has them.
func draw(t *testing.T, path, title string, panels []drawn) {
	t.Helper()
	data, err := json.Marshal(panels)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page := template.Must(template.ParseFiles("panels.html"))
	err = page.Execute(file, map[string]any{
		"Title":  title,
		"Style":  template.CSS(read(t, "../../bench/report/assets/uPlot.min.css")),
		"Script": template.JS(read(t, "../../bench/report/assets/uPlot.iife.min.js")),
		"Panels": template.JS(data),
	})
	if err != nil {
		t.Fatal(err)
	}
}
