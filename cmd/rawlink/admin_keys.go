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

// Help is shown below the flags.
func (*keyCreate) Help() string {
	return `The key's text is shown once and can't be shown again: only a hash is kept.

  rawlink admin key create --tenant TENANT_ID --label backend
  rawlink admin key create --tenant TENANT_ID --label ci --expires 720h --scopes files:read,files:write
Scopes: ` + strings.Join(origin.AllScopes(), " ")
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
			return named("tenant", c.Tenant, err)
		}
		row := c.keyRow(k)
		row["key"] = secret
		return c.show(std.out, []map[string]any{row}, "id", "label", "mode", "key")
	})
}

func (p *place) keyRow(k store.Key) map[string]any {
	state := "live"
	switch {
	case k.RevokedAt != nil:
		state = "revoked"
	case k.ExpiresAt != nil && *k.ExpiresAt <= time.Now().UnixMicro():
		state = "expired"
	}
	var scopes any = k.Scopes
	if !p.JSON {
		scopes = scopesText(k.Scopes)
	}
	return map[string]any{"id": k.ID, "label": k.Label, "mode": k.Mode, "state": state, "scopes": scopes,
		"expires_at": stampOf(k.ExpiresAt), "last_used_at": stampOf(k.LastUsedAt), "created_at": stampOf(&k.CreatedAt)}
}

// scopesText is a key's scopes; "all" is every one there is.
func scopesText(scopes []string) string {
	if len(scopes) == len(origin.AllScopes()) {
		return "all"
	}
	return strings.Join(scopes, " ")
}

// stampOf is a time, nil for none.
func stampOf(micros *int64) any {
	if micros == nil {
		return nil
	}
	return time.UnixMicro(*micros).UTC().Format(time.RFC3339)
}

type keyList struct {
	place
	Tenant string `required:"" help:"The tenant's id."`
}

// Run lists the keys.
func (c *keyList) Run(ctx context.Context, std *streams) error {
	return c.with(ctx, func(tables *store.Store) error {
		if err := isTenant(ctx, tables, c.Tenant); err != nil {
			return err
		}
		all, err := tables.Keys(ctx, c.Tenant)
		rows := make([]map[string]any, len(all))
		for i, k := range all {
			rows[i] = c.keyRow(k)
		}
		return errors.Join(err, c.show(std.out, rows, "id", "label", "mode", "state", "expires_at", "last_used_at", "scopes"))
	})
}

type keyRotate struct {
	place
	Key     string        `arg:"" help:"The id of the key to replace."`
	Overlap time.Duration `help:"How long the old key goes on working." default:"24h"`
}

// Help is shown below the flags.
func (*keyRotate) Help() string {
	return `The new key belongs to the same tenant and has the same label, mode and scopes. Give
it to the client within the overlap; then the old one ends by itself.

  rawlink admin key rotate KEY_ID                # the old one works for another day
  rawlink admin key rotate KEY_ID --overlap 0    # and not any more, if it has leaked`
}

// Run makes the new key and shows it.
func (c *keyRotate) Run(ctx context.Context, std *streams) error {
	if c.Overlap < 0 {
		return fmt.Errorf("overlap: want a duration such as 24h, or 0, got %s", c.Overlap)
	}
	return c.with(ctx, func(tables *store.Store) error {
		old, made, secret, err := tables.RotateKey(audited(ctx, "rotate-key"), c.Key, c.Overlap)
		if err != nil {
			return named("key", c.Key, err)
		}
		row := c.keyRow(made)
		row["key"], row["replaces"], row["replaced_ends"] = secret, old.ID, stampOf(old.ExpiresAt)
		return c.show(std.out, []map[string]any{row}, "id", "label", "mode", "key", "replaced_ends")
	})
}

type keyRevoke struct {
	place
	Key string `arg:"" help:"The key's id."`
}

// Run revokes the key.
func (c *keyRevoke) Run(ctx context.Context) error {
	return c.with(ctx, func(tables *store.Store) error {
		return named("key", c.Key, tables.RevokeKey(audited(ctx, "revoke-key"), c.Key))
	})
}
