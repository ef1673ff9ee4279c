package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rawlink/internal/share"
)

// The states of a delivery. A dead one was given up and waits for a replay.
const (
	DeliveryPending   = "pending"
	DeliveryDelivered = "delivered"
	DeliveryDead      = "dead"
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID         string
	WebhookID  string
	TenantID   string
	EventID    string // the same for all webhooks and all attempts
	Event      string
	Payload    string // JSON
	State      string
	Attempts   int64 // begun
	RunAt      int64 // of the next attempt, if it is pending
	LastStatus *int64
	LastError  *string
	CreatedAt  int64
	UpdatedAt  int64
}

const deliveryColumns = `id, webhook_id, tenant_id, event_id, event, payload, state, attempts, run_at, last_status, last_error, created_at, updated_at`

func readDelivery(row scanner) (d Delivery, err error) {
	err = row.Scan(&d.ID, &d.WebhookID, &d.TenantID, &d.EventID, &d.Event, &d.Payload, &d.State, &d.Attempts, &d.RunAt, &d.LastStatus, &d.LastError, &d.CreatedAt, &d.UpdatedAt)
	return d, err
}

// DeliveriesQueued is rung after a commit of this process that queued an event.
// A worker polls besides.
func (s *Store) DeliveriesQueued() <-chan struct{} { return s.hooks }

// TakeDelivery leases one due delivery and returns it with its webhook, or nil
// if none is due. About perHook deliveries of a webhook are leased at a time, over
// all origins, so that a slow receiver doesn't hold up the others (origins that
// look in the same moment may pass it by one each); a webhook that just failed is
// left in peace for its pause.
func (s *Store) TakeDelivery(ctx context.Context, lease time.Duration, perHook int) (*Delivery, *Webhook, error) {
	const due = `FROM webhook_deliveries d WHERE state = 'pending' AND run_at <= $1 AND lease_until <= $1
		AND webhook_id IN (SELECT id FROM webhooks WHERE enabled AND paused_until <= $1)
		AND (SELECT COUNT(*) FROM webhook_deliveries f WHERE f.webhook_id = d.webhook_id AND f.lease_until > $1) < $2`
	now := s.micros()
	var some bool
	if err := s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 `+due+`)`, now, perHook).Scan(&some); err != nil || !some {
		return nil, nil, err
	}
	var d Delivery
	var w Webhook
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		var err error
		d, err = readDelivery(tx.QueryRowContext(ctx, `UPDATE webhook_deliveries SET lease_until = $3, attempts = attempts + 1, updated_at = $1
			WHERE id = (SELECT id `+due+` ORDER BY run_at, id LIMIT 1`+s.db.SkipLocked()+`) RETURNING `+deliveryColumns, now, perHook, now+lease.Microseconds()))
		if err != nil {
			return err
		}
		w, err = findWebhook(ctx, tx, d.TenantID, d.WebhookID, "")
		return err
	})
	if errors.Is(err, sql.ErrNoRows) || isNotFound(err) {
		return nil, nil, nil // another worker was faster, or the webhook was deleted
	}
	if err != nil {
		return nil, nil, fmt.Errorf("take delivery: %w", err)
	}
	return &d, &w, nil
}

// Delivered ends a delivery well.
func (s *Store) Delivered(ctx context.Context, d *Delivery, status int) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE webhooks SET failures = 0, failing_since = NULL, paused_until = 0, last_error = NULL WHERE id = $1 AND failures > 0`, d.WebhookID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = 'delivered', lease_until = 0, last_status = $2, last_error = NULL, updated_at = $3
			WHERE id = $1`, d.ID, status, s.micros())
		return err
	})
}

// ReturnDelivery gives back a delivery whose attempt was not finished.
func (s *Store) ReturnDelivery(ctx context.Context, d *Delivery) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE webhook_deliveries SET lease_until = 0, attempts = attempts - 1 WHERE id = $1`, d.ID)
		return err
	})
}

// Failure is how an attempt failed, and what is to follow.
type Failure struct {
	Status  int    // what the receiver answered; 0: nothing
	Reason  string // for the tenant
	Again   bool   // try again, after Retry
	Retry   time.Duration
	Pause   func(failures int64) time.Duration // of the whole webhook, by its failures since the last success
	Disable time.Duration                      // disable the webhook once it has failed for so long
}

