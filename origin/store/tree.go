package store

import (
	"context"
	"database/sql"

	"rawlink/internal/share"
)

// subtree is the folder $1 and all folders below it.
const subtree = `WITH RECURSIVE tree (id) AS (
	SELECT id FROM folders WHERE id = $1
	UNION SELECT f.id FROM folders f JOIN tree ON f.parent_id = tree.id)`

// lockPlace checks that a space, and a folder in it if one is given, are live,
// and keeps them so until the transaction ends. Whatever changes the shape of a
// space's tree goes through here, so such changes are one after the other.
func (s *Store) lockPlace(ctx context.Context, tx *sql.Tx, tenantID, spaceID string, folderID *string, what string) error {
	if _, err := findSpace(ctx, tx, tenantID, spaceID, s.db.ForUpdate()); err != nil {
		return err
	}
	if folderID == nil {
		return nil
	}
	f, err := findFolder(ctx, tx, tenantID, *folderID)
	if share.KindOf(err) == share.NotFound || err == nil && (f.DeletedAt != nil || f.SpaceID != spaceID) {
		return notFound(what)
	}
	return err
}

// checkMove refuses a move out of the space or under the folder itself. It holds
// the space's lock, so two moves can't build a ring between them.
func (s *Store) checkMove(ctx context.Context, tx *sql.Tx, f Folder, to *string) error {
	if err := s.lockPlace(ctx, tx, f.TenantID, f.SpaceID, to, "parent folder"); err != nil || to == nil {
		return err
	}
	var inside bool
	err := tx.QueryRowContext(ctx, subtree+` SELECT EXISTS (SELECT 1 FROM tree WHERE id = $2)`, f.ID, *to).Scan(&inside)
	if err == nil && inside {
		return refuse(share.Conflict, "parent_id: a folder can't be moved into itself or below itself")
	}
	return err
}

// FolderStats is what a folder holds, at any depth, without the trash.
type FolderStats struct {
	FolderID string
	Folders  int64
	Files    int64
	Bytes    int64
}

// FolderStats counts a live folder's contents. What is live lies in live folders
// only.
func (s *Store) FolderStats(ctx context.Context, tenantID, id string) (FolderStats, error) {
	db := s.db.Read()
	stats := FolderStats{FolderID: id}
	f, err := findFolder(ctx, db, tenantID, id)
	if err != nil {
		return stats, err
	}
	if f.DeletedAt != nil {
		return stats, notFound("folder")
	}
	err = db.QueryRowContext(ctx, subtree+` SELECT
		(SELECT COUNT(*) FROM folders WHERE id IN (SELECT id FROM tree) AND id <> $1 AND deleted_at IS NULL), COUNT(*), COALESCE(SUM(size), 0)
		FROM files WHERE folder_id IN (SELECT tree.id FROM tree JOIN folders f ON f.id = tree.id WHERE f.deleted_at IS NULL) AND deleted_at IS NULL`, id).Scan(&stats.Folders, &stats.Files, &stats.Bytes)
	return stats, err
}
