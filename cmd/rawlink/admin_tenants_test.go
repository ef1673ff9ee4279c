package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"testing"
	"time"

	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// TestTenantListCountsAsTheOriginDoes lists a tenant with a permanent and an expiring
// link, with the setting that says which of them are used and without it.
func TestTenantListCountsAsTheOriginDoes(t *testing.T) {
	dir := t.TempDir()
	db, err := database.OpenSQLite(t.Context(), filepath.Join(dir, "rawlink.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tables, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	linkTwice(t, tables)
	for _, test := range []struct {
		variable string
		flags    []string
		used     int
	}{
		{"", nil, 2},
		{"", []string{"--no-quota-count-permanent-links"}, 1},
		{"false", nil, 1},
	} {
		if test.variable != "" {
			t.Setenv("RAWLINK_QUOTA_COUNT_PERMANENT_LINKS", test.variable)
		}
		var out bytes.Buffer
		if err := run(t.Context(), append([]string{"admin", "tenant", "list", "--json", "--data", dir}, test.flags...), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		var tenants []struct {
			Used int `json:"links_used"`
		}
		if err := json.Unmarshal(out.Bytes(), &tenants); err != nil || len(tenants) != 1 || tenants[0].Used != test.used {
			t.Errorf("%q %v: %v, %s; want %d links used", test.variable, test.flags, err, out.String(), test.used)
		}
	}
}

// linkTwice makes a tenant with a file, and a permanent and an expiring link to it.
func linkTwice(t *testing.T, tables *store.Store) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	tenant, err := tables.CreateTenant(ctx, store.Tenant{Name: "t", BytesLimit: store.Unlimited, LinksLimit: store.Unlimited})
	must(err)
	space, err := tables.CreateSpace(ctx, tenant.ID, "s", nil)
	must(err)
	upload, err := tables.ReserveUpload(ctx, store.Upload{TenantID: tenant.ID, SpaceID: space.ID, OriginalName: "n", MIME: "text/plain", Size: 1}, time.Hour)
	must(err)
	file, err := tables.CompleteUpload(ctx, upload, share.Object{Key: upload.ObjectKey, Version: "v"})
	must(err)
	must(tables.SetVerdict(ctx, file.ID, store.Verdict{Status: share.Clean, SHA256: "d"}))
	end := upload.ExpiresAt
	for _, expires := range []*int64{nil, &end} {
		_, err := tables.CreateShare(ctx, store.NewShare{TenantID: tenant.ID, FileID: file.ID, Permission: share.View, ExpiresAt: expires,
			Hash: func(id string) share.Hash { return share.HashToken(id) }})
		must(err)
	}
}
