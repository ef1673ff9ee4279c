package main

import "testing"

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		want   spread
	}{
		{"none", nil, spread{}},
		{"one", []float64{2}, spread{2, 2, 2}},
		{"odd, unsorted", []float64{9, 1, 3}, spread{3, 1, 9}},
		{"even", []float64{4, 1, 2, 9}, spread{3, 1, 9}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
}

// A ratio is of one round; the ratio of two medians would be 2 here.
func TestRatiosAreOfNeighbours(t *testing.T) {
	rates := func(values ...float64) []*sample {
		var all []*sample
		for _, v := range values {
			all = append(all, &sample{Requests: v, Seconds: 1})
		}
		return all
	}
	got := ratios(rates(10, 40, 20), rates(10, 10, 40), (*sample).rate)
	if want := (spread{1, 0.5, 4}); got != want {
		t.Errorf("%v; want %v", got, want)
	}
}

func TestQuoteForNginx(t *testing.T) {
	if got, err := quote(`a "b" \c`); err != nil || got != `"a \"b\" \\c"` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := quote("$host"); err == nil {
		t.Error("a variable was let through")
	}
}
