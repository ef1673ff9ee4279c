package store

import (
	"context"
	"database/sql"
	"fmt"

	"rawlink/internal/share"
)

// Unlimited is the value of a limit that does not limit.
const Unlimited = -1

// Tenant is a workspace: the unit of isolation and of quota.
type Tenant struct {
	ID         string
	Name       string
	Suspended  bool
	BytesLimit int64 // bytes, or Unlimited
	LinksLimit int64 // active shares, or Unlimited
	BytesUsed  int64 // read by Tenants: what is stored, trash included, and reserved
	LinksUsed  int64 // likewise: active shares
	Plan       Plan  // likewise
}

// CreateTenant adds a tenant and returns it with its id.
func (s *Store) CreateTenant(ctx context.Context, t Tenant) (Tenant, error) {
	t.ID = newID()
	err := s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, t.ID)
		_, err := tx.ExecContext(ctx, `INSERT INTO tenants (id, name, suspended, bytes_limit, links_limit, created_at)
			VALUES ($1, $2, $3, $4, $5, $6)`, t.ID, t.Name, t.Suspended, t.BytesLimit, t.LinksLimit, s.micros())
		return err
	})
	return t, err
}

// SetTenantLimits changes what the tenant may use from now on; nil leaves a limit
// as it is. What it uses already stays, also above the new limit.
func (s *Store) SetTenantLimits(ctx context.Context, id string, bytesLimit, linksLimit *int64) error {
	return s.updateTenant(ctx, id, `UPDATE tenants SET bytes_limit = COALESCE($2, bytes_limit), links_limit = COALESCE($3, links_limit), links_bound = NULL, links_near = FALSE WHERE id = $1`, id, bytesLimit, linksLimit)
}

// HasTenant reports whether there is a tenant with this id.
func (s *Store) HasTenant(ctx context.Context, id string) (found bool, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tenants WHERE id = $1)`, id).Scan(&found)
	return found, err
}

// SuspendTenant closes or opens the API to the tenant's keys.
func (s *Store) SuspendTenant(ctx context.Context, id string, suspended bool) error {
	return s.updateTenant(ctx, id, `UPDATE tenants SET suspended = $2 WHERE id = $1`, id, suspended)
}

func (s *Store) updateTenant(ctx context.Context, id, query string, args ...any) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		ok, err := changed(tx.ExecContext(ctx, query, args...))
		if err == nil && !ok {
			return refuse(share.NotFound, fmt.Sprintf("tenant %s not found", id))
		}
		return err
	})
}

// Tenants lists all tenants, oldest first, with what they use.
func (s *Store) Tenants(ctx context.Context) ([]Tenant, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, name, suspended, bytes_limit, links_limit, bytes_stored + bytes_reserved, `+planColumns+` FROM tenants t ORDER BY created_at, id`)
	all, err := collect(rows, err, func(row scanner) (Tenant, error) {
		var t Tenant
		var plan planRow
		err := row.Scan(append([]any{&t.ID, &t.Name, &t.Suspended, &t.BytesLimit, &t.LinksLimit, &t.BytesUsed}, plan.dest()...)...)
		t.Plan = plan.plan()
		return t, err
	})
	for i := range all {
		if all[i].LinksUsed, err = s.activeLinks(ctx, s.db.Read(), all[i].ID); err != nil {
			return nil, err
		}
	}
	return all, err
}

// lockTenant makes the transaction the only one that changes this tenant's
// usage until it ends.
func (s *Store) lockTenant(ctx context.Context, tx *sql.Tx, id string) error {
	var one int
	return tx.QueryRowContext(ctx, `SELECT 1 FROM tenants WHERE id = $1`+s.db.ForUpdate(), id).Scan(&one)
}
