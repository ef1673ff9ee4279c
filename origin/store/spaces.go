package store

import (
	"context"
	"database/sql"

	"rawlink/internal/share"
)

// Space is a top-level container of folders and files.
type Space struct {
	ID        string
	TenantID  string
	Name      string
	App       *string
	CreatedAt int64
	UpdatedAt int64
}

// firstSpace is the name of the space that a tenant without any is given.
const firstSpace = "My files"

const spaceColumns = `id, tenant_id, name, app, created_at, updated_at`

func readSpace(row scanner) (Space, error) {
	var v Space
	err := row.Scan(&v.ID, &v.TenantID, &v.Name, &v.App, &v.CreatedAt, &v.UpdatedAt)
	return v, err
}

// CreateSpace adds a space.
func (s *Store) CreateSpace(ctx context.Context, tenantID, name string, app *string) (Space, error) {
	var v Space
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		id, repeated := reservedID(ctx)
		onto(ctx, id)
		var found bool
		if v, found, err = madeBefore(repeated, func() (Space, error) { return findAnySpace(ctx, tx, tenantID, id) }); found || err != nil {
			return err
		}
		v, err = s.insertSpace(ctx, tx, tenantID, id, name, app)
		return err
	})
	return v, err
}

func (s *Store) insertSpace(ctx context.Context, tx *sql.Tx, tenantID, id, name string, app *string) (Space, error) {
	onto(ctx, id)
	now := s.micros()
	v := Space{ID: id, TenantID: tenantID, Name: name, App: app, CreatedAt: now, UpdatedAt: now}
	_, err := tx.ExecContext(ctx, `INSERT INTO spaces (id, tenant_id, name, app, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, v.ID, v.TenantID, v.Name, v.App, v.CreatedAt, v.UpdatedAt)
	return v, err
}

// Spaces lists the tenant's spaces, oldest first. A tenant that has none is
// given its first one.
func (s *Store) Spaces(ctx context.Context, tenantID string, page Page) ([]Space, error) {
	all, err := listSpaces(ctx, s.db.Read(), tenantID, page)
	if err != nil || len(all) > 0 || page.After != nil {
		return all, err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.lockTenant(ctx, tx, tenantID); err != nil {
			return err
		}
		// Another request may have been first while this one waited for the lock.
		if all, err = listSpaces(ctx, tx, tenantID, page); err != nil || len(all) > 0 {
			return err
		}
		v, err := s.insertSpace(ctx, tx, tenantID, newID(), firstSpace, nil)
		all = []Space{v}
		return err
	})
	return all, err
}

func listSpaces(ctx context.Context, q querier, tenantID string, page Page) ([]Space, error) {
	query, args := spacesQuery(tenantID, page)
	rows, err := q.QueryContext(ctx, query, args...)
	return collect(rows, err, readSpace)
}

func spacesQuery(tenantID string, page Page) (string, []any) {
	return page.of(`SELECT `+spaceColumns+` FROM spaces WHERE tenant_id = $1 AND deleted_at IS NULL`, []any{tenantID})
}

// Space returns one space of the tenant.
func (s *Store) Space(ctx context.Context, tenantID, id string) (Space, error) {
	return findSpace(ctx, s.db.Read(), tenantID, id, "")
}

func findSpace(ctx context.Context, q querier, tenantID, id, lock string) (Space, error) {
	v, err := readSpace(q.QueryRowContext(ctx, `SELECT `+spaceColumns+` FROM spaces
		WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL`+lock, id, tenantID))
	return v, orNotFound(err, "space")
}

// AnySpace returns one space of the tenant, also one that was deleted and whose trash
// was not purged yet.
func (s *Store) AnySpace(ctx context.Context, tenantID, id string) (Space, error) {
	return findAnySpace(ctx, s.db.Read(), tenantID, id)
}

// findAnySpace also finds one that was deleted, and whose row is still there.
func findAnySpace(ctx context.Context, q querier, tenantID, id string) (Space, error) {
	v, err := readSpace(q.QueryRowContext(ctx, `SELECT `+spaceColumns+` FROM spaces WHERE id = $1 AND tenant_id = $2`, id, tenantID))
	return v, orNotFound(err, "space")
}

// RenameSpace changes a space's name.
func (s *Store) RenameSpace(ctx context.Context, tenantID, id, name string) (Space, error) {
	var v Space
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		if v, err = findSpace(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil {
			return err
		}
		if err := allowed(ctx, v); err != nil {
			return err
		}
		v, err = readSpace(tx.QueryRowContext(ctx, `UPDATE spaces SET name = $2, updated_at = $3
			WHERE id = $1 RETURNING `+spaceColumns, id, name, s.micros()))
		return err
	})
	return v, err
}

// DeleteSpace removes a space. One that holds live folders, live files or open
// uploads is refused unless recursive, which moves them to the trash first.
func (s *Store) DeleteSpace(ctx context.Context, tenantID, id string, recursive bool) error {
	return s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		v, err := findSpace(ctx, tx, tenantID, id, s.db.ForUpdate())
		if err != nil {
			return err
		}
		var held bool
		err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM folders WHERE space_id = $1 AND deleted_at IS NULL)
			OR EXISTS (SELECT 1 FROM files WHERE space_id = $1 AND folder_id IS NULL AND deleted_at IS NULL)
			OR EXISTS (SELECT 1 FROM uploads WHERE space_id = $1)`, id).Scan(&held)
		if err != nil {
			return err
		}
		if held && !recursive {
			return refuse(share.Conflict, "space is not empty; delete its contents or pass recursive=true")
		}
		if err := allowed(ctx, v); err != nil {
			return err
		}
		now, deletion := s.micros(), newID()
		if err := s.trashSpace(ctx, tx, id, deletion, now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE spaces SET deleted_at = $2 WHERE id = $1`, id, now)
		return err
	})
}
