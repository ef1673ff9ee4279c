package check

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestDashboardsFit checks what Grafana would not complain of: panels that lie over
// one another or leave the grid, ids that are used twice, a data source that isn't
// the provisioned one, panels without a query.
func TestDashboardsFit(t *testing.T) {
	var provisioned struct{ Datasources []struct{ UID string } }
	if err := yaml.Unmarshal([]byte(read(t, "../grafana/provisioning/datasources/prometheus.yaml")), &provisioned); err != nil {
		t.Fatal(err)
	}
	uids := map[string]bool{}
	for _, d := range dashboards(t) {
		if uids[d.UID] || d.UID == "" || d.Title == "" {
			t.Errorf("%s: no title, or no uid of its own", d.name)
		}
		uids[d.UID] = true
		ids, cells := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: %q has the id of another panel", d.name, p.Title)
			}
			ids[p.ID] = true
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
				t.Errorf("%s: %q leaves the grid", d.name, p.Title)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if under := cells[[2]int{x, y}]; under != "" {
						t.Fatalf("%s: %q lies over %q", d.name, p.Title, under)
					}
					cells[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s: %q asks for nothing", d.name, p.Title)
			}
			for _, target := range p.Targets {
				if target.Datasource.UID != provisioned.Datasources[0].UID || strings.TrimSpace(target.Expr) == "" {
					t.Errorf("%s: %q asks %q for %q", d.name, p.Title, target.Datasource.UID, target.Expr)
				}
			}
		}
	}
}
