package origin

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/metrics"
	"rawlink/origin/store"
)

// ears hear what a relay says.
type ears struct {
	ticks, events atomic.Int64
	during        func(context.Context) error // called while events are told; nil = nothing
	ticking       func()                      // called by a tick; nil = nothing
}

func (e *ears) Put(context.Context, share.Hash, share.Record) error { return nil }

func (e *ears) Publish(ctx context.Context, events []share.Event) error {
	if e.during != nil {
		if err := e.during(ctx); err != nil {
			return err
		}
	}
	e.events.Add(int64(len(events)))
	return nil
}

func (e *ears) Tick(context.Context) error {
	if e.ticking != nil {
		e.ticking()
	}
	e.ticks.Add(1)
	return nil
}

// relaying returns an origin with one share, and the means to revoke it.
func relaying(t *testing.T, now func() time.Time) (o *Origin, heard *ears, revoke func()) {
	t.Helper()
	db, err := database.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	return relayingOn(t, db, now)
}

func relayingOn(t *testing.T, db *database.DB, now func() time.Time) (o *Origin, heard *ears, revoke func()) {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	tables, err := store.Open(t.Context(), db, store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := tables.CreateTenant(t.Context(), store.Tenant{BytesLimit: store.Unlimited, LinksLimit: store.Unlimited})
	if err != nil {
		t.Fatal(err)
	}
	space, err := tables.CreateSpace(t.Context(), tenant.ID, "s", nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := tables.ReserveUpload(t.Context(), store.Upload{TenantID: tenant.ID, SpaceID: space.ID, OriginalName: "n", Size: 1}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f, err := tables.CompleteUpload(t.Context(), u, share.Object{Key: u.ObjectKey, Version: "v"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tables.SetVerdict(t.Context(), f.ID, store.Verdict{Status: share.Clean}); err != nil {
		t.Fatal(err)
	}
	v, err := tables.CreateShare(t.Context(), store.NewShare{TenantID: tenant.ID, FileID: f.ID, Permission: share.View,
		Hash: func(id string) share.Hash { return share.HashToken(id) }})
	if err != nil {
		t.Fatal(err)
	}
	heard = &ears{}
	o = &Origin{Parts: Parts{Store: tables, Records: heard, Bus: heard, Metrics: metrics.NewOrigin(metrics.New()), Log: slog.New(slog.DiscardHandler)}}
	return o, heard, func() {
		t.Helper()
		if _, err := tables.RevokeShare(t.Context(), tenant.ID, v.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTickWaitsForWhatWasUntold lets a change wait for an origin that is slow to
// tell it, and whose clock is hours ahead: no tick may vouch past it.
func TestTickWaitsForWhatWasUntold(t *testing.T) {
	t.Parallel()
	o, heard, revoke := relaying(t, func() time.Time { return time.Now().Add(5 * time.Hour) })
	var last promise
	ticks := func(want int64, when string) {
		t.Helper()
		o.tick(t.Context(), &last)
		if got := heard.ticks.Load(); got != want {
			t.Fatalf("%s: %d ticks; want %d", when, got, want)
		}
	}
	ticks(1, "nothing waits")
	revoke()
	ticks(2, "committed after the last tick: the tick says nothing of it")
	for range 3 {
		ticks(2, "it was untold at the last tick and still is")
	}
	if err := o.relayAll(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	ticks(3, "told")
}

// TestTickWaitsForWhatWasNotSeen lets the look at what is untold fail right after a tick:
// whatever is untold at the next one may have been committed before.
func TestTickWaitsForWhatWasNotSeen(t *testing.T) {
	t.Parallel()
	o, heard, revoke := relaying(t, time.Now)
	var last promise
	first, cut := context.WithCancel(t.Context())
	heard.ticking = func() { revoke(); cut() }
	o.tick(first, &last)
	heard.ticking = nil
	o.tick(t.Context(), &last)
	if got := heard.ticks.Load(); got != 1 {
		t.Fatalf("%d ticks; want no second one past a change that was committed before the first", got)
	}
	if err := o.relayAll(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	if o.tick(t.Context(), &last); heard.ticks.Load() != 2 {
		t.Error("no tick after the change was told")
	}
}

// TestTickWaitsForMany has more changes wait than a tick looks at, of which most are then
// told: it waits for the others, too.
func TestTickWaitsForMany(t *testing.T) {
	t.Parallel()
	o, heard, _ := relaying(t, time.Now)
	ctx := t.Context()
	tenant := must(o.Store.Tenants(ctx))[0].ID
	file := must(o.Store.Files(ctx, tenant, store.ListFilter{}))[0].ID
	var making sync.WaitGroup
	for range 32 {
		making.Go(func() {
			for range 40 {
				_, err := o.Store.CreateShare(ctx, store.NewShare{TenantID: tenant, FileID: file, Permission: share.View, Hash: func(id string) share.Hash { return share.HashToken(id) }})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	making.Wait()
	must(o.Store.TrashFile(ctx, tenant, file))
	var last promise
	o.tick(ctx, &last)
	if n := must(o.Store.Relay(ctx, maxUntold, func([]store.Change) error { return nil })); n != maxUntold {
		t.Fatalf("%d told; want %d", n, maxUntold)
	}
	if o.tick(ctx, &last); heard.ticks.Load() != 1 {
		t.Errorf("%d ticks; want no second one while some of the changes still wait", heard.ticks.Load())
	}
	if err := o.relayAll(ctx, func() {}); err != nil {
		t.Fatal(err)
	}
	if o.tick(ctx, &last); heard.ticks.Load() != 2 {
		t.Error("no tick after all were told")
	}
}

// TestTickWaitsForAnAnnouncedFolder trashes a folder, which is promised to be told, and
// has its links announced: these changes have names of their own, and are promised too.
func TestTickWaitsForAnAnnouncedFolder(t *testing.T) {
	t.Parallel()
	o, heard, _ := relaying(t, time.Now)
	ctx := t.Context()
	tenant := must(o.Store.Tenants(ctx))[0].ID
	file := must(o.Store.Files(ctx, tenant, store.ListFilter{}))[0]
	folder := must(o.Store.CreateFolder(ctx, tenant, file.SpaceID, nil, "f"))
	must(o.Store.UpdateFile(ctx, tenant, file.ID, nil, store.Placement{Set: true, ID: &folder.ID}))
	if err := o.relayAll(ctx, func() {}); err != nil {
		t.Fatal(err)
	}
	var last promise
	ticks := func(want int64, when string) {
		t.Helper()
		if o.tick(ctx, &last); heard.ticks.Load() != want {
			t.Fatalf("%s: %d ticks; want %d", when, heard.ticks.Load(), want)
		}
	}
	ticks(1, "nothing waits")
	must(o.Store.TrashFolder(ctx, tenant, folder.ID))
	ticks(2, "trashed after the last tick: the tick says nothing of it")
	ticks(2, "not announced")
	if n := must(o.Store.Relay(ctx, 1, func([]store.Change) error { return nil })); n != 1 {
		t.Fatalf("%d steps; want the announcement", n)
	}
	ticks(2, "announced, and not told")
	ticks(2, "announced, and still not told")
	if err := o.relayAll(ctx, func() {}); err != nil {
		t.Fatal(err)
	}
	ticks(3, "told")
}

// TestPromiseIsOutgrown has more wait than can be listed, of an origin whose clock is
// behind: what was promised may be among the rest.
func TestPromiseIsOutgrown(t *testing.T) {
	t.Parallel()
	p := promise{rows: map[string]bool{"b": true}}
	many := slices.Repeat([]string{"a"}, maxUntold)
	if !p.outgrown(many) || p.outgrown(many[1:]) || p.outgrown(append(many[1:], "b")) {
		t.Error("a promise is outgrown where it can't be looked for, and only there")
	}
}

// TestTicksGoOnUnderChanges has a change come while each is told, so that there is
// always one that waits: edges hear ticks all the same.
func TestTicksGoOnUnderChanges(t *testing.T) {
	t.Parallel()
	db, err := database.OpenPostgres(t.Context(), testenv.OwnPostgres(t).DSN, 8) // SQLite has one writer, the relay
	if err != nil {
		t.Fatal(err)
	}
	o, heard, revoke := relayingOn(t, db, time.Now)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	tenant := must(o.Store.Tenants(ctx))[0].ID
	file := must(o.Store.Files(ctx, tenant, store.ListFilter{}))[0].ID
	var links []string
	for range 40 {
		made := must(o.Store.CreateShare(ctx, store.NewShare{TenantID: tenant, FileID: file, Permission: share.View, Hash: func(id string) share.Hash { return share.HashToken(id) }}))
		links = append(links, made.ID)
	}
	heard.during = func(context.Context) error {
		if len(links) == 0 {
			stop()
			return nil
		}
		time.Sleep(tickEvery / 5)
		_, err := o.Store.RevokeShare(t.Context(), tenant, links[0])
		links = links[1:]
		return err
	}
	revoke()
	o.Relay(ctx)
	if got := heard.ticks.Load(); got < 3 {
		t.Errorf("%d ticks in two seconds of changes; want one for most intervals", got)
	}
}

// TestRelayTellsTheRest stops a relay right after a change.
func TestRelayTellsTheRest(t *testing.T) {
	t.Parallel()
	o, heard, revoke := relaying(t, time.Now)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	revoke()
	o.Relay(ctx)
	if heard.events.Load() != 1 {
		t.Errorf("%d events told; want the one that was left", heard.events.Load())
	}
}

// TestStopCutsNoTelling stops a relay while it tells: the round goes on to its
// end. Cut short, its rows could stay locked at the engine past the last look.
func TestStopCutsNoTelling(t *testing.T) {
	t.Parallel()
	o, heard, revoke := relaying(t, time.Now)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	told := 0
	heard.during = func(ctx context.Context) error {
		told++
		stop()
		return ctx.Err()
	}
	revoke()
	o.Relay(ctx)
	if told != 1 || heard.events.Load() != 1 {
		t.Errorf("told in %d goes, %d events; want one of one", told, heard.events.Load())
	}
}
