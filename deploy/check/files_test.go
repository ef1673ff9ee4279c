package check

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"
)

// rule is an alert as Prometheus reads it.
type rule struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal([]byte(read(t, "../prometheus/rules.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// panel is a part of a dashboard.
type panel struct {
	ID         int
	Type       string
	Title      string
	GridPos    struct{ X, Y, W, H int }
	Datasource source
	Targets    []struct {
		Expr         string
		LegendFormat string
		Datasource   source
	}
	FieldConfig struct{ Defaults struct{ Unit string } }
}

type source struct{ Type, UID string }

type dashboard struct {
	name   string
	UID    string
	Title  string
	Panels []panel
}

func dashboards(t *testing.T) (all []dashboard) {
	t.Helper()
	paths, err := filepath.Glob("../grafana/dashboards/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, path := range paths {
		d := dashboard{name: filepath.Base(path)}
		if err := json.Unmarshal([]byte(read(t, path)), &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, d)
	}
	return all
}

// queries are all of them, by where they stand.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"prometheus/adapter.yml": read(t, "../prometheus/adapter.yml")}
	for _, r := range rules(t) {
		all["alert "+r.Alert] = r.Expr
	}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for i, target := range p.Targets {
				all[fmt.Sprintf("%s, %s, query %d", d.name, p.Title, i+1)] = target.Expr
			}
		}
	}
	return all
}
