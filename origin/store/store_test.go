package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// clock is a time that tests move.
type clock struct{ micros atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMicro(c.micros.Load()) }

func (c *clock) add(d time.Duration) { c.micros.Add(d.Microseconds()) }

// bench is an empty store with one tenant that has one space.
type bench struct {
	*Store
	clock  *clock
	tenant string
	space  string
}

// onBothEngines runs a test on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	open := map[string]func(t *testing.T) (*database.DB, error){
		"sqlite": func(t *testing.T) (*database.DB, error) {
			return database.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "test.db"))
		},
		"postgres": func(t *testing.T) (*database.DB, error) {
			return database.OpenPostgres(t.Context(), testenv.Postgres(t), 16)
		},
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			test(t, newBench(t, db))
		})
	}
}

// newBench makes a store of an empty database, which it closes.
func newBench(t testing.TB, db *database.DB) *bench {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	b := &bench{clock: &clock{}}
	b.clock.micros.Store(time.Now().UnixMicro())
	var err error
	if b.Store, err = Open(t.Context(), db, Options{CountPermanentLinks: true, Now: b.clock.now}); err != nil {
		t.Fatal(err)
	}
	b.tenant = b.newTenant(t, Unlimited, Unlimited)
	space, err := b.CreateSpace(t.Context(), b.tenant, "space", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.space = space.ID
	return b
}

func (b *bench) newTenant(t testing.TB, bytes, links int64) string {
	t.Helper()
	tenant, err := b.CreateTenant(t.Context(), Tenant{Name: "t", BytesLimit: bytes, LinksLimit: links})
	if err != nil {
		t.Fatal(err)
	}
	return tenant.ID
}

// upload makes a pending file.
func (b *bench) upload(t *testing.T, size int64) File {
	t.Helper()
	u, err := b.ReserveUpload(t.Context(), Upload{TenantID: b.tenant, SpaceID: b.space, OriginalName: "n", MIME: "text/plain", Size: size}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.CompleteUpload(t.Context(), u, share.Object{Key: u.ObjectKey, Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (b *bench) clean(t *testing.T) File {
	t.Helper()
	f := b.upload(t, 10)
	if err := b.SetVerdict(t.Context(), f.ID, Verdict{Status: share.Clean, SHA256: "d"}); err != nil {
		t.Fatal(err)
	}
	return f
}

// redeem takes n downloads as one edge process after another would.
func (b *bench) redeem(ctx context.Context, shareID string, n int64) (share.Grant, error) {
	return b.Redeem(ctx, shareID, share.Ask{Edge: newID(), Seq: 1, N: n})
}

// link makes a share of a file and returns it with its token's hash.
func (b *bench) link(t *testing.T, file string, most *int64) (Share, share.Hash) {
	t.Helper()
	var hash share.Hash
	v, err := b.CreateShare(t.Context(), NewShare{TenantID: b.tenant, FileID: file, Permission: share.View, MaxDownloads: most,
		Hash: func(id string) share.Hash { hash = share.HashToken(id); return hash }})
	if err != nil {
		t.Fatal(err)
	}
	return v, hash
}

// relayed returns the newest record that the relay told for each hash.
func (b *bench) relayed(t *testing.T) map[share.Hash]share.Record {
	t.Helper()
	told := map[share.Hash]share.Record{}
	b.relayTo(t, func(changes []Change) error {
		for _, c := range changes {
			told[c.Hash] = c.Record
		}
		return nil
	})
	return told
}

// relayTo hands all that waits to tell.
func (b *bench) relayTo(t *testing.T, tell func([]Change) error) {
	t.Helper()
	for {
		n, err := b.Relay(t.Context(), 2, tell)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// TestEveryChangeIsTold makes each change that an edge must hear of, and wants
// it told with a greater version and the right state.
func TestEveryChangeIsTold(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		f := b.clean(t)
		_, hash := b.link(t, f.ID, nil)
		folder, err := b.CreateFolder(ctx, b.tenant, b.space, nil, "folder")
		if err != nil {
			t.Fatal(err)
		}
		last, err := b.Record(ctx, hash)
		if err != nil {
			t.Fatal(err)
		}
		name := "renamed"
		steps := []struct {
			name string
			do   func() error
			want func(share.Record) bool
		}{
			{"rename", func() error { _, err := b.UpdateFile(ctx, b.tenant, f.ID, &name, Placement{}); return err }, func(r share.Record) bool { return r.Name == name }},
			{"move", func() error {
				_, err := b.UpdateFile(ctx, b.tenant, f.ID, nil, Placement{Set: true, ID: &folder.ID})
				return err
			}, func(r share.Record) bool { return !r.Gone }},
			{"trash", func() error { _, err := b.TrashFile(ctx, b.tenant, f.ID); return err }, func(r share.Record) bool { return r.Gone }},
			{"restore", func() error { _, err := b.RestoreFile(ctx, b.tenant, f.ID); return err }, func(r share.Record) bool { return !r.Gone }},
			{"trash its folder", func() error { _, err := b.TrashFolder(ctx, b.tenant, folder.ID); return err }, func(r share.Record) bool { return r.Gone }},
			{"restore its folder", func() error { _, err := b.RestoreFolder(ctx, b.tenant, folder.ID); return err }, func(r share.Record) bool { return !r.Gone }},
			{"infected later", func() error {
				return b.SetVerdict(ctx, f.ID, Verdict{Status: share.Infected, Detail: "X", SHA256: "d"})
			}, func(r share.Record) bool { return r.Scan == share.Infected }},
			{"revoke", func() error {
				shares, err := b.Shares(ctx, b.tenant, ShareFilter{FileID: f.ID})
				if err != nil {
					return err
				}
				_, err = b.RevokeShare(ctx, b.tenant, shares[0].ID)
				return err
			}, func(r share.Record) bool { return r.Revoked }},
			{"purge", func() error { _, err := b.PurgeFile(ctx, b.tenant, f.ID); return err }, func(r share.Record) bool { return r.Gone }},
		}
		b.relayed(t)
		for _, step := range steps {
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if waiting, err := b.Untold(ctx); err != nil || waiting == 0 {
				t.Errorf("%s: Untold = %v, %v; want something waiting", step.name, waiting, err)
			}
			told, ok := b.relayed(t)[hash]
			if !ok || told.Version <= last.Version || !step.want(told) {
				t.Errorf("%s: told %v, %+v; want it, with a version above %d", step.name, ok, told, last.Version)
			}
			last = told
		}
		if waiting, err := b.Untold(ctx); err != nil || waiting != 0 {
			t.Errorf("Untold = %v, %v at the end; want nothing", waiting, err)
		}
		if _, err := b.Record(ctx, hash); share.KindOf(err) != share.NotFound {
			t.Errorf("Record after the purge = %v; want NotFound", err)
		}
	})
}

// TestPurgeIsNewerThanWhatItOvertakes relays a change and the purge after it in
// one go: the tombstone must win over any record an edge may have seen between.
func TestPurgeIsNewerThanWhatItOvertakes(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		f := b.clean(t)
		_, hash := b.link(t, f.ID, nil)
		if _, err := b.TrashFile(ctx, b.tenant, f.ID); err != nil {
			t.Fatal(err)
		}
		between, err := b.Record(ctx, hash)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.PurgeFile(ctx, b.tenant, f.ID); err != nil {
			t.Fatal(err)
		}
		var told share.Record
		if _, err := b.Relay(ctx, 100, func(changes []Change) error { told = changes[0].Record; return nil }); err != nil {
			t.Fatal(err)
		}
		if !told.Gone || told.Version <= between.Version {
			t.Errorf("told %+v; want a tombstone above version %d", told, between.Version)
		}
	})
}

// TestRelayForgetsOnlyWhatWasTold lets telling fail.
func TestRelayForgetsOnlyWhatWasTold(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		f := b.clean(t)
		v, hash := b.link(t, f.ID, nil)
		b.relayed(t)
		if _, err := b.RevokeShare(t.Context(), b.tenant, v.ID); err != nil {
			t.Fatal(err)
		}
		boom := errors.New("the bus is down")
		if _, err := b.Relay(t.Context(), 10, func([]Change) error { return boom }); !errors.Is(err, boom) {
			t.Fatalf("Relay = %v; want the failure of telling", err)
		}
		if told := b.relayed(t); !told[hash].Revoked {
			t.Errorf("told after a failure: %v; want the revocation", told)
		}
	})
}

// TestVersionsFollowCommits changes one share from many sides at once: whatever
// is told last is the state that the database ends with.
func TestVersionsFollowCommits(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		f := b.clean(t)
		_, hash := b.link(t, f.ID, nil)
		var newest share.Record
		var mu sync.Mutex
		stop := make(chan struct{})
		var relay, changes sync.WaitGroup
		tell := func(told []Change) error {
			mu.Lock()
			defer mu.Unlock()
			for _, c := range told {
				if c.Record.Version > newest.Version {
					newest = c.Record
				}
			}
			return nil
		}
		for range 2 { // two origins relay
			relay.Go(func() {
				for {
					n, err := b.Relay(ctx, 3, tell)
					if err != nil {
						t.Errorf("Relay: %v", err)
						return
					}
					select {
					case <-stop:
						if n == 0 {
							return
						}
					default:
					}
				}
			})
		}
		for i := range 4 {
			changes.Go(func() {
				for j := range 10 {
					name := fmt.Sprint(i, j)
					var err error
					switch i {
					case 0:
						_, err = b.TrashFile(ctx, b.tenant, f.ID)
					case 1:
						_, err = b.RestoreFile(ctx, b.tenant, f.ID)
					default:
						_, err = b.UpdateFile(ctx, b.tenant, f.ID, &name, Placement{})
					}
					if err != nil && share.KindOf(err) != share.NotFound { // trashed just then
						t.Errorf("change: %v", err)
					}
				}
			})
		}
		changes.Wait()
		close(stop)
		relay.Wait()
		// A relay may have looked just before the last commit and then found that
		// it is to stop.
		b.relayTo(t, tell)
		want, err := b.Record(ctx, hash)
		if err != nil || newest != want {
			t.Errorf("newest told = %+v; the database holds %+v, %v", newest, want, err)
		}
	})
}

