package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rawlink/origin/store"
)

// rescanCommand has stored files scanned again, by the running origins.
type rescanCommand struct {
	place
	Tenant string        `help:"Only this tenant's files." placeholder:"ID"`
	File   string        `help:"Only this file." placeholder:"ID"`
	Before string        `help:"Only files that were last scanned before this time, such as the date of the signatures: 2026-11-25 or 2026-11-25T08:00:00Z." placeholder:"TIME"`
	Status bool          `help:"Queue nothing; show what is left of earlier rescans."`
	Wait   bool          `help:"Show progress until nothing is left."`
	Every  time.Duration `help:"How often, with --wait." default:"2s"`
}

// Help is shown with the flags.
func (c *rescanCommand) Help() string {
	return `Examples:
  rawlink admin rescan --wait                      everything, with progress
  rawlink admin rescan --before 2026-11-25         what older signatures judged
  rawlink admin rescan --file ID --wait --json     one file
  rawlink admin rescan --status                    what is left, and why

A file that is found infected is no longer served by any edge. The files keep
their verdict until the new one is there. Files that stayed pending because a scan
was given up, such as for the scanner's limits, are scanned again as well.`
}

// Run queues rescans and, if asked, waits for them.
func (c *rescanCommand) Run(ctx context.Context, std *streams) error {
	which := store.Rescans{TenantID: c.Tenant, FileID: c.File}
	if c.Before != "" {
		before, err := moment(c.Before)
		if err != nil {
			return err
		}
		which.Before = before.UnixMicro()
	}
	if c.Every <= 0 {
		return fmt.Errorf("every: want a positive duration, got %s", c.Every)
	}
	return c.with(ctx, func(tables *store.Store) error {
		var queued int64
		if !c.Status {
			var err error
			queued, err = tables.QueueRescans(audited(ctx, "rescan"), which, func(n int64) { fmt.Fprintf(std.err, "%d files queued\n", n) })
			if err != nil {
				return err
			}
			if queued == 0 && c.File != "" {
				return fmt.Errorf("file: there is none with the id %s, or it waits for a scan already", c.File)
			}
		}
		left, err := c.await(ctx, std, tables)
		if err != nil {
			return err
		}
		row := map[string]any{"queued": queued, "waiting": left.Waiting, "failing": left.Failing, "given_up": left.Dead, "last_error": left.LastError}
		return c.show(std.out, []map[string]any{row}, "queued", "waiting", "failing", "given_up", "last_error")
	})
}

func moment(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("before: want a date or time such as 2026-11-25 or 2026-11-25T08:00:00Z, got %q", text)
}

// await returns what is left, at once or when only what was given up is.
func (c *rescanCommand) await(ctx context.Context, std *streams, tables *store.Store) (store.RescansLeft, error) {
	for {
		left, err := tables.RescansLeft(ctx)
		if err != nil || !c.Wait || left.Waiting == 0 {
			return left, err
		}
		fmt.Fprintf(std.err, "%d files to scan, %d of them failed so far\n", left.Waiting, left.Failing)
		select {
		case <-ctx.Done():
			return left, errors.New("stopped waiting; the rescans go on")
		case <-time.After(c.Every):
		}
	}
}
