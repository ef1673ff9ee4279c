package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// drift returns what the tenant's counters say beyond what its rows add up to.
func (b *bench) drift(t *testing.T, tenant string) (stored, reserved int64) {
	t.Helper()
	err := b.db.Read().QueryRowContext(t.Context(), `SELECT
			bytes_stored - (SELECT COALESCE(SUM(size), 0) FROM files WHERE tenant_id = $1),
			bytes_reserved - (SELECT COALESCE(SUM(size), 0) FROM uploads WHERE tenant_id = $1)
		FROM tenants WHERE id = $1`, tenant).Scan(&stored, &reserved)
	if err != nil {
		t.Fatal(err)
	}
	return stored, reserved
}

// TestQuotaIsExactUnderConcurrency lets uploads be reserved, completed twice,
// aborted, trashed, restored and purged against a tight limit, all at once.
func TestQuotaIsExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		const limit, size = 500, 100 // room for five of eight workers
		b.tenant = b.newTenant(t, limit, Unlimited)
		space, err := b.CreateSpace(t.Context(), b.tenant, "tight", nil)
		if err != nil {
			t.Fatal(err)
		}
		b.space = space.ID
		ctx, stop := context.WithCancel(t.Context())
		var watcher, workers sync.WaitGroup
		watcher.Go(func() {
			for ctx.Err() == nil {
				q, err := b.Quota(ctx, b.tenant)
				if err == nil && (q.BytesUsed > limit || q.BytesUsed < 0) {
					t.Errorf("bytes_used = %d of %d", q.BytesUsed, limit)
				}
			}
		})
		for worker := range 8 {
			workers.Go(func() {
				for round := range 6 {
					if err := b.life(ctx, size, worker+round); err != nil {
						t.Errorf("worker %d: %v", worker, err)
					}
				}
			})
		}
		workers.Wait()
		stop()
		watcher.Wait()
		if stored, reserved := b.drift(t, b.tenant); stored != 0 || reserved != 0 {
			t.Errorf("drift of %d stored and %d reserved bytes", stored, reserved)
		}
	})
}

// life takes one upload through one of several lives.
func (b *bench) life(ctx context.Context, size int64, which int) error {
	u, err := b.ReserveUpload(ctx, Upload{TenantID: b.tenant, SpaceID: b.space, OriginalName: "n", Size: size}, time.Hour)
	var refusal *Refusal
	if errors.As(err, &refusal) && refusal.Quota != nil {
		return nil // no room just then
	}
	if err != nil {
		return err
	}
	if which%3 == 0 {
		return b.ReleaseUpload(ctx, b.tenant, u.FileID)
	}
	var twice sync.WaitGroup
	failures := make([]error, 2)
	for i := range failures {
		twice.Go(func() { _, failures[i] = b.CompleteUpload(ctx, u, share.Object{Key: u.ObjectKey, Version: "v"}) })
	}
	twice.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	if _, err := b.TrashFile(ctx, b.tenant, u.FileID); err != nil {
		return err
	}
	if which%3 == 1 {
		if _, err := b.RestoreFile(ctx, b.tenant, u.FileID); err != nil {
			return err
		}
	}
	purges := make([]error, 2)
	for i := range purges {
		twice.Go(func() { _, purges[i] = b.PurgeFile(ctx, b.tenant, u.FileID) })
	}
	twice.Wait()
	if (purges[0] == nil) == (purges[1] == nil) || share.KindOf(errors.Join(purges...)) != share.NotFound {
		return errors.Join(errors.New("want one of two purges to find the file"), errors.Join(purges...))
	}
	return nil
}

func TestLinksCountWhileTheyAreActive(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		f := b.clean(t)
		count := func(want int64, when string) {
			t.Helper()
			if q, err := b.Quota(ctx, b.tenant); err != nil || q.LinksUsed != want {
				t.Errorf("%s: links_used = %d, %v; want %d", when, q.LinksUsed, err, want)
			}
		}
		one := int64(1)
		permanent, _ := b.link(t, f.ID, nil)
		capped, _ := b.link(t, f.ID, &one)
		ends := b.clock.now().Add(time.Hour).UnixMicro()
		if _, err := b.CreateShare(ctx, NewShare{TenantID: b.tenant, FileID: f.ID, Permission: share.View, ExpiresAt: &ends,
			Hash: func(id string) share.Hash { return share.HashToken(id) }}); err != nil {
			t.Fatal(err)
		}
		count(3, "all active")
		b.countPermanentLinks = false
		count(1, "permanent links free")
		b.countPermanentLinks = true
		if _, err := b.redeem(ctx, capped.ID, 1); err != nil {
			t.Fatal(err)
		}
		count(2, "one used up")
		b.clock.add(time.Hour)
		count(1, "one expired")
		if _, err := b.RevokeShare(ctx, b.tenant, permanent.ID); err != nil {
			t.Fatal(err)
		}
		count(0, "one revoked")
	})
}

// TestRefittedReservation has two processes go on with one import, of which the second
// has found another size: what the first one completes is not what is reserved.
func TestRefittedReservation(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		first, err := b.ReserveUpload(ctx, Upload{TenantID: b.tenant, SpaceID: b.space, OriginalName: "n", MIME: "text/plain"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		second := first
		if err := errors.Join(b.FitUpload(ctx, &first, 100, time.Hour), b.FitUpload(ctx, &second, 60, time.Hour)); err != nil {
			t.Fatal(err)
		}
		if f, err := b.CompleteUpload(ctx, first, share.Object{Key: first.ObjectKey, Version: "v"}); !isNotFound(err) {
			t.Errorf("completed with 100 bytes where 60 are reserved: %+v, %v; want it not found", f, err)
		}
		if _, err := b.CompleteUpload(ctx, second, share.Object{Key: second.ObjectKey, Version: "w"}); err != nil {
			t.Error(err)
		}
		if drifts, err := b.Recompute(ctx, false, func(int, int) {}); err != nil || len(drifts) != 0 {
			t.Errorf("drifts %+v, %v; want none", drifts, err)
		}
		if q, err := b.Quota(ctx, b.tenant); err != nil || q.BytesUsed != 60 {
			t.Errorf("%d bytes used, %v; want 60", q.BytesUsed, err)
		}
	})
}
