package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// begin claims a key, and fails unless it gets this.
func (b *bench) begin(t *testing.T, key, request string, want error) *Once {
	t.Helper()
	o := &Once{TenantID: b.tenant, Key: key, Request: request}
	if kept, err := b.BeginOnce(t.Context(), o, time.Minute); !errors.Is(err, want) || kept != nil {
		t.Fatalf("BeginOnce(%s, %s) = %v, %v; want %v", key, request, kept, err, want)
	}
	return o
}

// keeps checks what is kept under a key.
func (b *bench) keeps(t *testing.T, key, request, want string) {
	t.Helper()
	o := &Once{TenantID: b.tenant, Key: key, Request: request}
	if kept, err := b.BeginOnce(t.Context(), o, time.Minute); err != nil || kept == nil || kept.Status != 201 || kept.Answer != want {
		t.Fatalf("BeginOnce(%s, %s) = %+v, %v; want %s", key, request, kept, err, want)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		kept := func(o *Once, answer string) {
			t.Helper()
			if err := b.KeepOnce(ctx, o, Kept{Status: 201, Answer: answer}); err != nil {
				t.Fatal(err)
			}
		}
		first := b.begin(t, "k", "r", nil)
		b.begin(t, "k", "r", ErrStillRunning)
		b.begin(t, "k", "other", ErrOtherRequest)
		kept(first, "a")
		b.keeps(t, "k", "r", "a")
		b.begin(t, "k", "other", ErrOtherRequest)

		mine := b.tenant
		b.tenant = b.newTenant(t, Unlimited, Unlimited)
		b.begin(t, "k", "other", nil) // another tenant's key of the same name
		b.tenant = mine

		// A try that died: the next has the same id, and the dead one's end is nothing.
		dead := b.begin(t, "d", "r", nil)
		b.clock.add(time.Minute)
		next := b.begin(t, "d", "r", nil)
		if next.ID != dead.ID {
			t.Errorf("the second try's id is %s; want the first one's, %s", next.ID, dead.ID)
		}
		kept(dead, "late")
		if err := b.ForgetOnce(ctx, dead); err != nil {
			t.Fatal(err)
		}
		b.begin(t, "d", "r", ErrStillRunning)
		kept(next, "b")
		b.keeps(t, "d", "r", "b")

		unknown := b.begin(t, "u", "r", nil)
		if err := b.GiveUpOnce(ctx, unknown); err != nil {
			t.Fatal(err)
		}
		if again := b.begin(t, "u", "r", nil); again.ID != unknown.ID {
			t.Error("a try that was given up lost its id")
		}
		refused := b.begin(t, "f", "r", nil)
		if err := b.ForgetOnce(ctx, refused); err != nil {
			t.Fatal(err)
		}
		b.begin(t, "f", "another", nil)

		b.clock.add(KeepAnswers - 2*time.Minute)
		b.keeps(t, "k", "r", "a")
		if n, err := b.SweepOnce(ctx, 100); err != nil || n != 0 {
			t.Errorf("swept %d, %v; want none before their time", n, err)
		}
		b.clock.add(2 * time.Minute)
		if fresh := b.begin(t, "k", "other", nil); fresh.ID == first.ID {
			t.Error("a key that had run out kept its id")
		}
		for _, want := range []int64{2, 2, 0} { // d, u, f and the other tenant's k; mine is in use again
			if n, err := b.SweepOnce(ctx, 2); err != nil || n != want {
				t.Errorf("swept %d, %v; want %d", n, err, want)
			}
		}
		b.begin(t, "k", "other", ErrStillRunning)
	})
}

// TestRepeatedReservation has a request come again long after its first try: the ticket
// that it then gets is as good as a new one, and so is the reservation behind it.
func TestRepeatedReservation(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := WithID(t.Context(), newID())
		wanted := Upload{TenantID: b.tenant, SpaceID: b.space, OriginalName: "n", MIME: "text/plain", Size: 7}
		first, err := b.ReserveUpload(ctx, wanted, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		b.clock.add(50 * time.Minute)
		again, err := b.ReserveUpload(ctx, wanted, time.Hour)
		if err != nil || again.FileID != first.FileID || again.ObjectKey != first.ObjectKey {
			t.Fatalf("again: %+v, %v; want %+v", again, err, first)
		}
		b.clock.add(50 * time.Minute)
		kept, err := b.Upload(t.Context(), b.tenant, first.FileID)
		if err != nil || b.Expired(kept) || kept.ExpiresAt != again.ExpiresAt {
			t.Errorf("100 minutes after the first try: %+v, %v; want it open for an hour after the second", kept, err)
		}
		if q, err := b.Quota(t.Context(), b.tenant); err != nil || q.BytesUsed != 7 {
			t.Errorf("%d bytes used, %v; want 7", q.BytesUsed, err)
		}
	})
}

// TestRepeatedCreationOfWhatIsGone has a request come again after what its first try
// made was deleted: it is answered with that, and nothing is made.
func TestRepeatedCreationOfWhatIsGone(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := WithID(t.Context(), newID())
		space, err := b.CreateSpace(ctx, b.tenant, "s", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteSpace(t.Context(), b.tenant, space.ID, false); err != nil {
			t.Fatal(err)
		}
		if again, err := b.CreateSpace(ctx, b.tenant, "s", nil); err != nil || again.ID != space.ID {
			t.Errorf("a deleted space: %+v, %v; want it", again, err)
		}
		if _, err := b.Space(t.Context(), b.tenant, space.ID); !isNotFound(err) {
			t.Errorf("the deleted space: %v; want it not found", err)
		}
	})
}

// TestOnceIsClaimedOnce races for one key.
func TestOnceIsClaimedOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		for range 10 {
			key := newID()
			var claimed atomic.Int64
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					_, err := b.BeginOnce(t.Context(), &Once{TenantID: b.tenant, Key: key, Request: "r"}, time.Minute)
					switch {
					case err == nil:
						claimed.Add(1)
					case !errors.Is(err, ErrStillRunning):
						t.Error(err)
					}
				})
			}
			group.Wait()
			if claimed.Load() != 1 {
				t.Fatalf("claimed %d times; want once", claimed.Load())
			}
		}
	})
}