// TestRenameAndMoveDoNotUndoEachOther runs them at once: whoever asked for one of
// them never loses it to a writer of the other.
func TestRenameAndMoveDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		f := b.clean(t)
		to, err := b.CreateFolder(ctx, b.tenant, b.space, nil, "to")
		if err != nil {
			t.Fatal(err)
		}
		moved, err := b.CreateFolder(ctx, b.tenant, b.space, nil, "moved")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			name := fmt.Sprint("name ", i)
			place := Placement{Set: true}
			if i%2 == 0 {
				place.ID = &to.ID
			}
			var group sync.WaitGroup
			for _, do := range []func() error{
				func() error { _, err := b.UpdateFile(ctx, b.tenant, f.ID, &name, Placement{}); return err },
				func() error { _, err := b.UpdateFile(ctx, b.tenant, f.ID, nil, place); return err },
				func() error { _, err := b.UpdateFolder(ctx, b.tenant, moved.ID, &name, Placement{}); return err },
				func() error { _, err := b.UpdateFolder(ctx, b.tenant, moved.ID, nil, place); return err },
			} {
				group.Go(func() {
					if err := do(); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			file, err1 := b.File(ctx, b.tenant, f.ID)
			folder, err2 := b.Folder(ctx, b.tenant, moved.ID)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if file.OriginalName != name || folder.Name != name {
				t.Fatalf("round %d: names %q and %q; want %q", i, file.OriginalName, folder.Name, name)
			}
			if (file.FolderID != nil) != (place.ID != nil) || (folder.ParentID != nil) != (place.ID != nil) {
				t.Fatalf("round %d: in %v and %v; want %v", i, file.FolderID, folder.ParentID, place.ID)
			}
		}
	})
}

