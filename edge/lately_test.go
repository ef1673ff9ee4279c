package edge

import (
	"testing"
	"time"
)

func TestLately(t *testing.T) {
	start := time.Unix(1e9, 0)
	l := newLately[int](100, time.Minute)
	left := func(what string, key int, now, want time.Duration) {
		t.Helper()
		if got := l.left(key, start.Add(now)); got != want {
			t.Errorf("%s: %v left; want %v", what, got, want)
		}
	}
	left("never kept", 1, 0, 0)
	l.keep(1, start, time.Minute)
	left("kept", 1, time.Second, 59*time.Second)
	l.keep(1, start.Add(2*time.Second), time.Second)
	left("kept for less afterwards", 1, 2*time.Second, 58*time.Second)
	l.keep(1, start.Add(30*time.Second), time.Minute)
	left("kept for more", 1, 30*time.Second, time.Minute)
	left("over", 1, 90*time.Second, 0)
	left("after the clock was set back", 1, -time.Hour, 0)
	l.keep(1, start.Add(-time.Hour), time.Second)
	left("kept after that", 1, -time.Hour, time.Second)
}

// What is over goes first; then whatever it is, so that nobody can fill memory.
func TestLatelyIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := newLately[int](100, time.Minute)
	for key := range 60 {
		l.keep(key, now, time.Second)
	}
	now = now.Add(time.Second)
	for key := range 90 {
		l.keep(1000+key, now, time.Minute)
	}
	for key := range 90 {
		if l.left(1000+key, now) == 0 {
			t.Fatalf("%d of 90 was forgotten for what is over", key)
		}
	}
	for key := range 10_000 {
		l.keep(key, now, time.Minute)
		if len(l.ends) > 100 || l.left(key, now) == 0 {
			t.Fatalf("%d keys, the latest with %v left", len(l.ends), l.left(key, now))
		}
	}
}
