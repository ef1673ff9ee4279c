package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// emptied works every queued emptying to its end, as the origin's worker does.
func (b *bench) emptied(t *testing.T) {
	t.Helper()
	for {
		job, err := b.TakeJob(t.Context(), JobEmptyTrash, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if job == nil {
			return
		}
		trash, err := TrashOf(job)
		if err != nil {
			t.Fatal(err)
		}
		b.purgeAll(t, trash)
		if err := b.FinishJob(t.Context(), job.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// purgeAged purges what has been in the trash for an hour.
func (b *bench) purgeAged(t *testing.T) {
	t.Helper()
	aged, err := b.AgedTrash(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, trash := range aged {
		b.purgeAll(t, trash)
	}
}

func (b *bench) purgeAll(t *testing.T, trash Trash) {
	t.Helper()
	for _, some := range []func() (int64, error){
		func() (int64, error) { return b.PurgeTrash(t.Context(), trash, 2) },
		func() (int64, error) { return b.PurgeContainers(t.Context(), trash, 2) },
	} {
		for {
			n, err := some()
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
	}
}

// rows is how many rows a table holds.
func (b *bench) rows(t *testing.T, table string) (n int) {
	t.Helper()
	if err := b.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// tree makes a folder with a folder and a shared file in it, and returns the
// folder, the file, and the link's hash.
func (b *bench) tree(t *testing.T) (Folder, File, share.Hash) {
	t.Helper()
	top, err := b.CreateFolder(t.Context(), b.tenant, b.space, nil, "top")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := b.CreateFolder(t.Context(), b.tenant, b.space, &top.ID, "inner")
	if err != nil {
		t.Fatal(err)
	}
	f := b.clean(t)
	if f, err = b.UpdateFile(t.Context(), b.tenant, f.ID, nil, Placement{Set: true, ID: &inner.ID}); err != nil {
		t.Fatal(err)
	}
	_, hash := b.link(t, f.ID, nil)
	return top, f, hash
}

// TestEmptyTrash empties one space's trash among others: all that is in it goes,
// with links, bytes and room; nothing else does.
func TestEmptyTrash(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		live, _, _ := b.tree(t)
		top, f, hash := b.tree(t)
		if _, err := b.TrashFolder(ctx, b.tenant, top.ID); err != nil {
			t.Fatal(err)
		}
		restored := b.clean(t)
		if _, err := b.TrashFile(ctx, b.tenant, restored.ID); err != nil {
			t.Fatal(err)
		}
		elsewhere := b.clean(t)
		other := *b
		other.tenant = b.newTenant(t, Unlimited, Unlimited)
		space, err := b.CreateSpace(ctx, other.tenant, "s", nil)
		if err != nil {
			t.Fatal(err)
		}
		other.space = space.ID
		theirs := other.clean(t)
		if _, err := b.TrashFile(ctx, other.tenant, theirs.ID); err != nil {
			t.Fatal(err)
		}
		b.relayed(t)

		files, bytes, err := b.EmptyTrash(ctx, b.tenant, b.space)
		if err != nil || files != 2 || bytes != 20 {
			t.Fatalf("EmptyTrash = %d files, %d bytes, %v; want 2 and 20", files, bytes, err)
		}
		if _, _, err := b.EmptyTrash(ctx, b.tenant, other.space); !isNotFound(err) {
			t.Errorf("another tenant's space: %v; want NotFound", err)
		}
		if _, err := b.RestoreFile(ctx, b.tenant, restored.ID); err != nil {
			t.Fatal(err)
		}
		b.clock.add(time.Second)
		if _, err := b.TrashFile(ctx, b.tenant, elsewhere.ID); err != nil { // later than the request
			t.Fatal(err)
		}
		if err := b.purgeTrashed(ctx, restored, b.micros()); !isNotFound(err) { // seen before it was restored
			t.Errorf("purge of a restored file: %v; want NotFound", err)
		}
		b.emptied(t)

		if _, err := b.File(ctx, b.tenant, f.ID); !isNotFound(err) {
			t.Errorf("the file: %v; want it gone", err)
		}
		if told := b.relayed(t)[hash]; !told.Gone {
			t.Errorf("told %+v of its link; want the end", told)
		}
		if got := [4]int{b.rows(t, "files"), b.rows(t, "folders"), b.rows(t, "shares"), b.rows(t, "spaces")}; got != [4]int{4, 2, 1, 2} {
			t.Errorf("files, folders, shares, spaces left: %v; want 4, 2, 1, 2", got)
		}
		if got, err := b.Folder(ctx, b.tenant, live.ID); err != nil || got.DeletedAt != nil {
			t.Errorf("a live folder: %+v, %v", got, err)
		}
		job, err := b.TakeJob(ctx, JobRemoveObject, time.Minute)
		if err != nil || job == nil || job.Ref != f.Object.Key {
			t.Errorf("queued removal: %+v, %v; want %s", job, err, f.Object.Key)
		}
		if _, _, err := b.EmptyTrash(ctx, b.tenant, ""); err != nil {
			t.Fatal(err)
		}
		b.emptied(t)
		if _, err := b.File(ctx, b.tenant, elsewhere.ID); !isNotFound(err) {
			t.Errorf("a file of the whole trash: %v; want it gone", err)
		}
		if _, err := b.File(ctx, other.tenant, theirs.ID); err != nil {
			t.Errorf("another tenant's trash: %v", err)
		}
		for _, tenant := range []string{b.tenant, other.tenant} {
			if stored, reserved := b.drift(t, tenant); stored != 0 || reserved != 0 {
				t.Errorf("drift of %d stored and %d reserved bytes", stored, reserved)
			}
		}
	})
}

// TestAgedTrash purges what has been in the trash for an hour, whoever's it is,
// and the deleted space that then is empty; an open upload keeps its folder.
func TestAgedTrash(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		top, _, _ := b.tree(t)
		if _, err := b.ReserveUpload(ctx, Upload{TenantID: b.tenant, SpaceID: b.space, FolderID: &top.ID, OriginalName: "n", Size: 1}, 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteSpace(ctx, b.tenant, b.space, true); err != nil {
			t.Fatal(err)
		}
		b.clock.add(time.Hour - time.Microsecond)
		b.purgeAged(t)
		if n := b.rows(t, "files"); n != 1 {
			t.Errorf("%d files just before the end of the grace; want 1", n)
		}
		b.clock.add(time.Microsecond)
		b.purgeAged(t)
		if got := [3]int{b.rows(t, "files"), b.rows(t, "folders"), b.rows(t, "spaces")}; got != [3]int{0, 1, 1} {
			t.Errorf("files, folders, spaces: %v; want none, and what the upload is for", got)
		}
		b.clock.add(24 * time.Hour)
		uploads, err := b.ExpiredUploads(ctx, 10)
		if err != nil || len(uploads) != 1 {
			t.Fatal(uploads, err)
		}
		if err := b.ReleaseUpload(ctx, b.tenant, uploads[0].FileID); err != nil {
			t.Fatal(err)
		}
		b.purgeAged(t)
		if got := [2]int{b.rows(t, "folders"), b.rows(t, "spaces")}; got != [2]int{0, 0} {
			t.Errorf("folders, spaces: %v; want none", got)
		}
	})
}

// TestAgedTrashByPlan: a tenant with a grace of its own keeps its trash for that, and one
// whose grace is 0 keeps it.
func TestAgedTrashByPlan(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		minute, none := time.Minute.Microseconds(), int64(0)
		files := map[string]File{}
		for name, grace := range map[string]*int64{"common": nil, "short": &minute, "kept": &none} {
			b.tenant = b.newTenant(t, Unlimited, Unlimited)
			space, err := b.CreateSpace(t.Context(), b.tenant, "space", nil)
			if err != nil {
				t.Fatal(err)
			}
			b.space = space.ID
			if err := b.SetTenantPlan(t.Context(), b.tenant, map[Rule]*int64{TrashGrace: grace}); err != nil {
				t.Fatal(err)
			}
			if files[name], err = b.TrashFile(t.Context(), b.tenant, b.upload(t, 1).ID); err != nil {
				t.Fatal(err)
			}
		}
		left := func(want ...string) {
			t.Helper()
			b.purgeAged(t)
			for name, f := range files {
				if _, err := b.File(t.Context(), f.TenantID, f.ID); (err == nil) != slices.Contains(want, name) {
					t.Errorf("%s: %v; want %v left", name, err, want)
				}
			}
		}
		b.clock.add(time.Minute - time.Microsecond)
		left("common", "short", "kept")
		b.clock.add(time.Microsecond)
		left("common", "kept")
		b.clock.add(time.Hour)
		left("kept")
		if err := b.SetTenantPlan(t.Context(), files["kept"].TenantID, map[Rule]*int64{TrashGrace: nil}); err != nil {
			t.Fatal(err)
		}
		left()
	})
}

// restoreAndPurge restores a folder while all of the trash is purged, and returns whether
// it was back: nil, or NotFound.
func (b *bench) restoreAndPurge(t *testing.T, folder string) (restored error) {
	t.Helper()
	var group sync.WaitGroup
	group.Go(func() { _, restored = b.RestoreFolder(t.Context(), b.tenant, folder) })
	group.Go(func() { b.purgeAll(t, Trash{TenantID: b.tenant, Until: b.micros()}) })
	group.Wait()
	if restored != nil && !isNotFound(restored) {
		t.Fatal(restored)
	}
	return restored
}

// TestPurgeAndRestore races them: a file is either back, with its link and room,
// or wholly gone.
func TestPurgeAndRestore(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		for range 15 {
			top, f, _ := b.tree(t)
			if _, err := b.TrashFolder(ctx, b.tenant, top.ID); err != nil {
				t.Fatal(err)
			}
			restored := b.restoreAndPurge(t, top.ID)
			folder, errFolder := b.Folder(ctx, b.tenant, top.ID)
			file, errFile := b.File(ctx, b.tenant, f.ID)
			if (restored == nil) != (errFolder == nil) || errFolder == nil && folder.DeletedAt != nil {
				t.Fatalf("restore: %v, then the folder: %+v, %v", restored, folder, errFolder)
			}
			if errFile == nil && file.DeletedAt != nil {
				t.Fatalf("the file is still in the trash: %+v", file)
			}
			if stored, _ := b.drift(t, b.tenant); stored != 0 {
				t.Fatalf("drift of %d bytes", stored)
			}
		}
	})
}

// TestRestoreWaitsForAPurge has a purge decide on a file that is in the trash with
// its folder, and wants no restore of the folder to be answered until the file is
// gone: what a restore was answered for is there.
func TestRestoreWaitsForAPurge(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		top, f, _ := b.tree(t)
		if _, err := b.TrashFolder(t.Context(), b.tenant, top.ID); err != nil {
			t.Fatal(err)
		}
		restored := make(chan error, 1)
		_, err := b.purge(t.Context(), b.tenant, f.ID, func(f File) bool {
			go func() {
				_, err := b.RestoreFolder(t.Context(), b.tenant, top.ID)
				restored <- err
			}()
			select {
			case err := <-restored:
				t.Errorf("restored (%v) while the purge was under way", err)
				restored <- err
			case <-time.After(300 * time.Millisecond):
			}
			return f.DeletedAt != nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := <-restored; err != nil {
			t.Error(err)
		}
	})
}
