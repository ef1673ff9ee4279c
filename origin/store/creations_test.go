package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/share"
)

// make asks for a link, under a context of its own.
func (b *bench) make(ctx context.Context, n NewShare) (Share, error) {
	n.TenantID, n.Permission = b.tenant, share.View
	n.Hash = func(id string) share.Hash { return share.HashToken(id) }
	return b.CreateShare(ctx, n)
}

// TestLinkLimitIsExact fills a limit from many sides at once, again and again
// after links have ended in every way, and wants neither one too many nor one too
// few.
func TestLinkLimitIsExact(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		limit := int64(7)
		b.tenant = b.newTenant(t, Unlimited, limit)
		space, err := b.CreateSpace(t.Context(), b.tenant, "tight", nil)
		if err != nil {
			t.Fatal(err)
		}
		b.space = space.ID
		f := b.clean(t)
		one, ends := int64(1), b.clock.now().Add(time.Hour).UnixMicro()
		fill := func(want int, n NewShare) (made []Share) {
			t.Helper()
			var mu sync.Mutex
			var all sync.WaitGroup
			for range 3 * limit {
				all.Go(func() {
					v, err := b.make(t.Context(), n)
					var refusal *Refusal
					switch {
					case err == nil:
						mu.Lock()
						defer mu.Unlock()
						made = append(made, v)
					case !errors.As(err, &refusal) || refusal.Quota == nil || refusal.Quota.Used != limit:
						t.Errorf("refused with %v, %+v; want the quota of %d", err, refusal, limit)
					}
				})
			}
			all.Wait()
			if len(made) != want {
				t.Fatalf("%d links made; want %d", len(made), want)
			}
			return made
		}
		first := fill(7, NewShare{FileID: f.ID, MaxDownloads: &one})
		for _, v := range first[:3] {
			if _, err := b.RevokeShare(t.Context(), b.tenant, v.ID); err != nil {
				t.Fatal(err)
			}
		}
		used := share.Ask{Edge: newID(), Seq: 1, N: 1}
		grant, err := b.Redeem(t.Context(), first[3].ID, used)
		if err != nil || grant.Downloads != 1 {
			t.Fatal(grant, err)
		}
		fill(4, NewShare{FileID: f.ID, ExpiresAt: &ends})
		// Three more places, one of them taken; then a link that was used up is given
		// its download back, and counts again.
		limit += 3
		if err := b.SetTenantLimits(t.Context(), b.tenant, nil, &limit); err != nil {
			t.Fatal(err)
		}
		if v, err := b.make(t.Context(), NewShare{FileID: f.ID}); err != nil {
			t.Error(v, err)
		}
		back := share.Ask{Edge: used.Edge, Seq: 2, Return: 1, Epoch: grant.Epoch}
		if _, err := b.Redeem(t.Context(), first[3].ID, back); err != nil {
			t.Fatal(err)
		}
		for i := range 3 { // one by one: a company is counted
			if _, err := b.make(t.Context(), NewShare{FileID: f.ID}); (err == nil) != (i == 0) {
				t.Errorf("link %d after one came back: %v; want room for one", i, err)
			}
		}
		b.clock.add(time.Hour) // four expire
		fill(4, NewShare{FileID: f.ID})
		limit++
		if err := b.SetTenantLimits(t.Context(), b.tenant, nil, &limit); err != nil {
			t.Fatal(err)
		}
		if _, err := b.UpdateShare(t.Context(), b.tenant, b.ended(t), ShareUpdate{SetExpiry: true}); err != nil {
			t.Errorf("the last place, for a link that is extended: %v", err)
		}
		if _, err := b.make(t.Context(), NewShare{FileID: f.ID}); err == nil {
			t.Error("one link more than the limit was made")
		}
	})
}

// ended returns a link that has expired.
func (b *bench) ended(t *testing.T) string {
	t.Helper()
	no := false
	all, err := b.Shares(t.Context(), b.tenant, ShareFilter{Active: &no})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.ExpiresAt != nil {
			return v.ID
		}
	}
	t.Fatal("no link has expired")
	return ""
}

