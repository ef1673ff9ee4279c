package main

import "testing"

func TestSlicesOf(t *testing.T) {
	for _, c := range []struct {
		name         string
		plan         [][]span
		count, bytes int64
	}{
		{"none", nil, 0, 0},
		{"within one", [][]span{{{1, 2}}}, 1, 4},
		{"to the boundary", [][]span{{{0, 4}}}, 1, 4},
		{"across it", [][]span{{{3, 2}}}, 2, 8},
		{"one slice twice", [][]span{{{0, 1}}, {{3, 1}}}, 1, 4},
		{"short last slice", [][]span{{{8, 2}}}, 1, 2},
	} {
		if count, bytes := slicesOf(c.plan, 4, 10); count != c.count || bytes != c.bytes {
			t.Errorf("%s: %d slices, %d bytes; want %d, %d", c.name, count, bytes, c.count, c.bytes)
		}
	}
}

func TestPercentile(t *testing.T) {
	if got := percentile([]float64{4, 1, 3, 2}, 50); got != 2 {
		t.Errorf("p50 = %v; want 2", got)
	}
	if got := percentile([]float64{4, 1, 3, 2}, 99); got != 4 {
		t.Errorf("p99 = %v; want 4", got)
	}
}

func TestGoalMet(t *testing.T) {
	for _, c := range []struct {
		goal goal
		met  bool
	}{{goal{Figure: 1, Want: 1, AtMost: true}, true}, {goal{Figure: 1.1, Want: 1, AtMost: true}, false}, {goal{Figure: 1.1, Want: 1}, true}, {goal{Figure: 0.9, Want: 1}, false}} {
		if c.goal.Met() != c.met {
			t.Errorf("%+v: met %v", c.goal, !c.met)
		}
	}
}
