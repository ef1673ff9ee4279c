package store

import (
	"context"
	"database/sql"
	"fmt"
)

// A folder's links change with it, and there may be a hundred thousand. So what
// the trash took is said by the folders' rows alone, which everybody who asks the
// database looks at, and the links are announced afterwards, some at a time, by
// whoever relays. Until all of them are, ticks are withheld, and an edge believes
// nothing beyond its bound.
//
// They are looked up after the change was committed. A link that is made at the
// same time, and that this misses, is one that nobody could ask for earlier.

// How much one step announces: so many files, of so many folders.
const (
	stepFiles   = 1000
	stepFolders = 200
)

// announceLater queues the links of the folders of one deletion. If they are
// queued already, they are announced from the first one again.
func (s *Store) announceLater(ctx context.Context, tx *sql.Tx, deletion string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO untold_folders (folder_id, after_at, after_id, created_at)
		SELECT id, 0, '', CAST($2 AS BIGINT) FROM folders WHERE deletion_id = $1 AND EXISTS (SELECT 1 FROM files WHERE folder_id = folders.id)
		ON CONFLICT (folder_id) DO UPDATE SET after_at = 0, after_id = ''`, deletion, s.micros())
	if err != nil {
		return fmt.Errorf("queue announcements: %w", err)
	}
	return nil
}

// untoldFolder is a folder and the last of its files whose links were announced.
type untoldFolder struct {
	id    string
	after Cursor
}

// announceFolders announces the links of some files of folders that wait for it,
// and reports whether there were any folders.
func (s *Store) announceFolders(ctx context.Context) (some bool, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT folder_id, after_at, after_id FROM untold_folders ORDER BY created_at LIMIT $1`+s.db.SkipLocked(), stepFolders)
		folders, err := collect(rows, err, func(row scanner) (f untoldFolder, err error) {
			err = row.Scan(&f.id, &f.after.CreatedAt, &f.after.ID)
			return f, err
		})
		if err != nil {
			return fmt.Errorf("look for folders to announce: %w", err)
		}
		some = len(folders) > 0
		var files []string
		for _, f := range folders {
			if len(files) >= stepFiles {
				break
			}
			more, err := s.filesToAnnounce(ctx, tx, f, stepFiles-len(files))
			if err != nil {
				return err
			}
			files = append(files, more...)
		}
		if len(files) == 0 {
			return nil
		}
		condition, args := among(`file_id IN `, nil, files)
		return s.announceAll(ctx, tx, condition, args...)
	})
	return some, err
}

// filesToAnnounce returns up to limit files of one folder, and notes that they are
// announced.
func (s *Store) filesToAnnounce(ctx context.Context, tx *sql.Tx, f untoldFolder, limit int) ([]string, error) {
	query, args := Page{After: &f.after, Limit: limit}.of(`SELECT created_at, id FROM files WHERE folder_id = $1`, []any{f.id})
	rows, err := tx.QueryContext(ctx, query, args...)
	places, err := collect(rows, err, func(row scanner) (c Cursor, err error) {
		err = row.Scan(&c.CreatedAt, &c.ID)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for files to announce: %w", err)
	}
	ids := make([]string, len(places))
	for i, place := range places {
		ids[i] = place.ID
	}
	if len(places) < limit {
		_, err = tx.ExecContext(ctx, `DELETE FROM untold_folders WHERE folder_id = $1`, f.id)
	} else {
		last := places[len(places)-1]
		_, err = tx.ExecContext(ctx, `UPDATE untold_folders SET after_at = $2, after_id = $3 WHERE folder_id = $1`, f.id, last.CreatedAt, last.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("note what was announced: %w", err)
	}
	return ids, nil
}
