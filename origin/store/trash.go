package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// trashWhere moves the live rows that match to the trash under one deletion id.
// condition uses $1 for arg.
func trashWhere(ctx context.Context, tx *sql.Tx, table, condition, arg, deletion string, now int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE `+table+` SET deleted_at = $2, updated_at = $2, deletion_id = $3
		WHERE deleted_at IS NULL AND `+condition, arg, now, deletion)
	return err
}

// trashedAt is when a file went to the trash, itself or with its folder, NULL if it
// is live. A folder's files have no mark of their own, so that it is trashed and
// restored with all that it holds in a moment. table is the files' name in the
// statement.
func trashedAt(table string) string {
	return `COALESCE(` + table + `.deleted_at, (SELECT holder.deleted_at FROM folders holder WHERE holder.id = ` + table + `.folder_id))`
}

// live is the condition under which a file is not in the trash. It says the same as
// trashedAt, and by comparisons of which PostgreSQL supposes that many rows pass:
// by IS NULL or NOT EXISTS it supposes that few do, and reads and sorts a whole list
// for the page that it could read from an index.
const live = `files.deleted_at IS NULL AND COALESCE((SELECT holder.deleted_at FROM folders holder WHERE holder.id = files.folder_id), 0) < 1`

// inTrash is the condition for the rest, for a statement whose $1 is the tenant. The
// trash is taken for small: it is read whole.
const inTrash = `files.id IN (SELECT trashed.id FROM ` + trashedFiles + ` WHERE trashed.tenant_id = $1)`

// trashedFiles are the files in the trash, found by what is in the trash and not
// among all that there are.
const trashedFiles = `(SELECT id, tenant_id, space_id, size, deleted_at FROM files WHERE deleted_at IS NOT NULL
	UNION ALL SELECT f.id, f.tenant_id, f.space_id, f.size, holder.deleted_at FROM folders holder JOIN files f ON f.folder_id = holder.id
		WHERE holder.deleted_at IS NOT NULL AND f.deleted_at IS NULL) trashed`

// trashSpace trashes all of a space and announces it.
func (s *Store) trashSpace(ctx context.Context, tx *sql.Tx, spaceID, deletion string, now int64) error {
	if err := trashWhere(ctx, tx, "folders", `space_id = $1`, spaceID, deletion, now); err != nil {
		return err
	}
	if err := s.announceLater(ctx, tx, deletion); err != nil {
		return err
	}
	if err := trashWhere(ctx, tx, "files", `space_id = $1 AND folder_id IS NULL`, spaceID, deletion, now); err != nil {
		return err
	}
	return s.announceFiles(ctx, tx, `deletion_id = $1`, deletion)
}

// trashTree trashes a folder and all below it, and announces it.
func (s *Store) trashTree(ctx context.Context, tx *sql.Tx, folderID, deletion string, now int64) error {
	if err := trashWhere(ctx, tx, "folders", `id IN (`+subtree+` SELECT id FROM tree)`, folderID, deletion, now); err != nil {
		return err
	}
	return s.announceLater(ctx, tx, deletion)
}

// lockTree locks a space's tree, also that of a deleted space. One whose row is gone
// has none.
func (s *Store) lockTree(ctx context.Context, tx *sql.Tx, spaceID string) error {
	var one int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM spaces WHERE id = $1`+s.db.ForUpdate(), spaceID).Scan(&one)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("lock space: %w", err)
	}
	return nil
}

// bringBackSpace makes a deleted space live again, empty, for what is restored to it.
func (s *Store) bringBackSpace(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `UPDATE spaces SET deleted_at = NULL, updated_at = $2 WHERE id = $1 AND deleted_at IS NOT NULL`, id, s.micros())
	if err != nil {
		return fmt.Errorf("bring back space: %w", err)
	}
	return nil
}

// untrash brings back what a folder's deletion took of its tree and tells the edges.
func (s *Store) untrash(ctx context.Context, tx *sql.Tx, f Folder) error {
	// A space's deletion took other trees too: this one gets a deletion of its own.
	deletion := newID()
	for _, place := range []string{"folders SET deletion_id = $3 WHERE id", "files SET deletion_id = $3 WHERE folder_id"} {
		if _, err := tx.ExecContext(ctx, `UPDATE `+place+` IN (`+subtree+` SELECT id FROM tree) AND deletion_id = $2`, f.ID, *f.deletionID, deletion); err != nil {
			return fmt.Errorf("part a deletion: %w", err)
		}
	}
	// Those to be told are found first: afterwards the rows no longer name the deletion.
	if err := s.announceLater(ctx, tx, deletion); err != nil {
		return err
	}
	if err := s.announceFiles(ctx, tx, `deletion_id = $1`, deletion); err != nil {
		return err
	}
	for _, table := range []string{"folders", "files"} {
		_, err := tx.ExecContext(ctx, `UPDATE `+table+` SET deleted_at = NULL, deletion_id = NULL, updated_at = $2
			WHERE deletion_id = $1`, deletion, s.micros())
		if err != nil {
			return err
		}
	}
	return nil
}