func TestRedeemNeverPassesTheCap(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		f := b.clean(t)
		const most = 10
		cap := int64(most)
		v, hash := b.link(t, f.ID, &cap)
		var granted, gone atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 10 {
					switch got, err := b.redeem(t.Context(), v.ID, 1); {
					case err == nil && got.Downloads == 1:
						granted.Add(1)
					case err == nil && got.Exhausted:
						gone.Add(1)
					default:
						t.Errorf("Redeem: %v", err)
					}
				}
			})
		}
		group.Wait()
		if granted.Load() != most || gone.Load() != 80-most {
			t.Errorf("%d granted, %d refused; want %d and %d", granted.Load(), gone.Load(), most, 80-most)
		}
		if told := b.relayed(t)[hash]; !told.Exhausted {
			t.Errorf("told %+v; want the edges to know that nothing is left", told)
		}
		again, err := b.Share(t.Context(), b.tenant, v.ID)
		if err != nil || again.DownloadCount != most {
			t.Errorf("download_count = %d, %v; want %d", again.DownloadCount, err, most)
		}
	})
}

// TestRedeemChecksTheState holds redeem to be the last word: a share that ended,
// or whose file may not be served, grants nothing, whatever an edge believes.
func TestRedeemChecksTheState(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		most := int64(5)
		for name, end := range map[string]func(f File, v Share) error{
			"revoked":  func(_ File, v Share) error { _, err := b.RevokeShare(ctx, b.tenant, v.ID); return err },
			"trashed":  func(f File, _ Share) error { _, err := b.TrashFile(ctx, b.tenant, f.ID); return err },
			"purged":   func(f File, _ Share) error { _, err := b.PurgeFile(ctx, b.tenant, f.ID); return err },
			"infected": func(f File, _ Share) error { return b.SetVerdict(ctx, f.ID, Verdict{Status: share.Infected}) },
		} {
			f := b.clean(t)
			v, _ := b.link(t, f.ID, &most)
			if _, err := b.redeem(ctx, v.ID, 1); err != nil {
				t.Errorf("before it was %s: %v", name, err)
			}
			if err := end(f, v); err != nil {
				t.Fatal(err)
			}
			if _, err := b.redeem(ctx, v.ID, 1); share.KindOf(err) != share.Gone {
				t.Errorf("%s: Redeem = %v; want Gone", name, err)
			}
		}
		f := b.clean(t)
		uncapped, _ := b.link(t, f.ID, nil)
		if _, err := b.redeem(ctx, uncapped.ID, 1); share.KindOf(err) != share.Gone {
			t.Errorf("without a cap: Redeem = %v; want Gone: there is no ceiling to take from", err)
		}
	})
}

func TestDownloadsAreAddedOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		f := b.clean(t)
		v, _ := b.link(t, f.ID, nil)
		batch := func(edge, epoch string, seq, n int64) {
			t.Helper()
			err := b.AddDownloads(context.WithoutCancel(t.Context()), share.Batch{Edge: edge, Epoch: epoch, Seq: seq, Count: map[string]int64{v.ID: n, "purged": 5}})
			if err != nil {
				t.Fatal(err)
			}
		}
		batch("a", "x", 1, 3)
		batch("a", "x", 1, 3)   // repeated
		batch("a", "x", 2, 10)  // the next
		batch("a", "x", 1, 3)   // late
		batch("a", "y", 1, 100) // after a restart
		batch("b", "x", 1, 1000)
		got, err := b.Share(t.Context(), b.tenant, v.ID)
		if err != nil || got.DownloadCount != 1113 {
			t.Errorf("download_count = %d, %v; want 1113", got.DownloadCount, err)
		}
	})
}

// TestDownloadsBeforeTheCap has a cap set while downloads that were served without one
// are still to be told: they are part of it.
func TestDownloadsBeforeTheCap(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		f := b.clean(t)
		for name, test := range map[string]struct {
			told, late, want int64 // downloads told before the cap of 5 and after it; left of it
		}{
			"some late":     {1, 3, 1},
			"all late":      {0, 2, 3},
			"just used up":  {2, 3, 0},
			"more than all": {1, 9, 0},
		} {
			v, hash := b.link(t, f.ID, nil)
			count := func(seq, n int64) {
				t.Helper()
				if err := b.AddDownloads(t.Context(), share.Batch{Edge: "a", Epoch: name, Seq: seq, Count: map[string]int64{v.ID: n}}); err != nil {
					t.Fatal(err)
				}
			}
			count(1, test.told)
			if _, err := b.UpdateShare(t.Context(), b.tenant, v.ID, ShareUpdate{SetCap: true, MaxDownloads: ptr(int64(5))}); err != nil {
				t.Fatal(err)
			}
			count(2, test.late)
			if told := b.relayed(t)[hash]; told.Exhausted != (test.want == 0) {
				t.Errorf("%s: told %+v; want used up: %v", name, told, test.want == 0)
			}
			got, err := b.redeem(t.Context(), v.ID, 10)
			if err != nil || got.Downloads != test.want || !got.Exhausted {
				t.Errorf("%s: %+v, %v; want the last %d downloads", name, got, err, test.want)
			}
		}
	})
}

