package records

import (
	"context"
	"errors"
	"testing"
	"time"

	"rawlink/internal/share"
)

// layer is a cache or a truth that holds one record, or fails.
type layer struct {
	record share.Record
	found  bool
	err    error
	asked  int
	put    *share.Record
}

func (l *layer) Get(context.Context, share.Hash) (share.Record, bool, error) {
	l.asked++
	return l.record, l.found, l.err
}

func (l *layer) Put(_ context.Context, _ share.Hash, record share.Record) error {
	l.put = &record
	return l.err
}

func (l *layer) Record(context.Context, share.Hash) (share.Record, error) {
	l.asked++
	if l.err == nil && !l.found {
		return share.Record{}, share.E(share.NotFound, "look", nil)
	}
	return l.record, l.err
}

func TestLookup(t *testing.T) {
	t.Parallel()
	down := share.E(share.Unavailable, "look", errors.New("down"))
	old, fresh := share.Record{Version: 1}, share.Record{Version: 2}
	tests := []struct {
		name      string
		silence   time.Duration // since the last tick
		cache     layer
		truth     layer
		want      int64
		source    string
		wantErr   bool
		cacheRead bool
	}{
		{"in the cache", time.Second, layer{record: old, found: true}, layer{record: fresh, found: true}, 1, FromCache, false, true},
		{"not in the cache", time.Second, layer{}, layer{record: fresh, found: true}, 2, FromOrigin, false, true},
		{"cache down", time.Second, layer{err: down}, layer{record: fresh, found: true}, 2, FromOrigin, false, true},
		{"no ticks: the cache may be old", 5 * time.Second, layer{record: old, found: true}, layer{record: fresh, found: true}, 2, FromOrigin, false, false},
		{"no ticks and no origin", 5 * time.Second, layer{record: old, found: true}, layer{err: down}, 0, FromOrigin, true, false},
		{"unknown", time.Second, layer{}, layer{}, 0, FromOrigin, true, true},
	}
	for _, test := range tests {
		now := time.Unix(100, 0)
		l := New(&test.cache, &test.truth, 5*time.Second, func() time.Time { return now }, unmetered{})
		l.Verified(now.Add(-test.silence))
		got, err := l.Lookup(t.Context(), share.Hash{})
		if got.Record.Version != test.want || !test.wantErr && got.Source != test.source || (err != nil) != test.wantErr {
			t.Errorf("%s: Lookup = version %d from %s, %v; want %d from %s", test.name, got.Record.Version, got.Source, err, test.want, test.source)
		}
		if got.Source == FromCache && !got.AsOf.Equal(now.Add(-test.silence)) {
			t.Errorf("%s: true as of %v; want the last tick, %v before now", test.name, got.AsOf, test.silence)
		}
		if (test.cache.asked > 0) != test.cacheRead {
			t.Errorf("%s: cache asked %d times; want it asked: %v", test.name, test.cache.asked, test.cacheRead)
		}
		if fill := test.source == FromOrigin && !test.wantErr; fill != (test.cache.put != nil) {
			t.Errorf("%s: cache filled: %v; want %v", test.name, test.cache.put != nil, fill)
		}
	}
}

func TestNothingIsBelievedBeforeTheFirstTick(t *testing.T) {
	t.Parallel()
	cache, truth := layer{record: share.Record{Version: 1}, found: true}, layer{record: share.Record{Version: 2}, found: true}
	l := New(&cache, &truth, 5*time.Second, time.Now, unmetered{})
	if got, err := l.Lookup(t.Context(), share.Hash{}); err != nil || got.Record.Version != 2 {
		t.Errorf("Lookup = version %d, %v; want the origin's", got.Record.Version, err)
	}
}

// A machine's clock may be set back while no ticks come. What was read out of the cache
// is then still to be as old as it is: the tick's reading has to keep its monotonic part,
// which == compares.
func TestSettingTheClockBackMakesNothingYounger(t *testing.T) {
	t.Parallel()
	cache := layer{record: share.Record{Version: 1}, found: true}
	tick := time.Now()
	l := New(&cache, &layer{}, time.Minute, time.Now, unmetered{})
	l.Verified(tick)
	if got, err := l.Lookup(t.Context(), share.Hash{}); err != nil || got.AsOf != tick {
		t.Errorf("Lookup = as of %v, %v; want the tick's own reading, %v", got.AsOf, err, tick)
	}
}

// slowTruth answers after a while.
type slowTruth struct {
	layer
	pass func()
}

func (s *slowTruth) Record(ctx context.Context, hash share.Hash) (share.Record, error) {
	s.pass()
	return s.layer.Record(ctx, hash)
}

// A machine may be suspended between its question and the answer for longer than the
// cache remembers what is newer: its answer is served once, and not kept for all.
func TestLateAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	for took, kept := range map[time.Duration]bool{time.Second: true, time.Hour: false} {
		now, cache := time.Unix(1000, 0), layer{}
		truth := slowTruth{layer{record: share.Record{Version: 1}, found: true}, func() { now = now.Add(took) }}
		l := New(&cache, &truth, 5*time.Second, func() time.Time { return now }, unmetered{})
		if _, err := l.Lookup(t.Context(), share.Hash{}); err != nil || (cache.put != nil) != kept {
			t.Errorf("answered after %v: kept %v, %v; want %v", took, cache.put != nil, err, kept)
		}
	}
}

type unmetered struct{}

func (unmetered) Asked(string, string, time.Duration) {}
