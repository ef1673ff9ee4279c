package cache

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var errNo = errors.New("no such record")

// source is a fake that counts and can be held.
type source struct {
	load func(ctx context.Context, key string) (int, error)
	asOf time.Time // what it says of its answers' age
}

func (s *source) fill(ctx context.Context, key string) (int, time.Time, error) {
	value, err := s.load(ctx, key)
	return value, s.asOf, err
}

func mustRecords(tb testing.TB, now func() time.Time, s *source) *Records[string, int] {
	tb.Helper()
	r, err := New(Config[string, int]{
		Load:        s.fill,
		LoadTimeout: 10 * time.Second,
		Refusal:     func(err error) bool { return errors.Is(err, errNo) },
		RefusalTTL:  time.Second,
		MaxBytes:    1 << 20,
		MaxStale:    5 * time.Second,
		ServeStale:  60 * time.Second,
		Now:         now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func mustFill(tb testing.TB, r *Records[string, int], key string) int {
	tb.Helper()
	v, err := r.Fill(context.Background(), key)
	if err != nil {
		tb.Fatalf("Fill(%q): %v", key, err)
	}
	r.Wait()
	return v
}

func TestRecordFreshness(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	tests := []struct {
		name    string
		happens func(*Records[string, int])
		now     time.Time
		want    State
	}{
		{"at once", nil, at(0), Hit},
		{"last moment of MaxStale", nil, at(4.999), Hit},
		{"MaxStale over", nil, at(5), Stale},
		{"ServeStale nearly over", nil, at(59.999), Stale},
		{"ServeStale over", nil, at(60), Miss},
		{"tick prolongs", func(r *Records[string, int]) { r.Verified(at(100)) }, at(104), Hit},
		{"tick prolongs stale use", func(r *Records[string, int]) { r.Verified(at(100)) }, at(159), Stale},
		{"invalidated", func(r *Records[string, int]) { r.Invalidate("k") }, at(0), Miss},
		{"invalidated, tick", func(r *Records[string, int]) { r.Invalidate("k"); r.Verified(at(1)) }, at(1), Miss},
		{"gap", func(r *Records[string, int]) { r.InvalidateAll() }, at(0), Stale},
		{"gap, tick", func(r *Records[string, int]) { r.InvalidateAll(); r.Verified(at(50)) }, at(51), Stale},
		{"gap, ticks don't prolong", func(r *Records[string, int]) { r.InvalidateAll(); r.Verified(at(50)) }, at(61), Miss},
		{"tick, gap: stale from the last tick before it",
			func(r *Records[string, int]) { r.Verified(at(100)); r.InvalidateAll(); r.Verified(at(120)) }, at(159), Stale},
		{"tick, gap: and no longer",
			func(r *Records[string, int]) { r.Verified(at(100)); r.InvalidateAll(); r.Verified(at(120)) }, at(160), Miss},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &source{load: func(context.Context, string) (int, error) { return 1, nil }}
			r := mustRecords(t, func() time.Time { return start }, s)
			mustFill(t, r, "k")
			if tt.happens != nil {
				tt.happens(r)
			}
			if _, got, err := r.Get("k", tt.now); got != tt.want || err != nil {
				t.Errorf("Get = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestRefusalIsShort(t *testing.T) {
	now := time.Unix(1000, 0)
	s := &source{load: func(context.Context, string) (int, error) { return 0, errNo }}
	r := mustRecords(t, func() time.Time { return now }, s)
	if _, err := r.Fill(context.Background(), "k"); !errors.Is(err, errNo) {
		t.Fatalf("Fill: %v; want the refusal", err)
	}
	r.Wait()
	if _, got, err := r.Get("k", now.Add(999*time.Millisecond)); got != Hit || !errors.Is(err, errNo) {
		t.Errorf("remembered refusal: %v, %v; want hit", got, err)
	}
	r.Verified(now.Add(time.Minute)) // a tick prolongs values, not refusals
	if _, got, _ := r.Get("k", now.Add(time.Second)); got != Miss {
		t.Errorf("after its life: %v; want miss", got)
	}
	r.Invalidate("k")
	if _, got, _ := r.Get("k", now); got != Miss {
		t.Errorf("after invalidation: %v; want miss", got)
	}
}

func TestFailureIsNotRemembered(t *testing.T) {
	s := &source{load: func(context.Context, string) (int, error) { return 0, errors.New("down") }}
	r := mustRecords(t, nil, s)
	if _, err := r.Fill(context.Background(), "k"); err == nil {
		t.Fatal("want an error")
	}
	r.Wait()
	if _, got, _ := r.Get("k", time.Now()); got != Miss {
		t.Errorf("Get = %v; want miss", got)
	}
}

// A fill reads the old value; the invalidation arrives before the fill ends.
func TestSlowFillNeverBeatsAnInvalidation(t *testing.T) {
	var asked atomic.Int64
	entered, release := make(chan struct{}, 2), make(chan struct{})
	s := &source{load: func(context.Context, string) (int, error) {
		value := min(int(asked.Add(1)), 2) // the first to ask reads the old one
		entered <- struct{}{}
		<-release
		return value, nil
	}}
	r := mustRecords(t, nil, s)
	got := make(chan int)
	fill := func() {
		v, err := r.Fill(context.Background(), "k")
		if err != nil {
			t.Error(err)
		}
		got <- v
	}
	go fill()
	<-entered // it has taken its stamp and is reading the source

	r.Invalidate("k")
	go fill() // comes after the invalidation: must not join
	<-entered
	close(release) // in any order; whoever held the old stamp asks again
	for range 2 {
		<-got
	}
	r.Wait()
	s.load = func(context.Context, string) (int, error) { return 2, nil }
	if v, state, _ := r.Get("k", time.Now()); state == Hit && v != 2 {
		t.Errorf("the cache believes %d; want 2 or nothing", v)
	}
}

// The same, told from the requester's side: the answer is the new one.
func TestFillAsksAgainWhenOvertaken(t *testing.T) {
	var r *Records[string, int]
	asked := 0
	s := &source{load: func(context.Context, string) (int, error) {
		if asked++; asked == 1 {
			r.Invalidate("k")
			return 1, nil
		}
		return 2, nil
	}}
	r = mustRecords(t, nil, s)
	if v := mustFill(t, r, "k"); v != 2 || asked != 2 {
		t.Errorf("Fill = %d after %d questions; want 2 after 2", v, asked)
	}
	s.load = func(context.Context, string) (int, error) { r.Invalidate("k"); return 3, nil }
	if _, err := r.Fill(context.Background(), "k"); !errors.Is(err, ErrUnsettled) {
		t.Errorf("endless invalidation: %v; want ErrUnsettled", err)
	}
}

// late is a context that has ended when it is asked, and at which nobody waited.
type late struct{ context.Context }

func (late) Done() <-chan struct{} { return nil }
func (late) Err() error            { return context.DeadlineExceeded }

// An answer that was overtaken isn't given either to a requester whose time is over.
func TestOvertakenAtTheEndOfItsTime(t *testing.T) {
	var r *Records[string, int]
	r = mustRecords(t, nil, &source{load: func(context.Context, string) (int, error) { r.Invalidate("k"); return 1, nil }})
	if v, err := r.Fill(late{context.Background()}, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fill = %d, %v; want the end of its time", v, err)
	}
}

// Whatever is filled, invalidated and looked up in whatever order, a hit is
// the source's value as of the key's latest invalidation.
func TestHitIsNeverOlderThanItsInvalidation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Unix(1000, 0)
		truth := map[string]int{}
		s := &source{load: func(_ context.Context, key string) (int, error) { return truth[key], nil }}
		r, err := New(Config[string, int]{
			Load: s.fill, LoadTimeout: time.Second, MaxBytes: 1 << 16,
			MaxStale: 5 * time.Second, ServeStale: time.Minute, Now: func() time.Time { return now },
		})
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		keys := rapid.SampledFrom([]string{"a", "b", "c"})
		rt.Repeat(map[string]func(*rapid.T){
			"fill":   func(rt *rapid.T) { _, _ = r.Fill(context.Background(), keys.Draw(rt, "key")); r.Wait() },
			"change": func(rt *rapid.T) { k := keys.Draw(rt, "key"); truth[k]++; r.Invalidate(k) },
			"miss a change": func(rt *rapid.T) {
				truth[keys.Draw(rt, "key")]++
				r.InvalidateAll()
			},
			"tick": func(*rapid.T) { r.Verified(now) },
			"wait": func(rt *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(1, 7).Draw(rt, "s")) * time.Second) },
			"": func(rt *rapid.T) {
				for k, want := range truth {
					if v, state, _ := r.Get(k, now); state == Hit && v != want {
						rt.Fatalf("hit %q = %d; want %d", k, v, want)
					}
				}
			},
		})
	})
}

// An answer that was old when it came is not fresher for having come now.
func TestAnOldAnswerStaysOld(t *testing.T) {
	start := time.Unix(1000, 0)
	s := &source{load: func(context.Context, string) (int, error) { return 1, nil }, asOf: start.Add(-4 * time.Second)}
	r := mustRecords(t, func() time.Time { return start }, s)
	mustFill(t, r, "k")
	for after, want := range map[time.Duration]State{999 * time.Millisecond: Hit, time.Second: Stale, 56 * time.Second: Miss} {
		if _, got, _ := r.Get("k", start.Add(after)); got != want {
			t.Errorf("%v after the fill: %v; want %v", after, got, want)
		}
	}
	r.Verified(start) // a tick vouches for it as for any other
	if _, got, _ := r.Get("k", start.Add(4*time.Second)); got != Hit {
		t.Errorf("after a tick: %v; want hit", got)
	}
}

// What is asked for so often that it stands in front is as fresh as the rest.
func TestHotKeysAreRefilled(t *testing.T) {
	now := time.Unix(1000, 0)
	loads := 0
	s := &source{load: func(context.Context, string) (int, error) { loads++; return loads, nil }}
	r := mustRecords(t, func() time.Time { return now }, s)
	for want := 1; want < 4; want++ {
		if got := mustFill(t, r, "k"); got != want {
			t.Fatalf("fill %d brought %d", want, got)
		}
		for range 3 * sample {
			if got, state, _ := r.Get("k", now); got != want || state != Hit {
				t.Fatalf("after fill %d: %d, %v; want a hit", want, got, state)
			}
		}
		now = now.Add(5 * time.Second)
		if _, state, _ := r.Get("k", now); state != Stale {
			t.Fatalf("five seconds after fill %d: %v; want stale", want, state)
		}
	}
	r.Invalidate("k")
	for range 3 * sample {
		if _, state, _ := r.Get("k", now); state != Miss {
			t.Fatalf("invalidated: %v; want a miss", state)
		}
	}
}

// Several keys share each place in front: none is ever answered with another's
// value, and what is asked for again is found there.
func TestFrontKeepsKeysApart(t *testing.T) {
	s := &source{load: func(_ context.Context, key string) (int, error) { return strconv.Atoi(key) }}
	r := mustRecords(t, time.Now, s)
	const keys = fronts / 2
	for k := range keys {
		mustFill(t, r, strconv.Itoa(k))
	}
	for range 2 {
		for k := range keys {
			if got, state, _ := r.Get(strconv.Itoa(k), time.Now()); state != Miss && got != k {
				t.Fatalf("key %d: %d", k, got)
			}
		}
	}
	var taken int
	for i := range r.front {
		if r.front[i].entry.Load() != nil {
			taken++
		}
	}
	if taken < keys/2 {
		t.Errorf("%d places in front are taken by %d keys", taken, keys)
	}
}

// Refusals take room too: a flood of unknown keys stays within the bound.
func TestRefusalsAreBounded(t *testing.T) {
	const room = 200
	r, err := New(Config[string, int]{
		Load:        func(context.Context, string) (int, time.Time, error) { return 0, time.Time{}, errNo },
		LoadTimeout: 10 * time.Second, Refusal: func(error) bool { return true }, RefusalTTL: time.Hour,
		MaxBytes: room * entryOverhead, MaxStale: time.Hour, ServeStale: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	var kept int
	for k := range 10 * room {
		_, _ = r.Fill(t.Context(), strconv.Itoa(k))
		r.Wait()
	}
	for k := range 10 * room {
		if _, state, _ := r.Get(strconv.Itoa(k), time.Now()); state == Hit {
			kept++
		}
	}
	if kept > room || kept == 0 {
		t.Errorf("%d refusals are held; want some, and %d at most", kept, room)
	}
}
