package store

import (
	"context"
	"database/sql"
)

// trashWhere moves the live rows that match to the trash under one deletion id.
// condition uses $1 for arg.
func trashWhere(ctx context.Context, tx *sql.Tx, table, condition, arg, deletion string, now int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE `+table+` SET deleted_at = $2, updated_at = $2, deletion_id = $3
		WHERE deleted_at IS NULL AND `+condition, arg, now, deletion)
	return err
}

// trashSpace trashes all of a space. The caller announces the deletion.
func trashSpace(ctx context.Context, tx *sql.Tx, spaceID, deletion string, now int64) error {
	if err := trashWhere(ctx, tx, "folders", `space_id = $1`, spaceID, deletion, now); err != nil {
		return err
	}
	return trashWhere(ctx, tx, "files", `space_id = $1`, spaceID, deletion, now)
}

// trashTree trashes a folder and all below it. The files go first: the tree is
// found by following the folders, trashed or not.
func trashTree(ctx context.Context, tx *sql.Tx, folderID, deletion string, now int64) error {
	if err := trashWhere(ctx, tx, "files", `folder_id IN (`+subtree+` SELECT id FROM tree)`, folderID, deletion, now); err != nil {
		return err
	}
	return trashWhere(ctx, tx, "folders", `id IN (`+subtree+` SELECT id FROM tree)`, folderID, deletion, now)
}

// untrash brings back what one deletion took and tells the edges.
func (s *Store) untrash(ctx context.Context, tx *sql.Tx, deletion string) error {
	// The edges are told first: afterwards the rows no longer name the deletion.
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
