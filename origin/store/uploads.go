package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rawlink/internal/share"
)

// Upload is a reservation: an id, a key and room in the quota for a file whose
// bytes are still to come.
type Upload struct {
	FileID        string
	TenantID      string
	SpaceID       string
	FolderID      *string
	ObjectKey     string
	PartsID       *string // the store's id of a multipart upload; nil: one PUT
	PartSize      *int64  // bytes of all its parts but the last
	OriginalName  string
	MIME          string
	Size          int64
	ClaimedSHA256 *string
	ClientKey     *string
	App           *string
	CreatedBy     *string
	CreatedAt     int64
	ExpiresAt     int64
}

const uploadColumns = `file_id, tenant_id, space_id, folder_id, object_key, parts_id, part_size, original_name, mime, size, claimed_sha256, client_key, app, created_by, created_at, expires_at`

func readUpload(row scanner) (Upload, error) {
	var u Upload
	err := row.Scan(&u.FileID, &u.TenantID, &u.SpaceID, &u.FolderID, &u.ObjectKey, &u.PartsID, &u.PartSize, &u.OriginalName, &u.MIME, &u.Size,
		&u.ClaimedSHA256, &u.ClientKey, &u.App, &u.CreatedBy, &u.CreatedAt, &u.ExpiresAt)
	return u, err
}

// ReserveUpload takes room for the upload from the quota and gives it its id and
// key, before anything is signed. What an earlier try of the same request reserved is
// open for as long as a new one from then on: what is signed for it is good for so long.
func (s *Store) ReserveUpload(ctx context.Context, u Upload, lifetime time.Duration) (Upload, error) {
	id, repeated := reservedID(ctx)
	u.FileID = id
	u.CreatedAt = s.micros()
	u.ExpiresAt = u.CreatedAt + lifetime.Microseconds()
	// Not the file's id, which a repeated request brings again: a key whose
	// clearing is planned must never be another upload's.
	u.ObjectKey = u.TenantID + "/" + newID()
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		if err := s.lockTenant(ctx, tx, u.TenantID); err != nil {
			return err
		}
		made, found, err := madeBefore(repeated, func() (Upload, error) { return findUpload(ctx, tx, u.TenantID, id, "") })
		if err != nil {
			return err
		}
		if found {
			made.ExpiresAt = max(made.ExpiresAt, u.ExpiresAt)
			u = made
			_, err = tx.ExecContext(ctx, `UPDATE uploads SET expires_at = $2 WHERE file_id = $1`, u.FileID, u.ExpiresAt)
			return err
		}
		_, found, err = madeBefore(repeated, func() (File, error) { return findFile(ctx, tx, u.TenantID, id, "") })
		if err != nil {
			return err
		}
		if found {
			return refuse(share.Conflict, "this upload was completed already")
		}
		if err := s.lockPlace(ctx, tx, u.TenantID, u.SpaceID, u.FolderID, "folder"); err != nil {
			return err
		}
		if err := s.reserveBytes(ctx, tx, u.TenantID, u.Size); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO uploads (`+uploadColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			u.FileID, u.TenantID, u.SpaceID, u.FolderID, u.ObjectKey, u.PartsID, u.PartSize, u.OriginalName, u.MIME, u.Size,
			u.ClaimedSHA256, u.ClientKey, u.App, u.CreatedBy, u.CreatedAt, u.ExpiresAt)
		return err
	})
	return u, err
}

// SetParts records how a multipart upload is divided, and the store's id of it.
func (s *Store) SetParts(ctx context.Context, fileID, partsID string, partSize int64) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE uploads SET parts_id = $2, part_size = $3 WHERE file_id = $1`, fileID, partsID, partSize)
		return err
	})
}

// Upload returns an open upload of the tenant.
func (s *Store) Upload(ctx context.Context, tenantID, fileID string) (Upload, error) {
	return findUpload(ctx, s.db.Read(), tenantID, fileID, "")
}

