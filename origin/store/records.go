package store

import (
	"context"
	"database/sql"
	"time"

	"rawlink/internal/share"
)

// Record returns what an edge must know about the share with this token hash. A
// share that never was, or whose file is purged, is NotFound.
func (s *Store) Record(ctx context.Context, hash share.Hash) (share.Record, error) {
	_, r, err := readRecord(s.db.Read().QueryRowContext(ctx, recordQuery+` = $1`, hash.String()))
	return r, orNotFound(err, "share")
}

// records returns the records of those token hashes that have one.
func (s *Store) records(ctx context.Context, q querier, hashes []string) (map[string]share.Record, error) {
	args := make([]any, len(hashes))
	for i, hash := range hashes {
		args[i] = hash
	}
	rows, err := q.QueryContext(ctx, recordQuery+` IN `+tuples(1, len(args)), args...)
	return collectBy(rows, err, readRecord)
}

// recordQuery reads share and file in one statement: version and state belong to
// the same moment.
var recordQuery = `SELECT s.token_hash, s.version, s.id, s.file_id, s.tenant_id, s.permission, s.expires_at, s.max_downloads, ` + usedUpShare + `, s.cap_epoch, s.revoked, s.password_hash, s.confirm,
		` + trashedAt("f") + `, f.scan_status, f.object_key, f.object_version, f.size, f.sha256, f.original_name, f.mime, f.created_at
	FROM shares s JOIN files f ON f.id = s.file_id WHERE s.token_hash`

func readRecord(row scanner) (hash string, r share.Record, err error) {
	var expires, most, deleted sql.NullInt64
	var password, sha256, mime sql.NullString
	var created int64
	err = row.Scan(&hash, &r.Version, &r.ShareID, &r.FileID, &r.TenantID, &r.Permission, &expires, &most, &r.Exhausted, &r.CapEpoch, &r.Revoked, &password, &r.Confirm,
		&deleted, &r.Scan, &r.Object.Key, &r.Object.Version, &r.Object.Size, &sha256, &r.Name, &mime, &created)
	if err != nil {
		return "", share.Record{}, err
	}
	if expires.Valid {
		r.ExpiresAt = expires.Int64 / time.Second.Microseconds()
	}
	r.MaxDownloads = most.Int64
	r.PasswordHash, r.Object.SHA256, r.MIME = password.String, sha256.String, mime.String
	r.Gone = deleted.Valid
	r.Modified = created / time.Second.Microseconds()
	return hash, r, nil
}
