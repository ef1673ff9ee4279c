package pace

import (
	"context"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func all(t *testing.T, text string, span time.Duration, arrivals Arrivals, burst int) []time.Duration {
	t.Helper()
	rates, err := ParseRates(text, span)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(rates, arrivals, burst, 7)
	if err != nil {
		t.Fatal(err)
	}
	var starts []time.Duration
	for at, ok := plan.Next(); ok; at, ok = plan.Next() {
		if len(starts) > 0 && at < starts[len(starts)-1] {
			t.Fatalf("start %d is due at %v, before the one before it", len(starts), at)
		}
		starts = append(starts, at)
	}
	return starts
}

func TestEvenArrivals(t *testing.T) {
	starts := all(t, "1000", 2*time.Second, Even, 0)
	if len(starts) != 2000 {
		t.Fatalf("%d starts; want 2000", len(starts))
	}
	for i, at := range starts {
		if want := time.Duration(i) * time.Millisecond; (at - want).Abs() > time.Microsecond {
			t.Fatalf("start %d is due at %v; want %v", i, at, want)
		}
	}
}

func TestStepsAndRamps(t *testing.T) {
	between := func(starts []time.Duration, from, to time.Duration) (n int) {
		for _, at := range starts {
			if at >= from && at < to {
				n++
			}
		}
		return n
	}
	steps := all(t, "100,300", 2*time.Second, Even, 0)
	if a, b := between(steps, 0, time.Second), between(steps, time.Second, 2*time.Second); a != 100 || b != 300 {
		t.Errorf("steps gave %d and %d starts; want 100 and 300", a, b)
	}
	ramp := all(t, "100..300", 2*time.Second, Even, 0)
	if a, b := between(ramp, 0, time.Second), between(ramp, time.Second, 2*time.Second); a < 149 || a > 151 || b < 249 || b > 251 {
		t.Errorf("the ramp gave %d and %d starts; want 150 and 250", a, b)
	}
	down := all(t, "300..100", 2*time.Second, Even, 0)
	if a := between(down, 0, time.Second); a < 249 || a > 251 {
		t.Errorf("the ramp down began with %d starts; want 250", a)
	}
}

func TestPoissonArrivals(t *testing.T) {
	starts := all(t, "1000", 60*time.Second, Poisson, 0)
	var sum, squares float64
	last := time.Duration(0)
	for _, at := range starts {
		gap := (at - last).Seconds()
		sum, squares, last = sum+gap, squares+gap*gap, at
	}
	n := float64(len(starts))
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-.001) > .00003 || math.Abs(deviation/mean-1) > .03 {
		t.Errorf("gaps have mean %.6f s and deviation %.6f s; want both 0.001", mean, deviation)
	}
}

func TestBursts(t *testing.T) {
	starts := all(t, "100", time.Second, Bursts, 25)
	at := map[time.Duration]int{}
	for _, start := range starts {
		at[start]++
	}
	if len(starts) != 100 || len(at) != 4 || at[250*time.Millisecond] != 25 {
		t.Errorf("bursts are %v; want 4 of 25", at)
	}
}

func TestParseRatesRefuses(t *testing.T) {
	for _, text := range []string{"", "0", "-5", "a", "1..", "1,,2", "NaN", "1e12"} {
		if _, err := ParseRates(text, time.Second); err == nil {
			t.Errorf("rate %q was taken", text)
		}
	}
}

func TestClock(t *testing.T) {
	clock, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	defer clock.Close()
	at := time.Now().Add(80 * time.Millisecond)
	if err := clock.Until(t.Context(), at); err != nil || time.Until(at) > nap {
		t.Errorf("Until returned %v, %v early", err, time.Until(at))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := clock.Until(ctx, time.Now().Add(time.Hour)); err == nil {
		t.Error("Until outlived its context")
	}
}
