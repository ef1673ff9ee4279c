package store

import (
	"context"
	"database/sql"

	"rawlink/internal/share"
)

// Folder is a node of the tree inside a space.
type Folder struct {
	ID         string
	TenantID   string
	SpaceID    string
	ParentID   *string // nil: at the space's root
	Name       string
	CreatedAt  int64
	UpdatedAt  int64
	DeletedAt  *int64
	deletionID *string
}

// Placement says where something is to go. Set is false to leave it where it is.
type Placement struct {
	Set bool
	ID  *string // a folder, or nil for the space's root
}

const folderColumns = `id, tenant_id, space_id, parent_id, name, created_at, updated_at, deleted_at, deletion_id`

func readFolder(row scanner) (Folder, error) {
	var f Folder
	err := row.Scan(&f.ID, &f.TenantID, &f.SpaceID, &f.ParentID, &f.Name, &f.CreatedAt, &f.UpdatedAt, &f.DeletedAt, &f.deletionID)
	return f, err
}

// CreateFolder adds a folder to a space, under parentID if that is not nil.
func (s *Store) CreateFolder(ctx context.Context, tenantID, spaceID string, parentID *string, name string) (Folder, error) {
	now := s.micros()
	id, repeated := reservedID(ctx)
	f := Folder{ID: id, TenantID: tenantID, SpaceID: spaceID, ParentID: parentID, Name: name, CreatedAt: now, UpdatedAt: now}
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		made, found, err := madeBefore(repeated, func() (Folder, error) { return findFolder(ctx, tx, tenantID, id) })
		if found || err != nil {
			f = made
			return err
		}
		if err := s.lockPlace(ctx, tx, tenantID, spaceID, parentID, "parent folder"); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO folders (id, tenant_id, space_id, parent_id, name, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, f.ID, f.TenantID, f.SpaceID, f.ParentID, f.Name, f.CreatedAt, f.UpdatedAt)
		return err
	})
	return f, err
}

func findFolder(ctx context.Context, q querier, tenantID, id string) (Folder, error) {
	f, err := readFolder(q.QueryRowContext(ctx, `SELECT `+folderColumns+` FROM folders WHERE id = $1 AND tenant_id = $2`, id, tenantID))
	return f, orNotFound(err, "folder")
}

// Folder returns one folder, live or trashed.
func (s *Store) Folder(ctx context.Context, tenantID, id string) (Folder, error) {
	return findFolder(ctx, s.db.Read(), tenantID, id)
}

// Folders lists folders, oldest first.
func (s *Store) Folders(ctx context.Context, tenantID string, filter ListFilter) ([]Folder, error) {
	query, args := foldersQuery(tenantID, filter)
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	return collect(rows, err, readFolder)
}

func foldersQuery(tenantID string, filter ListFilter) (query string, args []any) {
	condition, args := filter.where("parent_id", `deleted_at IS NULL`, `deleted_at IS NOT NULL`, tenantID)
	return filter.Page.of(`SELECT `+folderColumns+` FROM folders WHERE `+condition, args)
}

// UpdateFolder renames a live folder and/or moves it within its space.
func (s *Store) UpdateFolder(ctx context.Context, tenantID, id string, name *string, to Placement) (Folder, error) {
	var f Folder
	err := s.write(ctx, func(tx *sql.Tx) error {
		var err error
		if f, err = s.lockFolder(ctx, tx, tenantID, id); err != nil {
			return err
		}
		if f.DeletedAt != nil {
			return notFound("folder")
		}
		if err := allowed(ctx, f); err != nil {
			return err
		}
		if to.Set {
			if err := s.checkMove(ctx, tx, f, to.ID); err != nil {
				return err
			}
		}
		f, err = readFolder(tx.QueryRowContext(ctx, `UPDATE folders SET name = COALESCE($2, name),
				parent_id = CASE WHEN $3 THEN $4 ELSE parent_id END, updated_at = $5
			WHERE id = $1 RETURNING `+folderColumns, id, name, to.Set, to.ID, s.micros()))
		return orNotFound(err, "folder")
	})
	return f, err
}

// TrashFolder moves a folder and everything in it to the trash. Repeating it
// changes nothing.
func (s *Store) TrashFolder(ctx context.Context, tenantID, id string) (Folder, error) {
	var f Folder
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		var err error
		if f, err = s.lockFolder(ctx, tx, tenantID, id); err != nil || f.DeletedAt != nil {
			return err
		}
		if err := allowed(ctx, f); err != nil {
			return err
		}
		deletion := newID()
		if err := s.trashTree(ctx, tx, id, deletion, s.micros()); err != nil {
			return err
		}
		f, err = findFolder(ctx, tx, tenantID, id)
		return err
	})
	return f, err
}

// lockFolder finds a folder and locks its space's tree, also that of a deleted space.
func (s *Store) lockFolder(ctx context.Context, tx *sql.Tx, tenantID, id string) (Folder, error) {
	f, err := findFolder(ctx, tx, tenantID, id)
	if err != nil {
		return f, err
	}
	if err := s.lockTree(ctx, tx, f.SpaceID); err != nil {
		return f, err
	}
	return findFolder(ctx, tx, tenantID, id)
}

// RestoreFolder brings back what the delete took of this folder's tree, nothing that
// had been trashed before it. If that delete or a later one took the space, it comes
// back too, without anything else that it held.
func (s *Store) RestoreFolder(ctx context.Context, tenantID, id string) (Folder, error) {
	var f Folder
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		var err error
		if f, err = s.lockFolder(ctx, tx, tenantID, id); err != nil || f.DeletedAt == nil {
			return err
		}
		if err := s.checkRestorePlace(ctx, tx, f.TenantID, f.ParentID); err != nil {
			return err
		}
		if err := allowed(ctx, f); err != nil {
			return err
		}
		if err := s.bringBackSpace(ctx, tx, f.SpaceID); err != nil {
			return err
		}
		if err := s.untrash(ctx, tx, f); err != nil {
			return err
		}
		f, err = findFolder(ctx, tx, tenantID, id)
		return err
	})
	return f, err
}

// checkRestorePlace refuses to restore into a folder that is itself trashed.
func (s *Store) checkRestorePlace(ctx context.Context, tx *sql.Tx, tenantID string, folderID *string) error {
	if folderID == nil {
		return nil
	}
	parent, err := findFolder(ctx, tx, tenantID, *folderID)
	if err != nil {
		return err
	}
	if parent.DeletedAt != nil {
		return refuse(share.Conflict, "the folder that held it is in the trash too; restore folder "+parent.ID+" first")
	}
	return nil
}
