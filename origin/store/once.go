package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Once is a request that is to take effect once, however often it is sent.
type Once struct {
	TenantID string
	Key      string // hash of the client's idempotency key
	Request  string // hash of all that the request says

	// Set by BeginOnce if the caller may go ahead:
	ID    string // for what the request makes; see WithID
	lease int64  // when this try's lease ends, which also names the try
}

// Kept is the answer to an earlier request, sealed by the caller.
type Kept struct {
	Status int
	ETag   string // of what the answer shows; empty: none
	Answer string
}

// What BeginOnce says of a request that must not go ahead.
var (
	ErrOtherRequest = errors.New("the idempotency key was used for another request")
	ErrStillRunning = errors.New("a request with this idempotency key is still under way")
)

// KeepAnswers is for how long an answer is kept and repeated.
const KeepAnswers = 24 * time.Hour

// BeginOnce claims the key for one try, or returns the answer that an earlier
// one kept. A try that ended without an answer loses its claim when its lease
// ends; the next one gets the same ID.
func (s *Store) BeginOnce(ctx context.Context, o *Once, lease time.Duration) (kept *Kept, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		now := s.micros()
		o.ID, o.lease, kept = newID(), now+lease.Microseconds(), nil
		fresh, err := changed(tx.ExecContext(ctx, `INSERT INTO idempotent (tenant_id, key_hash, request_hash, reserved_id, lease_until, created_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, key_hash) DO NOTHING`, o.TenantID, o.Key, o.Request, o.ID, o.lease, now))
		if err != nil || fresh {
			return err
		}
		var held struct {
			request, id    string
			lease, created int64
			status         sql.NullInt64
			etag, answer   sql.NullString
		}
		err = tx.QueryRowContext(ctx, `SELECT request_hash, reserved_id, lease_until, created_at, status, etag, answer FROM idempotent
			WHERE tenant_id = $1 AND key_hash = $2`+s.db.ForUpdate(), o.TenantID, o.Key).
			Scan(&held.request, &held.id, &held.lease, &held.created, &held.status, &held.etag, &held.answer)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrStillRunning // it ended in this very moment
		case err != nil:
			return err
		case held.created <= now-KeepAnswers.Microseconds():
			return s.claimOnce(ctx, tx, o, now) // too old to mean anything
		case held.request != o.Request:
			return ErrOtherRequest
		case held.status.Valid:
			kept = &Kept{Status: int(held.status.Int64), ETag: held.etag.String, Answer: held.answer.String}
			return nil
		case held.lease > now:
			return ErrStillRunning
		}
		o.ID = held.id
		return s.claimOnce(ctx, tx, o, held.created)
	})
	if err != nil && !errors.Is(err, ErrOtherRequest) && !errors.Is(err, ErrStillRunning) {
		err = fmt.Errorf("begin once: %w", err)
	}
	return kept, err
}

func (s *Store) claimOnce(ctx context.Context, tx *sql.Tx, o *Once, created int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE idempotent SET request_hash = $3, reserved_id = $4, lease_until = $5, created_at = $6, status = NULL, etag = NULL, answer = NULL
		WHERE tenant_id = $1 AND key_hash = $2`, o.TenantID, o.Key, o.Request, o.ID, o.lease, created)
	return err
}

// KeepOnce keeps the answer, to be repeated.
func (s *Store) KeepOnce(ctx context.Context, o *Once, kept Kept) error {
	return s.endOnce(ctx, `UPDATE idempotent SET status = $4, etag = $5, answer = $6 WHERE `+thisTry, o, kept.Status, nullable(kept.ETag), kept.Answer)
}

// ForgetOnce frees the key, after a try that changed nothing.
func (s *Store) ForgetOnce(ctx context.Context, o *Once) error {
	return s.endOnce(ctx, `DELETE FROM idempotent WHERE `+thisTry, o)
}

// GiveUpOnce ends the lease, after a try of which nobody knows what it did.
func (s *Store) GiveUpOnce(ctx context.Context, o *Once) error {
	return s.endOnce(ctx, `UPDATE idempotent SET lease_until = 0 WHERE `+thisTry, o)
}

// thisTry leaves alone what a later try claimed after this one's lease ended.
const thisTry = `tenant_id = $1 AND key_hash = $2 AND lease_until = $3 AND status IS NULL`

func (s *Store) endOnce(ctx context.Context, query string, o *Once, args ...any) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, append([]any{o.TenantID, o.Key, o.lease}, args...)...)
		return err
	})
}

// SweepOnce removes up to limit answers that are no longer repeated, and says
// how many there were.
func (s *Store) SweepOnce(ctx context.Context, limit int) (n int64, err error) {
	return s.sweep(ctx, old{table: "idempotent", key: "tenant_id, key_hash", since: "created_at"}, KeepAnswers, limit)
}
