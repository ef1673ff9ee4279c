package store

import (
	"testing"
	"time"

	"rawlink/internal/share"
)

// wantTrash compares how many folders and files of the tenant are in the trash and
// how many are live.
func (b *bench) wantTrash(t *testing.T, when string, folders, files, liveFolders, liveFiles int) {
	t.Helper()
	got := [4]int{}
	for i, trashed := range []bool{true, false} {
		someFolders, err1 := b.Folders(t.Context(), b.tenant, ListFilter{Trashed: trashed})
		someFiles, err2 := b.Files(t.Context(), b.tenant, ListFilter{Trashed: trashed})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		for _, f := range someFiles {
			if f.SpaceID != b.space {
				t.Errorf("%s: a file of space %s; want %s", when, f.SpaceID, b.space)
			}
		}
		got[2*i], got[2*i+1] = len(someFolders), len(someFiles)
	}
	if want := [4]int{folders, files, liveFolders, liveFiles}; got != want {
		t.Errorf("%s: folders, files in the trash and live: %v; want %v", when, got, want)
	}
}

// TestRestoreToDeletedSpace restores from the trash of a deleted space, a file and
// one of its folders: each brings the space back, and nothing else that its deletion
// took.
func TestRestoreToDeletedSpace(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		top, inside, hash := b.tree(t)
		other, _, _ := b.tree(t)
		before, _, _ := b.tree(t) // trashed before the space, by itself
		_, err := b.TrashFolder(ctx, b.tenant, before.ID)
		must(err)
		file := b.clean(t)
		b.clean(t)
		must(b.DeleteSpace(ctx, b.tenant, b.space, true))
		b.relayed(t)
		b.wantTrash(t, "deleted", 6, 5, 0, 0)
		if q, err := b.Quota(ctx, b.tenant); err != nil || q.BytesUsed != 50 {
			t.Errorf("Quota = %+v, %v; want 50 bytes until they are purged", q, err)
		}
		if f, err := b.TrashFolder(ctx, b.tenant, top.ID); err != nil || f.DeletedAt == nil {
			t.Errorf("trashed once more: %+v, %v; want the folder as it is", f, err)
		}
		if _, err := b.RestoreFile(ctx, b.tenant, inside.ID); share.KindOf(err) != share.Conflict {
			t.Errorf("a file whose folder is in the trash: %v; want Conflict", err)
		}
		if _, err := b.Space(ctx, b.tenant, b.space); !isNotFound(err) {
			t.Errorf("Space after a refused restore: %v; want NotFound", err)
		}

		f, err := b.RestoreFolder(ctx, b.tenant, top.ID)
		if err != nil || f.DeletedAt != nil {
			t.Fatalf("RestoreFolder = %+v, %v", f, err)
		}
		b.wantTrash(t, "one folder restored", 4, 4, 2, 1)
		if told, ok := b.relayed(t)[hash]; !ok || told.Gone {
			t.Errorf("told %v, %+v of its link; want it to work again", ok, told)
		}
		v, err := b.Space(ctx, b.tenant, b.space)
		if err != nil || v.Name != "space" {
			t.Errorf("Space = %+v, %v; want it back", v, err)
		}

		must(b.DeleteSpace(ctx, b.tenant, b.space, true))
		_, err = b.RestoreFile(ctx, b.tenant, file.ID)
		must(err)
		b.wantTrash(t, "a file restored", 6, 4, 0, 1)
		if all, err := b.Spaces(ctx, b.tenant, Page{}); err != nil || len(all) != 1 || all[0].ID != b.space {
			t.Errorf("Spaces = %+v, %v; want the one", all, err)
		}
		for _, folder := range []Folder{before, other, top} {
			_, err := b.RestoreFolder(ctx, b.tenant, folder.ID)
			must(err)
		}
		b.wantTrash(t, "all folders restored", 0, 1, 6, 4)
	})
}

// TestTrashOfDeletedSpace empties the trash: what a deleted space held goes with the
// rest of the tenant's, and by the space's id.
func TestTrashOfDeletedSpace(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		for _, by := range []string{b.space, ""} {
			v, err := b.CreateSpace(t.Context(), b.tenant, "s", nil)
			if err != nil {
				t.Fatal(err)
			}
			b.space = v.ID
			if by != "" {
				by = v.ID
			}
			b.tree(t)
			b.clean(t)
			if err := b.DeleteSpace(t.Context(), b.tenant, b.space, true); err != nil {
				t.Fatal(err)
			}
			b.clock.add(time.Second)
			files, bytes, err := b.EmptyTrash(t.Context(), b.tenant, by)
			if err != nil || files != 2 || bytes != 20 {
				t.Errorf("EmptyTrash(%q) = %d, %d, %v; want 2 files of 20 bytes", by, files, bytes, err)
			}
			b.emptied(t)
			if got := [3]int{b.rows(t, "files"), b.rows(t, "folders"), b.rows(t, "spaces")}; got != [3]int{0, 0, 1} {
				t.Errorf("emptied by %q: files, folders, spaces left: %v; want the live space alone", by, got)
			}
			if q, err := b.Quota(t.Context(), b.tenant); err != nil || q.BytesUsed != 0 {
				t.Errorf("Quota = %+v, %v; want nothing used", q, err)
			}
		}
	})
}

// TestPurgeAndRestoreOfDeletedSpace races them: the folder is back in a live space, or
// both are gone.
func TestPurgeAndRestoreOfDeletedSpace(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		for range 10 {
			v, err := b.CreateSpace(ctx, b.tenant, "s", nil)
			if err != nil {
				t.Fatal(err)
			}
			b.space = v.ID
			top, f, _ := b.tree(t)
			if err := b.DeleteSpace(ctx, b.tenant, b.space, true); err != nil {
				t.Fatal(err)
			}
			restored := b.restoreAndPurge(t, top.ID)
			_, errSpace := b.Space(ctx, b.tenant, b.space)
			folder, errFolder := b.Folder(ctx, b.tenant, top.ID)
			file, errFile := b.File(ctx, b.tenant, f.ID)
			if back := restored == nil; back != (errSpace == nil) || back != (errFolder == nil) || back && folder.DeletedAt != nil || errFile == nil && file.DeletedAt != nil {
				t.Fatalf("restore: %v; then space %v, folder %+v, %v, file %+v, %v", restored, errSpace, folder, errFolder, file, errFile)
			}
			if stored, _ := b.drift(t, b.tenant); stored != 0 {
				t.Fatalf("drift of %d bytes", stored)
			}
		}
	})
}
