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

// Help is shown below the flags.
func (*tenantCreate) Help() string {
	return `  rawlink admin tenant create "ACME" --bytes-limit 1099511627776 --links-limit 5000
  rawlink admin key create --tenant "$(rawlink admin tenant create ACME --json | jq -r .[0].id)"`
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
		return c.show(std.out, []map[string]any{c.tenantRow(t)}, tenantColumns...)
	})
}

var tenantColumns = []string{"id", "name", "bytes_used", "bytes_limit", "links_used", "links_limit", "suspended", "plan"}

func (p *place) tenantRow(t store.Tenant) map[string]any {
	row := map[string]any{"id": t.ID, "name": t.Name, "bytes_used": p.size(t.BytesUsed), "bytes_limit": p.size(t.BytesLimit),
		"links_used": t.LinksUsed, "links_limit": t.LinksLimit, "suspended": t.Suspended, "plan": p.ownRules(t.Plan)}
	if p.JSON { // programs get -1
		return row
	}
	for name, limit := range map[string]int64{"bytes_limit": t.BytesLimit, "links_limit": t.LinksLimit} {
		if limit == store.Unlimited {
			row[name] = "unlimited"
		}
	}
	return row
}

type tenantList struct {
	place
	QuotaCountPermanentLinks bool `help:"Count links without expiry as used; give it what the origins have." default:"true" negatable:""`
}

// Run lists the tenants.
func (c *tenantList) Run(ctx context.Context, std *streams) error {
	return c.withOptions(ctx, store.Options{CountPermanentLinks: c.QuotaCountPermanentLinks}, func(tables *store.Store) error {
		all, err := tables.Tenants(ctx)
		rows := make([]map[string]any, len(all))
		for i, t := range all {
			rows[i] = c.tenantRow(t)
		}
		return errors.Join(err, c.show(std.out, rows, tenantColumns...))
	})
}

type tenantLimit struct {
	place
	limits
	Tenant string `arg:"" help:"The tenant's id."`
}

// Help is shown below the flags.
func (*tenantLimit) Help() string {
	return `What a tenant has stays, also above a new limit; it can only add nothing more.

  rawlink admin tenant limit TENANT_ID --links-limit 20000
  rawlink admin tenant limit TENANT_ID --bytes-limit=-1     # unlimited`
}

// Run changes the limits.
func (c *tenantLimit) Run(ctx context.Context) error {
	return c.with(ctx, func(tables *store.Store) error {
		if err := c.check(); err != nil {
			return err
		}
		return named("tenant", c.Tenant, tables.SetTenantLimits(audited(ctx, "limit-tenant"), c.Tenant, c.BytesLimit, c.LinksLimit))
	})
}

type tenantSuspend struct {
	place
	Tenant string `arg:"" help:"The tenant's id."`
}

// Help is shown below the flags.
func (*tenantSuspend) Help() string {
	return `Every request with a key of the tenant is then answered 403. Its links are served as
before: to end them, revoke them first.

  rawlink admin tenant suspend TENANT_ID
  rawlink admin tenant resume TENANT_ID`
}

// Run suspends the tenant.
func (c *tenantSuspend) Run(ctx context.Context) error {
	return c.with(ctx, func(tables *store.Store) error {
		return named("tenant", c.Tenant, tables.SuspendTenant(audited(ctx, "suspend-tenant"), c.Tenant, true))
	})
}

type tenantResume struct {
	place
	Tenant string `arg:"" help:"The tenant's id."`
}

// Run resumes the tenant.
func (c *tenantResume) Run(ctx context.Context) error {
	return c.with(ctx, func(tables *store.Store) error {
		return named("tenant", c.Tenant, tables.SuspendTenant(audited(ctx, "resume-tenant"), c.Tenant, false))
	})
}
