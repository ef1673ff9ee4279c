package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

// Rescans says which files are to be scanned again. The zero value is all that have a
// verdict, or none and no scan to come: it was given up, and limits may be others now.
type Rescans struct {
	TenantID string // "": of all tenants
	FileID   string // "": all files
	Before   int64  // last scanned before this time, or when nobody noted it; 0: whenever
}

// rescanBatch is how many files one transaction queues.
const rescanBatch = 1000

// QueueRescans queues one job per file and returns how many there are. A file
// that waits for a rescan already is not queued twice. progress is called after
// each batch with the number so far.
func (s *Store) QueueRescans(ctx context.Context, which Rescans, progress func(n int64)) (queued int64, err error) {
	after := ""
	for {
		var n int64
		if after, n, err = s.queueRescans(ctx, which, after); err != nil || n == 0 {
			return queued, err
		}
		queued += n
		progress(queued)
	}
}

func (s *Store) queueRescans(ctx context.Context, which Rescans, after string) (last string, n int64, err error) {
	condition, args := `(scan_status <> 'pending' OR NOT EXISTS (SELECT 1 FROM jobs WHERE kind IN ('scan', 'rescan') AND ref = files.id AND NOT dead)) AND id > $1`, []any{after, rescanBatch}
	add := func(text string, value any) {
		args = append(args, value)
		condition += fmt.Sprintf(text, "$"+strconv.Itoa(len(args)))
	}
	if which.TenantID != "" {
		add(` AND tenant_id = %s`, which.TenantID)
	}
	if which.FileID != "" {
		add(` AND id = %s`, which.FileID)
	}
	if which.Before != 0 {
		add(` AND (scanned_at IS NULL OR scanned_at < %s)`, which.Before)
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, which.FileID)
		last, n = "", 0
		rows, err := tx.QueryContext(ctx, `SELECT id FROM files WHERE `+condition+` ORDER BY id LIMIT $2`, args...)
		ids, err := collect(rows, err, func(row scanner) (id string, err error) {
			err = row.Scan(&id)
			return id, err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		last, n = ids[len(ids)-1], int64(len(ids))
		if err := s.enqueueOnce(ctx, tx, JobRescan, ids); err != nil {
			return err
		}
		refs := make([]any, len(ids))
		for i, id := range ids {
			refs[i] = id
		}
		// All of the condition of jobs_of_files, or SQLite would not see that it applies.
		_, err = tx.ExecContext(ctx, `DELETE FROM jobs WHERE kind IN ('scan', 'rescan') AND ref IN (VALUES `+tuples(len(ids), 1)+`) AND kind = 'scan' AND dead`, refs...)
		return err
	})
	return last, n, err
}

// enqueueOnce queues jobs whose id is made of their kind and ref, so that there
// is at most one. One that was given up is begun anew.
func (s *Store) enqueueOnce(ctx context.Context, tx *sql.Tx, kind JobKind, refs []string) error {
	now := s.micros()
	args := make([]any, 0, 5*len(refs))
	for _, ref := range refs {
		args = append(args, string(kind)+":"+ref, kind, ref, now, now)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO jobs (id, kind, ref, run_at, created_at) VALUES `+tuples(len(refs), 5)+`
		ON CONFLICT (id) DO UPDATE SET dead = FALSE, attempts = 0, run_at = excluded.run_at, lease_until = 0, last_error = NULL WHERE jobs.dead`, args...)
	if err != nil {
		return fmt.Errorf("queue %s: %w", kind, err)
	}
	return nil
}

// RescansLeft is how far the rescans have come.
type RescansLeft struct {
	Waiting   int64  // not done yet
	Failing   int64  // of them: failed and waiting for another attempt
	Dead      int64  // given up, such as for bytes that changed
	LastError string // of one that failed
}

// RescansLeft counts what is left of the rescans of all tenants.
func (s *Store) RescansLeft(ctx context.Context) (left RescansLeft, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT COUNT(CASE WHEN NOT dead THEN 1 END), COUNT(CASE WHEN NOT dead AND last_error IS NOT NULL THEN 1 END),
			COUNT(CASE WHEN dead THEN 1 END), COALESCE(MAX(last_error), '') FROM jobs WHERE kind = $1`, JobRescan).
		Scan(&left.Waiting, &left.Failing, &left.Dead, &left.LastError)
	if err != nil {
		err = fmt.Errorf("count rescans: %w", err)
	}
	return left, err
}
