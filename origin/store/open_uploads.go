package store

import "context"

// HasUploadTo reports whether an open upload of the tenant is to come to this key.
func (s *Store) HasUploadTo(ctx context.Context, tenantID, key string) (found bool, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM uploads WHERE tenant_id = $1 AND object_key = $2)`, tenantID, key).Scan(&found)
	return found, err
}

// ExpiredUploads returns up to limit open uploads whose ticket has expired.
func (s *Store) ExpiredUploads(ctx context.Context, limit int) ([]Upload, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`, s.micros(), limit)
	return collect(rows, err, readUpload)
}

// OpenUploads returns up to limit open uploads, oldest first: of the tenant, or of
// all if it is "". Each holds room of its tenant's quota.
func (s *Store) OpenUploads(ctx context.Context, tenantID string, limit int) ([]Upload, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE $1 = '' OR tenant_id = $1 ORDER BY created_at, file_id LIMIT $2`, tenantID, limit)
	return collect(rows, err, readUpload)
}
