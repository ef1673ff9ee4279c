package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"rawlink/origin/store"
)

// audited names whoever runs a command that changes something.
func audited(ctx context.Context, operation string) context.Context {
	who, host := "admin", ""
	if me, err := user.Current(); err == nil {
		who += ":" + me.Username
	}
	if name, err := os.Hostname(); err == nil {
		host = name
	}
	return store.Audited(ctx, store.Deed{Who: who, Operation: operation, Source: host})
}

type auditList struct {
	place
	Tenant string        `help:"Only what concerns this tenant." placeholder:"ID"`
	Last   time.Duration `help:"How far to look back." default:"24h"`
	Limit  int           `help:"At most so many, the newest." default:"1000"`
}

// Help is shown below the flags.
func (*auditList) Help() string {
	return `  rawlink admin audit --last 168h --tenant TENANT_ID
  rawlink admin audit --json | jq '.[] | select(.operation == "revoke-key")'`
}

// Run lists who changed what.
func (c *auditList) Run(ctx context.Context, std *streams) error {
	if c.Last <= 0 || c.Limit < 1 {
		return fmt.Errorf("last, limit: want more than nothing, got %s and %d", c.Last, c.Limit)
	}
	return c.with(ctx, func(tables *store.Store) error {
		deeds, err := tables.Deeds(ctx, c.Tenant, c.Last, c.Limit)
		rows := make([]map[string]any, len(deeds))
		for i, d := range deeds {
			rows[i] = map[string]any{"at": time.UnixMicro(d.At).UTC().Format(time.RFC3339), "tenant_id": d.TenantID, "who": d.Who,
				"operation": d.Operation, "target": d.Target, "source": d.Source, "request_id": d.RequestID}
		}
		return errors.Join(err, c.show(std.out, rows, "at", "tenant_id", "who", "operation", "target", "source", "request_id"))
	})
}
