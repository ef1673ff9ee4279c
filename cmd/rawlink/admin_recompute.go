package main

import (
	"context"
	"fmt"

	"rawlink/origin/store"
)

type recompute struct {
	place
	Check bool `help:"Only compare; exit 1 if anything has drifted."`
}

// Help is shown below the flags.
func (*recompute) Help() string {
	return `Compares the figures that quotas and caps rest on with the files, uploads and
downloads they stand for, and sets right what differs. It may run beside a
running server: each tenant is looked at under its lock.

  rawlink admin recompute --check            # prints nothing and exits 0: no drift
  rawlink admin recompute                    # repairs, and shows what it repaired`
}

// Run compares, and repairs unless told not to.
func (c *recompute) Run(ctx context.Context, std *streams) error {
	return c.with(ctx, func(tables *store.Store) error {
		drifts, err := tables.Recompute(audited(ctx, "recompute"), !c.Check, newProgress(std.err, "tenants").at)
		if err != nil {
			return err
		}
		rows := make([]map[string]any, len(drifts))
		for i, d := range drifts {
			rows[i] = map[string]any{"tenant_id": d.TenantID, "figure": d.Figure, "share_id": d.ShareID, "kept": d.Kept, "actual": d.Actual, "drift": d.Kept - d.Actual}
		}
		if len(rows) > 0 || c.JSON {
			if err := c.show(std.out, rows, "tenant_id", "figure", "share_id", "kept", "actual", "drift"); err != nil {
				return err
			}
		}
		if c.Check && len(rows) > 0 {
			return fmt.Errorf("recompute: %d figures have drifted; run it without --check to repair them", len(rows))
		}
		return nil
	})
}
