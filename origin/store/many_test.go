package store

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"rawlink/internal/share"
)

// numbers are $1 rows that count from 0.
const numbers = `WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST($1 AS BIGINT)) `

func (b *bench) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	tx := func() error {
		return b.db.InTx(t.Context(), func(tx *sql.Tx) error { _, err := tx.ExecContext(t.Context(), statement, args...); return err })
	}
	if err := tx(); err != nil {
		t.Fatal(err)
	}
}

// fillID is the id of the nth file that fill puts into the root.
func fillID(n int) string { return fmt.Sprintf("file--%d", n) }

// fillHash is the token's hash of the nth file that fill puts into a folder.
func fillHash(n int) (h share.Hash) {
	h, err := share.ParseHash(fmt.Sprintf("1%063d", n))
	if err != nil {
		panic(err)
	}
	return h
}

// fill adds n clean files, a microsecond apart, with a link each, every second of
// which is revoked.
func (b *bench) fill(t testing.TB, folder *string, n int) {
	t.Helper()
	prefix, digit := "file--", "0"
	if folder != nil {
		prefix, digit = "file-"+(*folder)[:8]+"-", "1"
	}
	b.fillFiles(t, folder, n)
	b.exec(t, `INSERT INTO shares (id, tenant_id, file_id, token_hash, permission, revoked, version, created_at, updated_at) `+numbers+`
		SELECT CAST($2 AS TEXT) || 'share-' || CAST(i AS TEXT), $3, CAST($2 AS TEXT) || CAST(i AS TEXT),
			CAST($4 AS TEXT) || SUBSTR('000000000000000000000000000000000000000000000000000000000000000', 1, 63 - LENGTH(CAST(i AS TEXT))) || CAST(i AS TEXT),
			'view', i % 2 = 1, 1, CAST($5 AS BIGINT) + i, CAST($5 AS BIGINT) FROM n`, n, prefix, b.tenant, digit, b.micros())
}

// fillFiles is fill without the links.
func (b *bench) fillFiles(t testing.TB, folder *string, n int) {
	t.Helper()
	prefix := "file--"
	if folder != nil {
		prefix = "file-" + (*folder)[:8] + "-"
	}
	b.exec(t, `INSERT INTO files (id, tenant_id, space_id, folder_id, original_name, size, sha256, scan_status, object_key, object_version, created_at, updated_at) `+numbers+`
		SELECT CAST($2 AS TEXT) || CAST(i AS TEXT), $3, $4, CAST($5 AS TEXT), 'n', 1, 'd', 'clean', 'k' || CAST(i AS TEXT), 'v', CAST($6 AS BIGINT) + i, CAST($6 AS BIGINT) FROM n`,
		n, prefix, b.tenant, b.space, folder, b.micros())
}

// fillFolders adds n folders, a microsecond apart.
func (b *bench) fillFolders(t *testing.T, parent *string, n int) {
	t.Helper()
	prefix := "root--"
	if parent != nil {
		prefix = "under-"
	}
	b.exec(t, `INSERT INTO folders (id, tenant_id, space_id, parent_id, name, created_at, updated_at) `+numbers+`
		SELECT CAST($2 AS TEXT) || CAST(i AS TEXT), $3, $4, CAST($5 AS TEXT), 'n', CAST($6 AS BIGINT) + i, CAST($6 AS BIGINT) FROM n`,
		n, prefix, b.tenant, b.space, parent, b.micros())
}

