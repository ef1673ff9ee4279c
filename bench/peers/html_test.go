package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPageShowsEveryRatio makes up a run and looks for what people would.
func TestPageShowsEveryRatio(t *testing.T) {
	var samples []*sample
	for round := 1; round <= 3; round++ {
		for _, c := range cases {
			for i, name := range append([]string{nameEdge}, peers...) {
				samples = append(samples, &sample{
					Case: c.name, Server: name, Round: round, Requests: float64(90_000 - 20_000*i + 1000*round), Bytes: 1e9,
					Seconds: 1, ServerCPU: .9 + .02*float64(i), ClientCPU: .8, P50: 1, P99: 4,
				})
			}
		}
	}
	file := filepath.Join(t.TempDir(), "RESULTS.md")
	o := &options{results: file, rounds: 3, connections: 64}
	if err := writeReport(o, []fact{{"CPU", "one <of> them"}}, cases, nil, results{Samples: samples}, t.Output()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(beside(file))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	if n := strings.Count(page, "<figure>"); n != len(cases) {
		t.Errorf("%d charts; want %d", n, len(cases))
	}
	if n := strings.Count(page, "<circle"); n != 2+2*len(cases)*len(peers) {
		t.Errorf("%d marks; want two for each peer and case, and two that explain them", n)
	}
	if bad := regexp.MustCompile(`(src|href)="[^d]|NaN|Inf|<of>`).FindString(page); bad != "" {
		t.Errorf("the page holds %q", bad)
	}
	for _, want := range []string{"1.28 (1.27–1.28)", "one &lt;of&gt; them", "missed", `class="missed"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
