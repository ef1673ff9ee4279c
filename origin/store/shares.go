package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"rawlink/internal/share"
)

// Share is a raw link as it is stored: without its token.
type Share struct {
	ID            string
	TenantID      string
	FileID        string
	Permission    share.Permission
	ExpiresAt     *int64 // Unix microseconds; nil: permanent
	MaxDownloads  *int64 // nil: no cap
	DownloadCount int64
	Revoked       bool
	HasPassword   bool
	Confirm       bool // edges want a POST first
	CreatedAt     int64
	UpdatedAt     int64
	Hash          share.Hash // of its token; set by CreateShare alone
}

// NewShare is what a share to be created is like.
type NewShare struct {
	TenantID     string
	FileID       string
	Permission   share.Permission
	ExpiresAt    *int64
	MaxDownloads *int64
	PasswordHash *string
	Confirm      bool
	CreatedBy    string
	// Hash makes the token's hash from the share's id, so that the token itself
	// never comes near the database.
	Hash func(shareID string) share.Hash
}

const shareColumns = `id, tenant_id, file_id, permission, expires_at, max_downloads, download_count, revoked, password_hash IS NOT NULL, confirm, created_at, updated_at`

func readShare(row scanner) (Share, error) {
	var v Share
	err := row.Scan(&v.ID, &v.TenantID, &v.FileID, &v.Permission, &v.ExpiresAt, &v.MaxDownloads, &v.DownloadCount, &v.Revoked, &v.HasPassword, &v.Confirm, &v.CreatedAt, &v.UpdatedAt)
	return v, err
}

// Shareable is the refusal to share or serve a file that is in the trash or not
// scanned clean, nil if it is neither.
func Shareable(f File) error {
	switch {
	case f.DeletedAt != nil:
		return notFound("file")
	case f.ScanStatus == share.Clean:
		return nil
	case f.ScanStatus == share.Pending:
		return refuse(share.NotReady, "File is not shareable yet (scan_status='pending'); must be 'clean'.")
	}
	return refuse(share.NotReady, fmt.Sprintf("File is not shareable (scan_status='%s'); must be 'clean'.", f.ScanStatus))
}

// ShareFilter narrows a list of shares.
type ShareFilter struct {
	FileID string
	Active *bool // true: only links that count, false: only ended ones, nil: both
	Page   Page
}

// Shares lists shares, oldest first.
func (s *Store) Shares(ctx context.Context, tenantID string, filter ShareFilter) ([]Share, error) {
	query, args := sharesQuery(tenantID, filter, s.micros())
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	return collect(rows, err, readShare)
}

func sharesQuery(tenantID string, filter ShareFilter, now int64) (string, []any) {
	query, args := `SELECT `+shareColumns+` FROM shares WHERE tenant_id = $1`, []any{tenantID}
	if filter.Active != nil {
		args = append(args, now)
		if *filter.Active {
			query += ` AND ` + activeShare
		} else {
			query += ` AND NOT (` + activeShare + `)`
		}
	}
	if filter.FileID != "" {
		args = append(args, filter.FileID)
		query += ` AND file_id = $` + strconv.Itoa(len(args))
	}
	return filter.Page.of(query, args)
}

// Share returns one share of the tenant.
func (s *Store) Share(ctx context.Context, tenantID, id string) (Share, error) {
	return findShare(ctx, s.db.Read(), tenantID, id, "")
}

// MadeShare returns the share that an earlier try of the same request made; see WithID.
func (s *Store) MadeShare(ctx context.Context, tenantID string) (v Share, found bool, err error) {
	id, repeated := reservedID(ctx)
	return madeBefore(repeated, func() (Share, error) { return s.Share(ctx, tenantID, id) })
}

func findShare(ctx context.Context, q querier, tenantID, id, lock string) (Share, error) {
	v, err := readShare(q.QueryRowContext(ctx, `SELECT `+shareColumns+` FROM shares WHERE id = $1 AND tenant_id = $2`+lock, id, tenantID))
	return v, orNotFound(err, "share")
}

// RevokeShare ends a share for good. Repeating it changes nothing.
func (s *Store) RevokeShare(ctx context.Context, tenantID, id string) (Share, error) {
	var v Share
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		var err error
		if v, err = findShare(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil || v.Revoked {
			return err
		}
		if err := allowed(ctx, v); err != nil {
			return err
		}
		if v, err = readShare(tx.QueryRowContext(ctx, `UPDATE shares SET revoked = TRUE, updated_at = $2
			WHERE id = $1 RETURNING `+shareColumns, id, s.micros())); err != nil {
			return err
		}
		if err := s.announceShare(ctx, tx, id); err != nil {
			return err
		}
		return s.tellShare(ctx, tx, EventShareRevoked, v)
	})
	return v, err
}
