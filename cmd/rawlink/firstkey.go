package main

import (
	"context"
	"errors"

	"rawlink/cmd/internal/settings"
	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/origin"
	"rawlink/origin/store"
)

// What the tenant of a first start may use.
const (
	firstBytes = 1 << 40
	firstLinks = 5000
)

// firstKey returns an API key that works: the one that was asked for, else the
// one of an earlier start, else a new one. It is kept beside the data, so that
// the next start can print it again.
func firstKey(ctx context.Context, dir *datadir, tables *store.Store, asked settings.Secret) (string, error) {
	key := string(asked)
	if key == "" {
		key = dir.apiKey()
	}
	if key != "" {
		_, err := tables.Authenticate(ctx, key)
		if err == nil {
			return key, nil
		}
		if share.KindOf(err) != share.NotFound {
			return "", err
		}
	}
	tenant, err := firstTenant(ctx, tables)
	if err != nil {
		return "", err
	}
	wanted := store.NewKey{TenantID: tenant.ID, Label: "first key", Mode: "live", Scopes: origin.AllScopes(), Secret: string(asked)}
	if asked != "" {
		wanted.Mode = string(asked[4:8]) // fck_live_ or fck_test_, checked with the settings
	}
	_, key, err = tables.CreateKey(audited(ctx, "create-key"), wanted)
	if database.IsUnique(err) {
		return "", errors.New("dev_key: this key was revoked or has expired; choose another one")
	}
	if err != nil {
		return "", err
	}
	return key, dir.keepAPIKey(key)
}

func firstTenant(ctx context.Context, tables *store.Store) (store.Tenant, error) {
	all, err := tables.Tenants(ctx)
	if err != nil {
		return store.Tenant{}, err
	}
	if len(all) > 0 {
		return all[0], nil
	}
	return tables.CreateTenant(audited(ctx, "create-tenant"), store.Tenant{Name: "first", BytesLimit: firstBytes, LinksLimit: firstLinks})
}