// TestTrashOfMany trashes a folder of many shared files and restores it. From the
// commit on, everybody who asks the database is refused; the links are announced
// afterwards, and until the last of them is, it can be seen that some are not.
func TestTrashOfMany(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		const many = 2*stepFiles + 1
		ctx := t.Context()
		top, err := b.CreateFolder(ctx, b.tenant, b.space, nil, "top")
		if err != nil {
			t.Fatal(err)
		}
		inner, err := b.CreateFolder(ctx, b.tenant, b.space, &top.ID, "inner")
		if err != nil {
			t.Fatal(err)
		}
		b.fill(t, &inner.ID, many)
		mine, err := b.Record(ctx, fillHash(3))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.TrashFile(ctx, b.tenant, mine.FileID); err != nil { // before, and by itself
			t.Fatal(err)
		}
		b.relayed(t)
		state := func(when string, live, trashed int) {
			t.Helper()
			for _, place := range []ListFilter{{}, {SpaceID: b.space}, {FolderID: inner.ID}} {
				for want, in := range map[int]bool{live: false, trashed: true} {
					place.Trashed = in
					if all, err := b.Files(ctx, b.tenant, place); err != nil || len(all) != want {
						t.Errorf("%s: %d files, trashed %t, %v; want %d", when, len(all), in, err, want)
					}
				}
			}
			stats, err := b.FolderStats(ctx, b.tenant, top.ID)
			if live > 0 && (err != nil || stats.Files != int64(live)) || live == 0 && !isNotFound(err) {
				t.Errorf("%s: stats = %+v, %v; want %d files", when, stats, err, live)
			}
		}
		gone := func(when string, want bool) {
			t.Helper()
			for _, n := range []int{0, 4, many / 2, many - 1} {
				if r, err := b.Record(ctx, fillHash(n)); err != nil || r.Gone != want {
					t.Errorf("%s: record %d = %+v, %v; want gone %t", when, n, r, err, want)
				}
			}
			if r, err := b.Record(ctx, fillHash(3)); err != nil || !r.Gone {
				t.Errorf("%s: the file that was trashed before: %+v, %v", when, r, err)
			}
		}
		announced := func(when string, want bool, count int) {
			t.Helper()
			told := map[share.Hash]share.Record{}
			for {
				n, err := b.Relay(ctx, 500, func(changes []Change) error {
					for _, c := range changes {
						told[c.Hash] = c.Record
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
				rows, err := b.UntoldRows(ctx, 10)
				if err != nil || len(told) < count && len(rows) == 0 {
					t.Fatalf("%s: %d of %d links told, and no more seems to wait; %v", when, len(told), count, err)
				}
			}
			if rows, err := b.UntoldRows(ctx, 10); err != nil || len(rows) != 0 || len(told) != count {
				t.Errorf("%s: %d links told, %d rows wait, %v; want all of %d", when, len(told), len(rows), err, count)
			}
			if r := told[fillHash(many-1)]; r.Gone != want || r.Version < 2 {
				t.Errorf("%s: told %+v; want gone %t", when, r, want)
			}
		}
		state("before", many-1, 1)
		b.clock.add(time.Second)
		if _, err := b.TrashFolder(ctx, b.tenant, top.ID); err != nil {
			t.Fatal(err)
		}
		gone("trashed", true)
		state("trashed", 0, many)
		if _, err := b.make(ctx, NewShare{FileID: fillFile(inner.ID, 0)}); !isNotFound(err) {
			t.Errorf("a link of a file in the trash: %v; want NotFound", err)
		}
		if _, err := b.RestoreFile(ctx, b.tenant, fillFile(inner.ID, 0)); share.KindOf(err) != share.Conflict {
			t.Errorf("a file restored into a trashed folder: %v; want Conflict", err)
		}
		announced("trashed", true, many)
		if _, err := b.RestoreFolder(ctx, b.tenant, top.ID); err != nil {
			t.Fatal(err)
		}
		gone("restored", false)
		state("restored", many-1, 1)
		announced("restored", false, many)

		// Trashed, and restored half-way through the announcement.
		if _, err := b.TrashFolder(ctx, b.tenant, top.ID); err != nil {
			t.Fatal(err)
		}
		for told := 0; told < stepFiles; {
			if _, err := b.Relay(ctx, 500, func(changes []Change) error { told += len(changes); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.RestoreFolder(ctx, b.tenant, top.ID); err != nil {
			t.Fatal(err)
		}
		announced("restored half-way", false, many)
		if _, err := b.TrashFolder(ctx, b.tenant, top.ID); err != nil {
			t.Fatal(err)
		}
		files, bytes, err := b.EmptyTrash(ctx, b.tenant, b.space)
		if err != nil || files != many || bytes != many {
			t.Errorf("the trash holds %d files, %d bytes, %v; want %d", files, bytes, err, many)
		}
	})
}

func fillFile(folder string, n int) string { return fmt.Sprintf("file-%s-%d", folder[:8], n) }
