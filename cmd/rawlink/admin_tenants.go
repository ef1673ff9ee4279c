package main

import (
	"context"
	"errors"
	"fmt"

	"rawlink/origin/store"
)

// limits are what a tenant may use; one that is not given stays as it is, or is
// unlimited for a new tenant.
type limits struct {
	BytesLimit *int64 `help:"Bytes the tenant may store; --bytes-limit=-1 is unlimited." placeholder:"N"`
	LinksLimit *int64 `help:"Active links the tenant may have; --links-limit=-1 is unlimited." placeholder:"N"`
}

func (l *limits) check() error {
	for name, limit := range map[string]*int64{"bytes-limit": l.BytesLimit, "links-limit": l.LinksLimit} {
		if limit != nil && *limit < store.Unlimited {
			return fmt.Errorf("%s: want a number from 0, or -1 for unlimited, got %d", name, *limit)
		}
	}
	return nil
}

// orElse is a limit that was given, or another one.
func orElse(given *int64, other int64) int64 {
	if given != nil {
		return *given
	}
	return other
}

type tenantCreate struct {
	place
	limits
	Name string `arg:"" help:"The tenant's name, for you."`
}

// Run adds the tenant.
func (c *tenantCreate) Run(ctx context.Context, std *streams) error {
	return c.with(ctx, func(tables *store.Store) error {
		if err := c.check(); err != nil {
			return err
		}
		t, err := tables.CreateTenant(audited(ctx, "create-tenant"), store.Tenant{Name: c.Name, BytesLimit: orElse(c.BytesLimit, store.Unlimited), LinksLimit: orElse(c.LinksLimit, store.Unlimited)})
		if err != nil {
			return err
		}
		return c.show(std.out, []map[string]any{tenantRow(t)}, tenantColumns...)
	})
}

var tenantColumns = []string{"id", "name", "bytes_limit", "links_limit", "suspended"}

func tenantRow(t store.Tenant) map[string]any {
	return map[string]any{"id": t.ID, "name": t.Name, "bytes_limit": t.BytesLimit, "links_limit": t.LinksLimit, "suspended": t.Suspended}
}

type tenantList struct{ place }

// Run lists the tenants.
func (c *tenantList) Run(ctx context.Context, std *streams) error {
	return c.with(ctx, func(tables *store.Store) error {
		all, err := tables.Tenants(ctx)
		rows := make([]map[string]any, len(all))
		for i, t := range all {
			rows[i] = tenantRow(t)
		}
		return errors.Join(err, c.show(std.out, rows, tenantColumns...))
	})
}

type tenantLimit struct {
	place
	limits
	Tenant string `arg:"" help:"The tenant's id."`
}

// Run changes the limits.
func (c *tenantLimit) Run(ctx context.Context) error {
	return c.with(ctx, func(tables *store.Store) error {
		if err := c.check(); err != nil {
			return err
		}
		return tables.SetTenantLimits(audited(ctx, "limit-tenant"), c.Tenant, c.BytesLimit, c.LinksLimit)
	})
}