func TestJobs(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		const files = 20
		for range files {
			b.upload(t, 1)
		}
		var mu sync.Mutex
		taken := map[string]int{}
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for {
					job, err := b.TakeJob(ctx, JobScan, time.Minute)
					if err != nil {
						t.Errorf("TakeJob: %v", err)
						return
					}
					if job == nil {
						return
					}
					mu.Lock()
					taken[job.ID]++
					mu.Unlock()
				}
			})
		}
		workers.Wait()
		if len(taken) != files {
			t.Errorf("%d jobs taken; want %d", len(taken), files)
		}
		for id, times := range taken {
			if times != 1 {
				t.Errorf("a job was taken %d times at once", times)
			}
			if err := b.FinishJob(ctx, id); err != nil {
				t.Fatal(err)
			}
		}

		b.upload(t, 1)
		first, err := b.TakeJob(ctx, JobScan, time.Minute)
		if err != nil || first == nil {
			t.Fatalf("TakeJob = %v, %v", first, err)
		}
		b.clock.add(time.Minute + time.Second) // its worker died
		second, err := b.TakeJob(ctx, JobScan, time.Minute)
		if err != nil || second == nil || second.ID != first.ID || second.Attempts != 2 {
			t.Fatalf("after the lease's end: %+v, %v; want the same job, attempt 2", second, err)
		}
		if err := b.RetryJob(ctx, second.ID, time.Second, "why"); err != nil {
			t.Fatal(err)
		}
		if early, err := b.TakeJob(ctx, JobScan, time.Minute); err != nil || early != nil {
			t.Errorf("before the pause's end: %v, %v; want no job", early, err)
		}
		b.clock.add(2 * time.Second)
		third, err := b.TakeJob(ctx, JobScan, time.Minute)
		if err != nil || third == nil {
			t.Fatalf("after the pause: %v, %v", third, err)
		}
		if err := b.BuryJob(ctx, third.ID, "never"); err != nil {
			t.Fatal(err)
		}
		b.clock.add(time.Hour)
		if dead, err := b.TakeJob(ctx, JobScan, time.Minute); err != nil || dead != nil {
			t.Errorf("a buried job came back: %v, %v", dead, err)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		ends := b.clock.now().Add(time.Hour).UnixMicro()
		k, secret, err := b.CreateKey(ctx, NewKey{TenantID: b.tenant, Label: "l", Mode: "live", Scopes: []string{"a", "b"}, ExpiresAt: &ends})
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Authenticate(ctx, secret)
		if err != nil || got.TenantID != b.tenant || len(got.Scopes) != 2 || len(secret) != len("fck_live_")+32 {
			t.Errorf("Authenticate = %+v, %v", got, err)
		}
		if err := b.TouchKey(ctx, got); err != nil {
			t.Fatal(err)
		}
		if touched, err := b.Authenticate(ctx, secret); err != nil || touched.LastUsedAt == nil {
			t.Errorf("last use = %v, %v; want it recorded", touched.LastUsedAt, err)
		}
		b.clock.add(time.Hour)
		if _, err := b.Authenticate(ctx, secret); share.KindOf(err) != share.NotFound {
			t.Errorf("expired: %v; want NotFound", err)
		}
		b.clock.add(-time.Hour)
		if err := b.RevokeKey(ctx, k.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Authenticate(ctx, secret); share.KindOf(err) != share.NotFound {
			t.Errorf("revoked: %v; want NotFound", err)
		}
	})
}
