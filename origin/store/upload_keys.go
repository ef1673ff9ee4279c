package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// keptSuffix ends the keys where bytes stay that no ticket can reach.
const keptSuffix = ".kept"

// KeptKey draws a key under which an upload's bytes may stay: its ticket can't reach it,
// and no other try to complete the upload writes to it. Its removal is planned when the
// upload ends, unless it is the one that the file has. An upload that is no longer open
// is NotFound.
func (s *Store) KeptKey(ctx context.Context, u Upload) (key string, err error) {
	key = u.ObjectKey + "." + newID() + keptSuffix
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := findUpload(ctx, tx, u.TenantID, u.FileID, s.db.ForUpdate()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO upload_keys (object_key, file_id) VALUES ($1, $2)`, key, u.FileID); err != nil {
			return fmt.Errorf("keep key: %w", err)
		}
		return nil
	})
	return key, err
}

// maxKeptKeys bounds what is looked at of an upload whose tries fail again and again.
const maxKeptKeys = 8

// KeptKeys are those that were drawn for an open upload, the newest ones first.
func (s *Store) KeptKeys(ctx context.Context, u Upload) ([]string, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT object_key FROM upload_keys WHERE file_id = $1 ORDER BY object_key DESC LIMIT $2`, u.FileID, maxKeptKeys)
	return collect(rows, err, readText)
}

// IsKeptFor reports whether a file's key is one of those where the bytes of an upload to
// ticket may stay.
func IsKeptFor(ticket, key string) bool {
	return key == ticket || strings.HasPrefix(key, ticket+".") && strings.HasSuffix(key, keptSuffix)
}

// clearKeys ends an upload's keys: what is under them is removed at a time, but for the
// file's. Whatever comes to the ticket's key until then is nobody's.
func (s *Store) clearKeys(ctx context.Context, tx *sql.Tx, u Upload, file string, at int64) error {
	rows, err := tx.QueryContext(ctx, `DELETE FROM upload_keys WHERE file_id = $1 RETURNING object_key`, u.FileID)
	keys, err := collect(rows, err, readText)
	if err != nil {
		return fmt.Errorf("end keys: %w", err)
	}
	for _, key := range append(keys, u.ObjectKey) {
		if key == file {
			continue
		}
		if err := s.enqueue(ctx, tx, JobRemoveObject, key, at); err != nil {
			return err
		}
	}
	return nil
}

func readText(row scanner) (text string, err error) {
	err = row.Scan(&text)
	return text, err
}
