package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"rawlink/internal/share"
)

// Webhook is where a tenant wants to be told of events.
type Webhook struct {
	ID             string
	TenantID       string
	URL            string
	Events         []string // none: all
	Secret         string   // sealed by the caller
	OldSecret      *string  // the one before, which signs too
	OldSecretUntil *int64   // until then
	Enabled        bool
	DisabledReason *string // why it is not
	Failures       int64   // failed attempts since the last success
	FailingSince   *int64  // first of them
	LastError      *string // of the last of them
	CreatedBy      *string
	CreatedAt      int64
	UpdatedAt      int64
}

// MaxWebhooks is how many webhooks a tenant may have: each change that one of
// them listens to writes a row for it.
const MaxWebhooks = 20

const webhookColumns = `id, tenant_id, url, events, secret, enabled, disabled_reason, failures, failing_since, last_error, created_by, created_at, updated_at, old_secret, old_secret_until`

func readWebhook(row scanner) (w Webhook, err error) {
	var events string
	err = row.Scan(&w.ID, &w.TenantID, &w.URL, &events, &w.Secret, &w.Enabled, &w.DisabledReason, &w.Failures, &w.FailingSince, &w.LastError, &w.CreatedBy, &w.CreatedAt, &w.UpdatedAt, &w.OldSecret, &w.OldSecretUntil)
	w.Events = strings.Fields(events)
	return w, err
}

// CreateWebhook adds a webhook. seal makes its stored secret from its id.
func (s *Store) CreateWebhook(ctx context.Context, w Webhook, seal func(id string) string) (Webhook, error) {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if err := s.lockTenant(ctx, tx, w.TenantID); err != nil {
			return err
		}
		id, repeated := reservedID(ctx)
		onto(ctx, id)
		made, found, err := madeBefore(repeated, func() (Webhook, error) { return findWebhook(ctx, tx, w.TenantID, id, "") })
		if found || err != nil {
			w = made
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM webhooks WHERE tenant_id = $1`, w.TenantID).Scan(&n); err != nil {
			return err
		}
		if n >= MaxWebhooks {
			return refuse(share.Conflict, fmt.Sprintf("there are %d webhooks already, as many as a tenant may have; delete one first", n))
		}
		w, err = readWebhook(tx.QueryRowContext(ctx, `INSERT INTO webhooks (id, tenant_id, url, events, secret, created_by, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING `+webhookColumns,
			id, w.TenantID, w.URL, strings.Join(w.Events, " "), seal(id), w.CreatedBy, s.micros()))
		return err
	})
	return w, err
}

// Webhooks lists a tenant's webhooks, oldest first.
func (s *Store) Webhooks(ctx context.Context, tenantID string, page Page) ([]Webhook, error) {
	query, args := page.of(`SELECT `+webhookColumns+` FROM webhooks WHERE tenant_id = $1`, []any{tenantID})
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	return collect(rows, err, readWebhook)
}

// Webhook returns one webhook of the tenant.
func (s *Store) Webhook(ctx context.Context, tenantID, id string) (Webhook, error) {
	return findWebhook(ctx, s.db.Read(), tenantID, id, "")
}

func findWebhook(ctx context.Context, q querier, tenantID, id, lock string) (Webhook, error) {
	w, err := readWebhook(q.QueryRowContext(ctx, `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1 AND tenant_id = $2`+lock, id, tenantID))
	return w, orNotFound(err, "webhook")
}

// WebhookUpdate is what is to change of a webhook; nil keeps.
type WebhookUpdate struct {
	URL     *string
	Events  *[]string
	Enabled *bool
}

// UpdateWebhook changes a webhook. Enabling it forgets its failures; what was
// given up before stays so until it is replayed.
func (s *Store) UpdateWebhook(ctx context.Context, tenantID, id string, u WebhookUpdate) (Webhook, error) {
	var w Webhook
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		var err error
		if w, err = findWebhook(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil {
			return err
		}
		if err := allowed(ctx, w); err != nil {
			return err
		}
		if u.URL != nil {
			w.URL = *u.URL
		}
		if u.Events != nil {
			w.Events = *u.Events
		}
		if u.Enabled != nil {
			if !*u.Enabled && w.Enabled {
				return s.disable(ctx, tx, &w, "disabled by request")
			}
			w.Enabled = *u.Enabled
		}
		w, err = readWebhook(tx.QueryRowContext(ctx, `UPDATE webhooks SET url = $2, events = $3, enabled = $4, updated_at = $5,
				disabled_reason = CASE WHEN $4 THEN NULL ELSE disabled_reason END, failures = CASE WHEN $4 THEN 0 ELSE failures END,
				failing_since = CASE WHEN $4 THEN NULL ELSE failing_since END, paused_until = 0
			WHERE id = $1 RETURNING `+webhookColumns, id, w.URL, strings.Join(w.Events, " "), w.Enabled, s.micros()))
		return err
	})
	return w, err
}

// RotateWebhook gives a webhook a new secret; seal makes its stored form from the
// webhook's id. The one before signs too for overlap; one before that no more.
func (s *Store) RotateWebhook(ctx context.Context, tenantID, id string, overlap time.Duration, seal func(id string) string) (Webhook, error) {
	var w Webhook
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		var err error
		if w, err = findWebhook(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil {
			return err
		}
		rotation, repeated := reservedID(ctx)
		if repeated {
			var done bool
			err := tx.QueryRowContext(ctx, `SELECT COALESCE(rotation_id = $2, FALSE) FROM webhooks WHERE id = $1`, id, rotation).Scan(&done)
			if done || err != nil {
				return err
			}
		}
		if err := allowed(ctx, w); err != nil {
			return err
		}
		now := s.micros()
		old, until := &w.Secret, now+overlap.Microseconds()
		if overlap <= 0 {
			old, until = nil, 0
		}
		w, err = readWebhook(tx.QueryRowContext(ctx, `UPDATE webhooks SET secret = $2, old_secret = $3, old_secret_until = NULLIF(CAST($4 AS BIGINT), 0), rotation_id = $5, updated_at = $6
			WHERE id = $1 RETURNING `+webhookColumns, id, seal(id), old, until, rotation, now))
		return err
	})
	return w, err
}

// disable ends a webhook's deliveries: those that wait are dead letters, to be
// replayed once it is enabled again.
func (s *Store) disable(ctx context.Context, tx *sql.Tx, w *Webhook, reason string) error {
	now := s.micros()
	if _, err := tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = 'dead', lease_until = 0, last_error = COALESCE(last_error, $2), updated_at = $3
		WHERE webhook_id = $1 AND state = 'pending'`, w.ID, "the webhook was disabled", now); err != nil {
		return err
	}
	var err error
	*w, err = readWebhook(tx.QueryRowContext(ctx, `UPDATE webhooks SET url = $2, events = $3, enabled = FALSE, disabled_reason = $4, updated_at = $5
		WHERE id = $1 RETURNING `+webhookColumns, w.ID, w.URL, strings.Join(w.Events, " "), reason, now))
	return err
}

// DeleteWebhook removes a webhook and all of its deliveries.
func (s *Store) DeleteWebhook(ctx context.Context, tenantID, id string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		w, err := findWebhook(ctx, tx, tenantID, id, s.db.ForUpdate())
		if err != nil {
			return err
		}
		if err := allowed(ctx, w); err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM webhook_deliveries WHERE webhook_id = $1`, `DELETE FROM webhooks WHERE id = $1`} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return nil
	})
}