func findUpload(ctx context.Context, q querier, tenantID, fileID, lock string) (Upload, error) {
	u, err := readUpload(q.QueryRowContext(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE file_id = $1 AND tenant_id = $2`+lock, fileID, tenantID))
	return u, orNotFound(err, "upload")
}

// Parts is how many parts a multipart upload has.
func (u *Upload) Parts() int {
	if u.PartSize == nil {
		return 0
	}
	return int((u.Size + *u.PartSize - 1) / *u.PartSize)
}

// Expired reports whether the ticket's time is over.
func (s *Store) Expired(u Upload) bool { return u.ExpiresAt <= s.micros() }

// CompleteUpload turns the reservation into a pending file of these bytes and
// queues its scan. If another request completed it first, that request's file is
// returned. A reservation that was fitted to another size meanwhile is not found: it is
// for other bytes than these.
func (s *Store) CompleteUpload(ctx context.Context, u Upload, object share.Object) (File, error) {
	var f File
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, u.FileID)
		if err := s.lockTenant(ctx, tx, u.TenantID); err != nil {
			return err
		}
		ok, err := changed(tx.ExecContext(ctx, `DELETE FROM uploads WHERE file_id = $1 AND tenant_id = $2 AND size = $3`, u.FileID, u.TenantID, u.Size))
		if err != nil {
			return err
		}
		if !ok {
			f, err = findFile(ctx, tx, u.TenantID, u.FileID, "")
			if share.KindOf(err) == share.NotFound {
				return notFound("upload")
			}
			return err
		}
		if f, err = s.insertFile(ctx, tx, u, object); err != nil {
			return err
		}
		if err := moveUsage(ctx, tx, u.TenantID, u.Size, -u.Size); err != nil {
			return err
		}
		if err := s.clearKeys(ctx, tx, u, object.Key, u.ExpiresAt+AfterExpiry.Microseconds()); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, JobScan, f.ID, s.micros())
	})
	if err == nil {
		s.jobs[JobScan].ring()
	}
	return f, err
}

// insertFile writes the file of an upload. A folder that was trashed while the
// bytes were under way no longer holds anything new: the file goes to the root,
// where its owner finds it.
func (s *Store) insertFile(ctx context.Context, tx *sql.Tx, u Upload, object share.Object) (File, error) {
	err := s.lockPlace(ctx, tx, u.TenantID, u.SpaceID, u.FolderID, "folder")
	if u.FolderID != nil && share.KindOf(err) == share.NotFound {
		u.FolderID = nil
		err = s.lockPlace(ctx, tx, u.TenantID, u.SpaceID, nil, "")
	}
	if err != nil {
		return File{}, err
	}
	f, err := readFile(tx.QueryRowContext(ctx, `INSERT INTO files (id, tenant_id, space_id, folder_id, client_key, original_name, mime, size, claimed_sha256,
			scan_status, object_key, object_version, source_app, created_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15) RETURNING `+fileColumns,
		u.FileID, u.TenantID, u.SpaceID, u.FolderID, u.ClientKey, u.OriginalName, nullable(u.MIME), u.Size, u.ClaimedSHA256,
		share.Pending, object.Key, object.Version, u.App, u.CreatedBy, s.micros()))
	if err != nil {
		return f, fmt.Errorf("insert file: %w", err)
	}
	return f, nil
}

// AfterExpiry is how long after a ticket's end its key is cleared: a PUT that
// began before it may finish after it.
const AfterExpiry = 15 * time.Minute

// ReleaseUpload ends an open upload without a file and gives its room back. The
// bytes, if any came, are removed by a job, as are a multipart upload's parts.
// An upload that is no longer open is NotFound.
func (s *Store) ReleaseUpload(ctx context.Context, tenantID, fileID string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, fileID)
		if err := s.lockTenant(ctx, tx, tenantID); err != nil {
			return err
		}
		u, err := findUpload(ctx, tx, tenantID, fileID, s.db.ForUpdate())
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM uploads WHERE file_id = $1`, fileID); err != nil {
			return err
		}
		if err := moveUsage(ctx, tx, tenantID, 0, -u.Size); err != nil {
			return err
		}
		if u.PartsID != nil {
			if err := s.enqueue(ctx, tx, JobAbortParts, u.ObjectKey+" "+*u.PartsID, s.micros()); err != nil {
				return err
			}
		}
		return s.clearKeys(ctx, tx, u, "", max(s.micros(), u.ExpiresAt)+AfterExpiry.Microseconds())
	})
}
