package storecontract

import (
	"context"
	"crypto/rand"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rawlink/internal/share"
)

// RecordStore is the shared cache of records.
type RecordStore interface {
	Put(ctx context.Context, h share.Hash, rec share.Record) error
	Get(ctx context.Context, h share.Hash) (share.Record, bool, error)
}

// Records checks a RecordStore. open returns one in which records live as long
// as the first duration says, and tombstones as the second.
func Records(t *testing.T, open func(t *testing.T, life, tombstone time.Duration) RecordStore) {
	t.Helper()
	s := open(t, time.Hour, time.Hour)
	t.Run("keeps what was put", func(t *testing.T) { keepsRecord(t, s) })
	t.Run("newest wins", func(t *testing.T) { newestWins(t, s) })
	t.Run("newest wins a race", func(t *testing.T) { newestWinsRace(t, s) })
	t.Run("lives", func(t *testing.T) { recordsExpire(t, open(t, 300*time.Millisecond, time.Hour)) })
}

func keepsRecord(t *testing.T, s RecordStore) {
	h := randomHash()
	if got, ok, err := s.Get(t.Context(), h); ok || err != nil {
		t.Fatalf("nothing put: %+v, %v, %v", got, ok, err)
	}
	want := share.Record{
		Version: 3, ShareID: "s", FileID: "f", TenantID: "t", Permission: share.View,
		ExpiresAt: 1, MaxDownloads: 2, Exhausted: true, PasswordHash: "p", Confirm: true, Scan: share.Clean,
		Object: share.Object{Key: "k", Version: "v", Size: 4, SHA256: "d"},
		Name:   "naïve\x00\n.txt", MIME: "text/plain", Modified: 5,
	}
	mustPut(t, s, h, want)
	if got, ok, err := s.Get(t.Context(), h); got != want || !ok || err != nil {
		t.Errorf("Get = %+v, %v, %v; want %+v", got, ok, err, want)
	}
	if _, ok, _ := s.Get(t.Context(), randomHash()); ok {
		t.Error("another hash has a record")
	}
	if err := s.Put(t.Context(), h, share.Record{Version: -1}); share.KindOf(err) != share.Invalid {
		t.Errorf("negative version: %v; want Invalid", err)
	}
}

func newestWins(t *testing.T, s RecordStore) {
	tests := []struct {
		name string
		puts []share.Record
		want int // index of the put that is held in the end
	}{
		{"newer over older", []share.Record{{Version: 1}, {Version: 2}}, 1},
		{"older over newer", []share.Record{{Version: 2}, {Version: 1}}, 0},
		{"zero over one", []share.Record{{Version: 1}, {Version: 0}}, 0},
		{"9 over 10", []share.Record{{Version: 10}, {Version: 9}}, 0},
		{"live over a newer tombstone", []share.Record{{Version: 7, Revoked: true}, {Version: 6}}, 0},
		{"live over a newer removal", []share.Record{{Version: 7, Gone: true}, {Version: 6}}, 0},
		{"restored after removal", []share.Record{{Version: 7, Gone: true}, {Version: 8}}, 1},
		{"beyond a float's precision, up", []share.Record{{Version: 1 << 53}, {Version: 1<<53 + 1}}, 1},
		{"beyond a float's precision, down", []share.Record{{Version: 1<<53 + 1}, {Version: 1 << 53}}, 0},
		{"largest", []share.Record{{Version: math.MaxInt64}, {Version: math.MaxInt64 - 1}}, 0},
	}
	for _, tt := range tests {
		h := randomHash()
		for _, rec := range tt.puts {
			mustPut(t, s, h, rec)
		}
		if got, ok, err := s.Get(t.Context(), h); got != tt.puts[tt.want] || !ok || err != nil {
			t.Errorf("%s: Get = %+v, %v, %v; want %+v", tt.name, got, ok, err, tt.puts[tt.want])
		}
	}
}

// newestWinsRace lets several put versions in any order at once, some of them
// tombstones: readers never see a version fall, and the largest stays.
func newestWinsRace(t *testing.T, s RecordStore) {
	rapid.Check(t, func(rt *rapid.T) {
		versions := rapid.SliceOfN(rapid.Int64Range(0, 40), 2, 24).Draw(rt, "versions")
		h := randomHash()
		var wg sync.WaitGroup
		for chunk := range slices.Chunk(versions, 6) {
			wg.Go(func() {
				seen := int64(-1)
				for _, v := range chunk {
					rec := share.Record{Version: v, Revoked: v%2 == 1} // the version decides the content
					if err := s.Put(t.Context(), h, rec); err != nil {
						rt.Errorf("put %d: %v", v, err)
					}
					got, ok, err := s.Get(t.Context(), h)
					if !ok || err != nil || got.Version < max(v, seen) || got.Revoked != (got.Version%2 == 1) {
						rt.Errorf("after %d, having seen %d: %+v, %v, %v", v, seen, got, ok, err)
					}
					seen = got.Version
				}
			})
		}
		wg.Wait()
		if got, _, _ := s.Get(t.Context(), h); got.Version != slices.Max(versions) {
			rt.Errorf("version %d is left of %v", got.Version, versions)
		}
	})
}

func recordsExpire(t *testing.T, s RecordStore) {
	live, revoked, gone := randomHash(), randomHash(), randomHash()
	mustPut(t, s, revoked, share.Record{Version: 1, Revoked: true})
	mustPut(t, s, gone, share.Record{Version: 1, Gone: true})
	mustPut(t, s, live, share.Record{Version: 1})
	await(t, "the live record's end", func() bool {
		_, ok, err := s.Get(t.Context(), live)
		return !ok && err == nil
	})
	for _, h := range []share.Hash{revoked, gone} {
		if _, ok, err := s.Get(t.Context(), h); !ok || err != nil {
			t.Errorf("a tombstone ended with the records: %v, %v", ok, err)
		}
	}
}

func mustPut(tb testing.TB, s RecordStore, h share.Hash, rec share.Record) {
	tb.Helper()
	if err := s.Put(tb.Context(), h, rec); err != nil {
		tb.Fatalf("put version %d: %v", rec.Version, err)
	}
}

func randomHash() (h share.Hash) {
	_, _ = rand.Read(h[:])
	return h
}

// await polls until done, for ten seconds at most.
func await(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}