// Failed records a failed attempt: the delivery waits for the next one or is
// dead, and the webhook pauses or is disabled. It reports which.
func (s *Store) Failed(ctx context.Context, d *Delivery, f Failure) (disabled bool, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		disabled = false
		now := s.micros()
		state := DeliveryDead
		if f.Again {
			state = DeliveryPending
		}
		w, err := findWebhook(ctx, tx, d.TenantID, d.WebhookID, s.db.ForUpdate())
		if isNotFound(err) {
			return nil // deleted meanwhile, and its deliveries with it
		}
		if err != nil {
			return err
		}
		var status *int
		if f.Status != 0 {
			status = &f.Status
		}
		if _, err := tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = CASE WHEN state = 'pending' THEN $2 ELSE state END, lease_until = 0, run_at = $3, last_status = $4, last_error = $5, updated_at = $6
			WHERE id = $1`, d.ID, state, now+f.Retry.Microseconds(), status, f.Reason, now); err != nil {
			return err
		}
		since := now
		if w.FailingSince != nil {
			since = *w.FailingSince
		}
		if _, err := tx.ExecContext(ctx, `UPDATE webhooks SET failures = failures + 1, failing_since = $2, paused_until = $3, last_error = $4 WHERE id = $1`,
			w.ID, since, now+f.Pause(w.Failures+1).Microseconds(), f.Reason); err != nil {
			return err
		}
		if w.Enabled && now-since >= f.Disable.Microseconds() {
			disabled = true
			reason := "no delivery succeeded since " + isoTime(since) + "; the last one failed: " + f.Reason
			if f.Disable == 0 {
				reason = "the receiver " + f.Reason
			}
			return s.disable(ctx, tx, &w, reason)
		}
		return nil
	})
	return disabled, err
}

// Deliveries lists the deliveries of a webhook, oldest first, of one state if
// state is not empty.
func (s *Store) Deliveries(ctx context.Context, tenantID, webhookID, state string, page Page) ([]Delivery, error) {
	if _, err := s.Webhook(ctx, tenantID, webhookID); err != nil {
		return nil, err
	}
	query, args := `SELECT `+deliveryColumns+` FROM webhook_deliveries WHERE webhook_id = $1`, []any{webhookID}
	if state != "" {
		args = append(args, state)
		query += ` AND state = $` + strconv.Itoa(len(args))
	}
	query, args = page.of(query, args)
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	return collect(rows, err, readDelivery)
}

// ReplayDelivery sends an ended delivery once more, from its first attempt.
func (s *Store) ReplayDelivery(ctx context.Context, tenantID, webhookID, id string) (Delivery, error) {
	var d Delivery
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		if err := s.replayable(ctx, tx, tenantID, webhookID); err != nil {
			return err
		}
		_, err := s.replay(ctx, tx, webhookID, `id = $3`, id)
		if err != nil {
			return err
		}
		d, err = readDelivery(tx.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2`, id, webhookID))
		return orNotFound(err, "delivery")
	})
	return d, err
}

// ReplayDead sends all dead letters of a webhook once more and returns how many
// there were.
func (s *Store) ReplayDead(ctx context.Context, tenantID, webhookID string) (n int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, webhookID)
		if err := s.replayable(ctx, tx, tenantID, webhookID); err != nil {
			return err
		}
		n, err = s.replay(ctx, tx, webhookID, `state = $3`, DeliveryDead)
		return err
	})
	return n, err
}

func (s *Store) replayable(ctx context.Context, tx *sql.Tx, tenantID, webhookID string) error {
	w, err := findWebhook(ctx, tx, tenantID, webhookID, s.db.ForUpdate())
	if err == nil && !w.Enabled {
		return refuse(share.Conflict, "the webhook is disabled; enable it first")
	}
	return err
}

// replay queues the ended deliveries that match a condition on $3.
func (s *Store) replay(ctx context.Context, tx *sql.Tx, webhookID, condition, arg string) (int64, error) {
	s.told.Store(true)
	n, err := affected(tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = 'pending', attempts = 0, run_at = $2, updated_at = $2
		WHERE webhook_id = $1 AND state <> 'pending' AND `+condition, webhookID, s.micros(), arg))
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	return n, nil
}

// SweepDeliveries removes up to limit deliveries that ended longer than keep ago.
func (s *Store) SweepDeliveries(ctx context.Context, keep time.Duration, limit int) (n int64, err error) {
	return s.sweep(ctx, old{table: "webhook_deliveries", key: "id", since: "updated_at", condition: "state <> 'pending'"}, keep, limit)
}

// Undelivered returns how long the oldest pending delivery has been waiting, 0
// if none waits.
func (s *Store) Undelivered(ctx context.Context) (time.Duration, error) {
	return s.waiting(ctx, `webhook_deliveries WHERE state = 'pending'`)
}