// TestCreationsTogether holds the tenant's row until many creations wait, good
// ones among all sorts of others, and wants for each what it would get alone.
func TestCreationsTogether(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		clean, pending, trashed := b.clean(t), b.upload(t, 1), b.clean(t)
		if _, err := b.TrashFile(t.Context(), b.tenant, trashed.ID); err != nil {
			t.Fatal(err)
		}
		earlier, err := b.make(WithID(t.Context(), newID()), NewShare{FileID: clean.ID})
		if err != nil {
			t.Fatal(err)
		}
		cases := []struct {
			name string
			ctx  context.Context
			ask  NewShare
			kind share.Kind
		}{
			{"good", t.Context(), NewShare{FileID: clean.ID}, 0},
			{"unknown file", t.Context(), NewShare{FileID: newID()}, share.NotFound},
			{"pending file", t.Context(), NewShare{FileID: pending.ID}, share.NotReady},
			{"trashed file", t.Context(), NewShare{FileID: trashed.ID}, share.NotFound},
			{"made before", WithID(t.Context(), earlier.ID), NewShare{FileID: clean.ID}, 0},
			{"good, again", t.Context(), NewShare{FileID: clean.ID, PasswordHash: ptr("h")}, 0},
		}
		before := b.rows(t, "shares")
		free := b.holdTenant(t)
		var all sync.WaitGroup
		for _, c := range cases {
			all.Go(func() {
				ctx := Audited(c.ctx, Deed{ID: newID(), Who: "key:" + c.name, Operation: "create-share"})
				v, err := b.make(ctx, c.ask)
				if err != nil && share.KindOf(err) != c.kind || err == nil && c.kind != 0 {
					t.Errorf("%s: %v; want kind %v", c.name, err, c.kind)
				}
				if err != nil {
					return
				}
				kept, err := b.Share(t.Context(), b.tenant, v.ID)
				kept.Hash = share.HashToken(v.ID)
				if err != nil || fmt.Sprint(kept) != fmt.Sprint(v) {
					t.Errorf("%s: answered %+v, kept %+v, %v", c.name, v, kept, err)
				}
			})
		}
		free()
		all.Wait()
		if made := b.rows(t, "shares") - before; made != 2 {
			t.Errorf("%d links made; want 2", made)
		}
		deeds, err := b.Deeds(t.Context(), "", time.Hour, 100)
		if err != nil || len(deeds) != 3 {
			t.Errorf("%d lines in the audit log, %v; want one for each success", len(deeds), err)
		}
	})
}

// holdTenant locks the tenant's row until free is called, which gives others a
// moment to come first.
func (b *bench) holdTenant(t *testing.T) (free func()) {
	t.Helper()
	held, let := make(chan error, 2), make(chan struct{})
	go func() {
		held <- b.db.InTx(t.Context(), func(tx *sql.Tx) error {
			held <- b.lockTenant(t.Context(), tx, b.tenant)
			<-let
			return nil
		})
	}()
	if err := <-held; err != nil {
		t.Fatal(err)
	}
	return func() {
		time.Sleep(50 * time.Millisecond)
		close(let)
		if err := <-held; err != nil {
			t.Error(err)
		}
	}
}

// TestGather wants every caller served by a run that began after it asked, no
// failure of one's own to become another's, and nothing left behind.
func TestGather(t *testing.T) {
	t.Parallel()
	var now atomic.Int64 // ticks with each question and each run
	var runs atomic.Int64
	own := errors.New("own")
	g := newGather(4, func(_ context.Context, _ string, some []*waiting[int64, int64]) error {
		runs.Add(1)
		began := now.Add(1)
		time.Sleep(time.Millisecond)
		for _, w := range some {
			if w.asks == -1 {
				return own
			}
			if w.asks == -2 {
				panic("its own, too")
			}
		}
		if len(some) > 4 {
			return errors.New("too many")
		}
		for _, w := range some {
			w.answer = began
		}
		return nil
	})
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			asked := now.Add(1)
			if i%50 == 7 {
				if _, err := g.ask(t.Context(), "", -1); !errors.Is(err, own) {
					t.Errorf("%v; want its own failure", err)
				}
				return
			}
			if i%50 == 11 {
				if _, err := g.ask(t.Context(), "", -2); err == nil || !strings.Contains(err.Error(), "its own, too") {
					t.Errorf("%v; want its own panic", err)
				}
				return
			}
			if began, err := g.ask(t.Context(), "", asked); err != nil || began <= asked {
				t.Errorf("asked at %d, answered by what began at %d, %v", asked, began, err)
			}
		})
	}
	all.Wait()
	if n := runs.Load(); n > 100 {
		t.Errorf("%d runs for 200 questions; want them together", n)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := g.ask(gone, "other", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	for end := time.Now().Add(5 * time.Second); ; {
		g.mu.Lock()
		left := len(g.lines)
		g.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d lines are left", left)
		}
	}
}

// TestRevokedKeyIsUnknownAtOnce asks for a key without pause while it is revoked,
// and wants it found by nobody who asked later.
func TestRevokedKeyIsUnknownAtOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		k, secret, err := b.CreateKey(t.Context(), NewKey{TenantID: b.tenant, Label: "l", Mode: "test"})
		if err != nil {
			t.Fatal(err)
		}
		var revoked atomic.Bool
		var all sync.WaitGroup
		var late atomic.Int64
		for range 8 {
			all.Go(func() {
				for late.Load() < 100 {
					after := revoked.Load()
					found, err := b.Authenticate(t.Context(), secret)
					switch {
					case after && !isNotFound(err):
						t.Errorf("after the revocation: %+v, %v", found, err)
						return
					case after:
						late.Add(1)
					case err == nil && found.ID != k.ID:
						t.Errorf("found %+v; want %s", found, k.ID)
						return
					}
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		if err := b.RevokeKey(t.Context(), k.ID); err != nil {
			t.Fatal(err)
		}
		revoked.Store(true)
		all.Wait()
	})
}
