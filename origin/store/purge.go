package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Trash names a part of what is in the trash.
type Trash struct {
	TenantID string // "": of all tenants
	SpaceID  string // "": of all spaces, the deleted ones too
	Until    int64  // what was trashed at this time or before

	CommonGrace bool `json:",omitempty"` // only of tenants whose plan has none of its own
}

// where renders the condition after the arguments that the caller has already.
// spaceColumn is what names a row's space.
func (t Trash) where(spaceColumn string, args ...any) (string, []any) {
	args = append(args, t.Until)
	condition := `deleted_at <= $` + strconv.Itoa(len(args))
	for column, value := range map[string]string{"tenant_id": t.TenantID, spaceColumn: t.SpaceID} {
		if value != "" {
			args = append(args, value)
			condition += ` AND ` + column + ` = $` + strconv.Itoa(len(args))
		}
	}
	if t.CommonGrace {
		condition += ` AND tenant_id NOT IN (SELECT id FROM tenants WHERE trash_grace IS NOT NULL)`
	}
	return condition, args
}

// EmptyTrash queues the purge of a tenant's trash as it is now, of one space if
// spaceID is not empty, deleted or not, and returns how many files and bytes it holds.
func (s *Store) EmptyTrash(ctx context.Context, tenantID, spaceID string) (files, bytes int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, spaceID)
		if spaceID != "" {
			if _, err := findAnySpace(ctx, tx, tenantID, spaceID); err != nil {
				return err
			}
		}
		trash := Trash{TenantID: tenantID, SpaceID: spaceID, Until: math.MaxInt64}
		condition, args := trash.where("space_id")
		var last int64 // by the clock of whichever origin trashed it
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(MAX(deleted_at), 0) FROM `+trashedFiles+` WHERE `+condition, args...).Scan(&files, &bytes, &last); err != nil {
			return err
		}
		trash.Until = max(last, s.micros())
		ref, err := json.Marshal(trash)
		if err != nil {
			return err
		}
		return s.enqueue(ctx, tx, JobEmptyTrash, string(ref), s.micros())
	})
	if err == nil {
		s.jobs[JobEmptyTrash].ring()
	}
	return files, bytes, err
}

// TrashOf reads the Ref of a JobEmptyTrash.
func TrashOf(job *Job) (t Trash, err error) {
	if err := json.Unmarshal([]byte(job.Ref), &t); err != nil {
		return t, fmt.Errorf("read job: %w", err)
	}
	return t, nil
}

// PurgeTrash purges up to limit files of the trash, each in a transaction of its
// own, and returns how many it saw. Whatever was restored meanwhile stays.
func (s *Store) PurgeTrash(ctx context.Context, t Trash, limit int) (seen int64, err error) {
	condition, args := t.where("space_id", limit)
	rows, err := s.db.Read().QueryContext(ctx, `SELECT `+fileColumns+` FROM files WHERE id IN (SELECT id FROM `+trashedFiles+` WHERE `+condition+` LIMIT $1)`, args...)
	files, err := collect(rows, err, readFile)
	if err != nil {
		return 0, fmt.Errorf("look into the trash: %w", err)
	}
	for _, f := range files {
		err := s.purgeTrashed(ctx, f, t.Until)
		if err != nil && !isNotFound(err) { // restored, or purged by another origin
			return seen, fmt.Errorf("purge file %s: %w", f.ID, err)
		}
		seen++
	}
	return seen, nil
}

// purgeTrashed purges a file that was seen in the trash, if it still is there.
func (s *Store) purgeTrashed(ctx context.Context, f File, until int64) error {
	_, err := s.purge(ctx, f.TenantID, f.ID, func(f File) bool { return f.DeletedAt != nil && *f.DeletedAt <= until })
	return err
}

// PurgeContainers removes up to limit trashed folders, and as many deleted
// spaces, that hold nothing any more, and returns how many. A folder goes before
// the one that holds it, so call it until it returns 0.
func (s *Store) PurgeContainers(ctx context.Context, t Trash, limit int) (n int64, err error) {
	const emptyFolder = ` AND NOT EXISTS (SELECT 1 FROM folders inside WHERE inside.parent_id = folders.id)
		AND NOT EXISTS (SELECT 1 FROM files WHERE folder_id = folders.id) AND NOT EXISTS (SELECT 1 FROM uploads WHERE folder_id = folders.id)`
	const emptySpace = ` AND NOT EXISTS (SELECT 1 FROM folders WHERE space_id = spaces.id)
		AND NOT EXISTS (SELECT 1 FROM files WHERE space_id = spaces.id) AND NOT EXISTS (SELECT 1 FROM uploads WHERE space_id = spaces.id)`
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		n = 0
		for _, one := range []struct{ table, space, empty string }{{"folders", "space_id", emptyFolder}, {"spaces", "id", emptySpace}} {
			condition, args := t.where(one.space, limit)
			gone, err := affected(tx.ExecContext(ctx, `DELETE FROM `+one.table+` WHERE id IN (
				SELECT id FROM `+one.table+` WHERE `+condition+one.empty+` LIMIT $1`+s.db.SkipLocked()+`)`, args...))
			if err != nil {
				return fmt.Errorf("purge %s: %w", one.table, err)
			}
			n += gone
		}
		return nil
	})
	return n, err
}
