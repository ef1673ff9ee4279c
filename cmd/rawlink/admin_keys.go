package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rawlink/origin"
	"rawlink/origin/store"
)

type keyCreate struct {
	place
	Tenant  string        `required:"" help:"The tenant's id."`
	Label   string        `help:"What the key is for." default:"key"`
	Mode    string        `help:"live or test." enum:"live,test" default:"live"`
	Scopes  []string      `help:"Scopes, comma separated. Default: all."`
	Expires time.Duration `help:"How long the key is good. Default: for ever."`
}

// Run adds the key and shows it.
func (c *keyCreate) Run(ctx context.Context, std *streams) error {
	wanted := store.NewKey{TenantID: c.Tenant, Label: c.Label, Mode: c.Mode, Scopes: c.Scopes}
	if len(wanted.Scopes) == 0 {
		wanted.Scopes = origin.AllScopes()
	}
	if err := origin.CheckScopes(wanted.Scopes); err != nil {
		return fmt.Errorf("scopes: %w", err)
	}
	if c.Expires < 0 {
		return fmt.Errorf("expires: want a duration from now, such as 720h, got %s", c.Expires)
	}
	if c.Expires > 0 {
		ends := time.Now().Add(c.Expires).UnixMicro()
		wanted.ExpiresAt = &ends
	}
	return c.with(ctx, func(tables *store.Store) error {
		k, secret, err := tables.CreateKey(audited(ctx, "create-key"), wanted)
		if err != nil {
			return err
		}
		row := keyRow(k)
		row["key"] = secret
		return c.show(std.out, []map[string]any{row}, "id", "label", "mode", "key")
	})
}

func keyRow(k store.Key) map[string]any {
	state := "live"
	if k.RevokedAt != nil {
		state = "revoked"
	}
	return map[string]any{"id": k.ID, "label": k.Label, "mode": k.Mode, "state": state, "scopes": strings.Join(k.Scopes, " ")}
}

type keyList struct {
	place
	Tenant string `required:"" help:"The tenant's id."`
}

// Run lists the keys.
func (c *keyList) Run(ctx context.Context, std *streams) error {
	return c.with(ctx, func(tables *store.Store) error {
		if found, err := tables.HasTenant(ctx, c.Tenant); err != nil || !found {
			return errors.Join(err, fmt.Errorf("tenant: there is none with the id %s", c.Tenant))
		}
		all, err := tables.Keys(ctx, c.Tenant)
		rows := make([]map[string]any, len(all))
		for i, k := range all {
			rows[i] = keyRow(k)
		}
		return errors.Join(err, c.show(std.out, rows, "id", "label", "mode", "state", "scopes"))
	})
}

type keyRevoke struct {
	place
	Key string `arg:"" help:"The key's id."`
}

// Run revokes the key.
func (c *keyRevoke) Run(ctx context.Context) error {
	return c.with(ctx, func(tables *store.Store) error { return tables.RevokeKey(audited(ctx, "revoke-key"), c.Key) })
}
