package main

import (
	"context"
	"fmt"

	"rawlink/internal/share"
	"rawlink/origin/store"
)

// uploadCommands look after uploads that were begun and not completed.
type uploadCommands struct {
	List    uploadList    `cmd:"" help:"List uploads under way, oldest first, and the room that they hold."`
	Release uploadRelease `cmd:"" help:"End an upload; its room is free at once, and what came of it is removed."`
}

type uploadList struct {
	place
	Tenant string `help:"Only this tenant's." placeholder:"ID"`
	Limit  int    `help:"At most so many." default:"1000"`
}

// Run lists the uploads. Names are the tenants' own and are left out.
func (c *uploadList) Run(ctx context.Context, std *streams) error {
	if c.Limit < 1 {
		return fmt.Errorf("limit: want at least 1, got %d", c.Limit)
	}
	return c.with(ctx, func(tables *store.Store) error {
		if c.Tenant != "" {
			if err := isTenant(ctx, tables, c.Tenant); err != nil {
				return err
			}
		}
		all, err := tables.OpenUploads(ctx, c.Tenant, c.Limit)
		if err != nil {
			return err
		}
		rows := make([]map[string]any, len(all))
		for i, u := range all {
			rows[i] = map[string]any{"file_id": u.FileID, "tenant": u.TenantID, "bytes": u.Size, "parts": u.Parts(), "app": textOr(u.App),
				"created_at": stampOf(&u.CreatedAt), "expires_at": stampOf(&u.ExpiresAt)}
		}
		return c.show(std.out, rows, "created_at", "expires_at", "file_id", "tenant", "bytes", "parts", "app")
	})
}

type uploadRelease struct {
	place
	Tenant string `required:"" help:"The tenant's id."`
	File   string `arg:"" help:"The id of the file that it was to become."`
}

// Run ends the upload.
func (c *uploadRelease) Run(ctx context.Context, _ *streams) error {
	return c.with(ctx, func(tables *store.Store) error {
		err := tables.ReleaseUpload(audited(ctx, "release-upload"), c.Tenant, c.File)
		if share.KindOf(err) == share.NotFound {
			return fmt.Errorf("file: the tenant has no open upload with the id %q; rawlink admin uploads list shows them", c.File)
		}
		return err
	})
}
