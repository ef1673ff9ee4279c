package store

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// TestPurgesAreLogged has many purges race with readers who follow the log: each
// reader learns of every purge, whatever order they commit in.
func TestPurgesAreLogged(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		const files, writers, readers = 60, 6, 3
		want := map[string]bool{}
		var mu sync.Mutex
		var purging, following sync.WaitGroup
		done := make(chan struct{})
		followed := make([]map[string]bool, readers)
		for i := range followed {
			following.Go(func() { followed[i] = b.follow(t, done) })
		}
		for range writers {
			tenant := b.newTenant(t, Unlimited, Unlimited) // they don't wait for one another's row
			space, err := b.CreateSpace(t.Context(), tenant, "s", nil)
			if err != nil {
				t.Fatal(err)
			}
			one := &bench{Store: b.Store, clock: b.clock, tenant: tenant, space: space.ID}
			purging.Go(func() {
				for range files / writers {
					f := one.clean(t)
					if _, err := one.PurgeFile(t.Context(), tenant, f.ID); err != nil {
						t.Error(err)
					}
					mu.Lock()
					want[share.ObjectName(f.ID, f.Object.Version)] = true
					mu.Unlock()
				}
			})
		}
		purging.Wait()
		close(done)
		following.Wait()
		for i, got := range followed {
			if !maps.Equal(got, want) {
				t.Errorf("reader %d learnt of %d purges; want %d", i, len(got), len(want))
			}
		}
	})
}

// follow reads the log from its beginning until done, and then to its end.
func (b *bench) follow(t *testing.T, done <-chan struct{}) map[string]bool {
	names := map[string]bool{}
	for last, over := int64(0), false; ; {
		select {
		case <-done:
			over = true
		default:
		}
		log, err := b.Purged(t.Context(), last)
		if err != nil || log.Lost {
			t.Errorf("purged = %+v, %v", log, err)
			return names
		}
		for _, name := range log.Objects {
			names[name] = true
		}
		last = log.Last
		if over && !log.More {
			return names
		}
	}
}

// TestPurgeLogEnds: who was away for longer than the log is kept is told so.
func TestPurgeLogEnds(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		purged := func() string {
			f := b.clean(t)
			if _, err := b.PurgeFile(t.Context(), b.tenant, f.ID); err != nil {
				t.Fatal(err)
			}
			return share.ObjectName(f.ID, f.Object.Version)
		}
		since := func(after int64) share.Purges {
			log, err := b.Purged(t.Context(), after)
			if err != nil {
				t.Fatal(err)
			}
			return log
		}
		purged()
		purged()
		b.clock.add(KeepPurges - time.Hour)
		last := purged()
		b.clock.add(2 * time.Hour)
		n1, err1 := b.SweepPurges(t.Context(), 1)
		n2, err2 := b.SweepPurges(t.Context(), 100)
		n3, err3 := b.SweepPurges(t.Context(), 100)
		if n1 != 1 || n2 != 1 || n3 != 0 || errors.Join(err1, err2, err3) != nil {
			t.Errorf("swept %d, %d, %d, %v; want 1, 1, 0", n1, n2, n3, errors.Join(err1, err2, err3))
		}
		for _, after := range []int64{-1, 0, 1, 4} { // too long ago, or of another database
			if log := since(after); !log.Lost || log.Last != 3 || len(log.Objects) > 0 {
				t.Errorf("after %d: %+v; want it lost, and 3 to go on from", after, log)
			}
		}
		if log := since(2); log.Lost || log.Last != 3 || !slices.Equal(log.Objects, []string{last}) {
			t.Errorf("after 2: %+v; want %s", log, last)
		}
		if log := since(3); log.Lost || log.Last != 3 || len(log.Objects) > 0 {
			t.Errorf("after 3: %+v; want nothing", log)
		}
	})
}

func TestPurgeLogComesInPages(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		for range maxPurges + 1 {
			f := b.upload(t, 1)
			if _, err := b.PurgeFile(t.Context(), b.tenant, f.ID); err != nil {
				t.Fatal(err)
			}
		}
		first, err1 := b.Purged(t.Context(), 0)
		second, err2 := b.Purged(t.Context(), first.Last)
		if len(first.Objects) != maxPurges || !first.More || len(second.Objects) != 1 || second.More || errors.Join(err1, err2) != nil {
			t.Errorf("pages of %d (more: %t) and %d (more: %t), %v", len(first.Objects), first.More, len(second.Objects), second.More, errors.Join(err1, err2))
		}
	})
}
