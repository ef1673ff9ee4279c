package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rawlink/internal/share"
)

// Quota is a tenant's usage and limits. BytesUsed holds what is stored, trash
// included, and what open uploads have reserved.
type Quota struct {
	BytesUsed  int64
	BytesLimit int64
	LinksUsed  int64
	LinksLimit int64
	ByApp      []AppUsage
}

// AppUsage is the part of the pool that files of one app take.
type AppUsage struct {
	App       *string // nil: files uploaded without an app
	BytesUsed int64
	Files     int64
}

// quotaExceeded is the detail that clients compare with; see CONTRACT §2.
const quotaExceeded = "quota_exceeded"

func overQuota(resource string, limit, used, requested int64) error {
	return &Refusal{Kind: share.OverQuota, Detail: quotaExceeded,
		Quota: &QuotaRefusal{Resource: resource, Limit: limit, Used: used, Requested: requested}}
}

// Quota reads the tenant's usage.
func (s *Store) Quota(ctx context.Context, tenantID string) (Quota, error) {
	db := s.db.Read()
	var q Quota
	err := db.QueryRowContext(ctx, `SELECT bytes_stored + bytes_reserved, bytes_limit, links_limit FROM tenants WHERE id = $1`, tenantID).
		Scan(&q.BytesUsed, &q.BytesLimit, &q.LinksLimit)
	if err != nil {
		return q, fmt.Errorf("read usage: %w", err)
	}
	if q.LinksUsed, err = s.activeLinks(ctx, db, tenantID); err != nil {
		return q, err
	}
	rows, err := db.QueryContext(ctx, `SELECT source_app, SUM(size), COUNT(*) FROM files WHERE tenant_id = $1
		GROUP BY source_app ORDER BY source_app`, tenantID)
	q.ByApp, err = collect(rows, err, func(row scanner) (AppUsage, error) {
		var u AppUsage
		err := row.Scan(&u.App, &u.BytesUsed, &u.Files)
		return u, err
	})
	return q, err
}

// activeShare is the condition under which a share counts: not revoked, not
// expired, not used up. $2 is now. A purge deletes the row itself.
const activeShare = `NOT revoked AND (expires_at IS NULL OR expires_at > $2) AND NOT ` + usedUpShare

func (s *Store) activeLinks(ctx context.Context, q querier, tenantID string) (int64, error) {
	query := `SELECT COUNT(*) FROM shares WHERE tenant_id = $1 AND ` + activeShare
	if !s.countPermanentLinks {
		query += ` AND expires_at IS NOT NULL`
	}
	var n int64
	if err := q.QueryRowContext(ctx, query, tenantID, s.micros()).Scan(&n); err != nil {
		return 0, fmt.Errorf("count active links: %w", err)
	}
	return n, nil
}

// reserveBytes takes size from the tenant's pool, or refuses without a change.
// The condition and the change are one statement, so parallel uploads can't
// pass the limit together.
func (s *Store) reserveBytes(ctx context.Context, tx *sql.Tx, tenantID string, size int64) error {
	var limit, used int64
	err := tx.QueryRowContext(ctx, `UPDATE tenants SET bytes_reserved = bytes_reserved + $2
		WHERE id = $1 AND (bytes_limit = -1 OR bytes_stored + bytes_reserved + $2 <= bytes_limit)
		RETURNING bytes_limit, bytes_stored + bytes_reserved`, tenantID, size).Scan(&limit, &used)
	if err == nil {
		return s.tellNearLimit(ctx, tx, tenantID, "bytes", used-size, used, limit)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT bytes_limit, bytes_stored + bytes_reserved FROM tenants WHERE id = $1`, tenantID).Scan(&limit, &used); err != nil {
		return err
	}
	return overQuota("bytes", limit, used, size)
}

// moveUsage adds to what a tenant stores and has reserved; negative gives back.
func moveUsage(ctx context.Context, tx *sql.Tx, tenantID string, stored, reserved int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE tenants SET bytes_stored = bytes_stored + $2, bytes_reserved = bytes_reserved + $3
		WHERE id = $1`, tenantID, stored, reserved)
	return err
}

// checkLinkLimit refuses if a link that was just made active again is one more than
// the limit. The caller holds the tenant's lock.
func (s *Store) checkLinkLimit(ctx context.Context, tx *sql.Tx, tenantID, shareID string) error {
	if err := raiseBound(ctx, tx, shareID); err != nil {
		return err
	}
	limit, used, err := s.links(ctx, tx, tenantID)
	if err != nil || limit == Unlimited {
		return err
	}
	if used <= limit {
		return s.tellNearLimit(ctx, tx, tenantID, "links", used-1, used, limit)
	}
	return overQuota("links", limit, used-1, 1)
}

func (s *Store) links(ctx context.Context, tx *sql.Tx, tenantID string) (limit, used int64, err error) {
	if err = tx.QueryRowContext(ctx, `SELECT links_limit FROM tenants WHERE id = $1`, tenantID).Scan(&limit); err == nil && limit != Unlimited {
		used, err = s.activeLinks(ctx, tx, tenantID)
	}
	return limit, used, err
}
