package store

import (
	"context"
	"database/sql"

	"rawlink/internal/share"
)

// File is a stored object: bytes and what is known of them.
type File struct {
	ID           string
	TenantID     string
	SpaceID      string
	FolderID     *string // nil: at the space's root
	ClientKey    *string
	OriginalName string
	MIME         *string
	Size         int64
	SHA256       *string // set once the bytes were read; ClaimedSHA256 is only what the uploader said
	ScanStatus   share.ScanStatus
	ScanDetail   *string // why there is no verdict, or the signature that was found
	SourceApp    *string
	CreatedBy    *string // id of the key that uploaded it
	CreatedAt    int64
	UpdatedAt    int64
	DeletedAt    *int64 // when it went to the trash, itself or with its folder

	ClaimedSHA256 *string
	Object        share.Object
}

var fileColumns = `id, tenant_id, space_id, folder_id, client_key, original_name, mime, size, sha256, scan_status, scan_detail,
	source_app, created_by, created_at, updated_at, ` + trashedAt("files") + `, claimed_sha256, object_key, object_version`

func readFile(row scanner) (File, error) {
	var f File
	err := row.Scan(&f.ID, &f.TenantID, &f.SpaceID, &f.FolderID, &f.ClientKey, &f.OriginalName, &f.MIME, &f.Size, &f.SHA256, &f.ScanStatus, &f.ScanDetail,
		&f.SourceApp, &f.CreatedBy, &f.CreatedAt, &f.UpdatedAt, &f.DeletedAt, &f.ClaimedSHA256, &f.Object.Key, &f.Object.Version)
	f.Object.Size = f.Size
	if f.SHA256 != nil {
		f.Object.SHA256 = *f.SHA256
	}
	return f, err
}

func readFileByID(row scanner) (id string, f File, err error) {
	f, err = readFile(row)
	return f.ID, f, err
}

func findFile(ctx context.Context, q querier, tenantID, id, lock string) (File, error) {
	f, err := readFile(q.QueryRowContext(ctx, `SELECT `+fileColumns+` FROM files WHERE id = $1 AND tenant_id = $2`+lock, id, tenantID))
	return f, orNotFound(err, "file")
}

// fileOfTenant names a file to whom it may belong.
type fileOfTenant struct{ tenantID, id string }

// File returns one file, live or trashed. Those that are asked for at the same time
// are looked up together, in a statement that begins after all were asked for.
func (s *Store) File(ctx context.Context, tenantID, id string) (File, error) {
	f, err := s.looks.ask(ctx, ofAll, fileOfTenant{tenantID, id})
	switch {
	case err != nil:
		return File{}, err
	case f == nil:
		return File{}, notFound("file")
	}
	return *f, nil
}

func (s *Store) lookAtFiles(ctx context.Context, _ string, some []*waiting[fileOfTenant, *File]) error {
	ids := distinct(some, func(f fileOfTenant) string { return f.id })
	query, args := among(`SELECT `+fileColumns+` FROM files WHERE id IN `, nil, ids)
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	found, err := collectBy(rows, err, readFileByID)
	if err != nil {
		return err
	}
	for _, w := range some {
		w.answer = nil
		if f, ok := found[w.asks.id]; ok && f.TenantID == w.asks.tenantID {
			w.answer = &f
		}
	}
	return nil
}

// Files lists files, oldest first.
func (s *Store) Files(ctx context.Context, tenantID string, filter ListFilter) ([]File, error) {
	query, args := filesQuery(tenantID, filter)
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	return collect(rows, err, readFile)
}

func filesQuery(tenantID string, filter ListFilter) (query string, args []any) {
	condition, args := filter.where("folder_id", live, inTrash, tenantID)
	return filter.Page.of(`SELECT `+fileColumns+` FROM files WHERE `+condition, args)
}

// ResolveFile returns the newest live file that carries the tenant's own key, of
// one app if app is not empty.
func (s *Store) ResolveFile(ctx context.Context, tenantID, clientKey, app string) (File, error) {
	query, args := `SELECT `+fileColumns+` FROM files WHERE tenant_id = $1 AND client_key = $2 AND `+live, []any{tenantID, clientKey}
	if app != "" {
		query, args = query+` AND source_app = $3`, append(args, app)
	}
	f, err := readFile(s.db.Read().QueryRowContext(ctx, query+` ORDER BY created_at DESC, id DESC LIMIT 1`, args...))
	return f, orNotFound(err, "file")
}

// UpdateFile renames a live file and/or moves it within its space. The name is
// part of what an edge answers, so its shares are announced.
func (s *Store) UpdateFile(ctx context.Context, tenantID, id string, name *string, to Placement) (File, error) {
	var f File
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		var err error
		if f, err = findFile(ctx, tx, tenantID, id, ""); err != nil {
			return err
		}
		if f.DeletedAt != nil {
			return notFound("file")
		}
		if to.Set {
			if err := s.lockPlace(ctx, tx, tenantID, f.SpaceID, to.ID, "folder"); err != nil {
				return err
			}
		}
		if f, err = findFile(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil {
			return err
		}
		if err := allowed(ctx, f); err != nil {
			return err
		}
		// The folder that holds it may go to the trash at any time.
		f, err = readFile(tx.QueryRowContext(ctx, `UPDATE files SET original_name = COALESCE($2, original_name),
				folder_id = CASE WHEN $3 THEN $4 ELSE folder_id END, updated_at = $5
			WHERE id = $1 AND `+live+` RETURNING `+fileColumns, id, name, to.Set, to.ID, s.micros()))
		if err != nil {
			return orNotFound(err, "file")
		}
		return s.announceFiles(ctx, tx, `id = $1`, id)
	})
	return f, err
}

// TrashFile moves a file to the trash. Repeating it changes nothing.
func (s *Store) TrashFile(ctx context.Context, tenantID, id string) (File, error) {
	var f File
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		var err error
		if f, err = findFile(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil || f.DeletedAt != nil {
			return err
		}
		if err := allowed(ctx, f); err != nil {
			return err
		}
		if err := trashWhere(ctx, tx, "files", `id = $1`, id, newID(), s.micros()); err != nil {
			return err
		}
		if err := s.announceFiles(ctx, tx, `id = $1`, id); err != nil {
			return err
		}
		f, err = findFile(ctx, tx, tenantID, id, "")
		return err
	})
	return f, err
}

// RestoreFile brings one file back from the trash, whatever delete took it, and its
// space if that was deleted.
func (s *Store) RestoreFile(ctx context.Context, tenantID, id string) (File, error) {
	var f File
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		var err error
		if f, err = findFile(ctx, tx, tenantID, id, ""); err != nil || f.DeletedAt == nil {
			return err
		}
		if err := s.lockTree(ctx, tx, f.SpaceID); err != nil {
			return err
		}
		if err := s.checkRestorePlace(ctx, tx, tenantID, f.FolderID); err != nil {
			return err
		}
		if f, err = findFile(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil || f.DeletedAt == nil {
			return err
		}
		if err := allowed(ctx, f); err != nil {
			return err
		}
		if err := s.bringBackSpace(ctx, tx, f.SpaceID); err != nil {
			return err
		}
		f, err = readFile(tx.QueryRowContext(ctx, `UPDATE files SET deleted_at = NULL, deletion_id = NULL, updated_at = $2
			WHERE id = $1 RETURNING `+fileColumns, id, s.micros()))
		if err != nil {
			return orNotFound(err, "file")
		}
		return s.announceFiles(ctx, tx, `id = $1`, id)
	})
	return f, err
}

// deref reads NULL as "".
func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// nullable stores "" as NULL.
func nullable(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
