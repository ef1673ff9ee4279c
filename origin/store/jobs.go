package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// JobKind names a queue.
type JobKind string

// The queues and what a job's Ref holds in each.
const (
	JobScan         JobKind = "scan"          // a file's id
	JobRescan       JobKind = "rescan"        // the same, on demand
	JobRemoveObject JobKind = "remove_object" // an object's key
	JobAbortParts   JobKind = "abort_parts"   // an object's key, a space, the store's upload id
	JobEmptyTrash   JobKind = "empty_trash"   // a Trash; see TrashOf
	JobPurgeCDN     JobKind = "purge_cdn"     // ids of shares, with spaces between
)

// Job is work that must survive a crash. A worker holds it by a lease; one that
// dies gives the job back when the lease ends, so a job may run more than once.
type Job struct {
	ID       string
	Kind     JobKind
	Ref      string
	Attempts int64 // this one included
}

// enqueue adds a job to the transaction that makes it necessary.
func (s *Store) enqueue(ctx context.Context, tx *sql.Tx, kind JobKind, ref string, runAt int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO jobs (id, kind, ref, run_at, created_at) VALUES ($1, $2, $3, $4, $5)`,
		newID(), kind, ref, runAt, s.micros())
	return err
}

// JobsQueued is rung after a commit of this process that queued a job of the
// kind. Not every commit rings: a worker polls besides.
func (s *Store) JobsQueued(kind JobKind) <-chan struct{} { return s.jobs[kind] }

// TakeJob leases one due job of a kind, or returns nil if none is due.
func (s *Store) TakeJob(ctx context.Context, kind JobKind, lease time.Duration) (*Job, error) {
	now := s.micros()
	due, err := s.jobDue(ctx, kind, now)
	if err != nil || !due {
		return nil, err
	}
	j := &Job{Kind: kind}
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `UPDATE jobs SET lease_until = $3, attempts = attempts + 1 WHERE id = (
				SELECT id FROM jobs WHERE kind = $1 AND NOT dead AND run_at <= $2 AND lease_until <= $2 ORDER BY run_at, id LIMIT 1`+s.db.SkipLocked()+`)
			RETURNING id, ref, attempts`, kind, now, now+lease.Microseconds()).Scan(&j.ID, &j.Ref, &j.Attempts)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // another worker was faster
	}
	return j, err
}

// jobDue looks before a write transaction is begun, so that an idle worker
// costs a read.
func (s *Store) jobDue(ctx context.Context, kind JobKind, now int64) (bool, error) {
	var due bool
	err := s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM jobs WHERE kind = $1 AND NOT dead AND run_at <= $2 AND lease_until <= $2)`, kind, now).Scan(&due)
	return due, err
}

// FinishJob removes a job that is done.
func (s *Store) FinishJob(ctx context.Context, id string) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM jobs WHERE id = $1`, id)
		return err
	})
}

// RetryJob gives a job back, to run again after the pause.
func (s *Store) RetryJob(ctx context.Context, id string, pause time.Duration, reason string) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE jobs SET lease_until = 0, run_at = $2, last_error = $3 WHERE id = $1`, id, s.micros()+pause.Microseconds(), reason)
		return err
	})
}

// BuryJob keeps a job that can't succeed, for an operator to look at.
func (s *Store) BuryJob(ctx context.Context, id, reason string) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE jobs SET dead = TRUE, last_error = $2 WHERE id = $1`, id, reason)
		return err
	})
}
