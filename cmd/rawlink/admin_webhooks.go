package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rawlink/origin/store"
)

// webhookCommands look after webhooks. They are made through the API, which
// alone can seal their secrets.
type webhookCommands struct {
	List       webhookList       `cmd:"" help:"List a tenant's webhooks, and how they fare."`
	Deliveries webhookDeliveries `cmd:"" help:"List what was or is to be delivered to a webhook."`
	Replay     webhookReplay     `cmd:"" help:"Send dead letters, or one delivery, once more."`
	Enable     webhookEnable     `cmd:"" help:"Enable a webhook that was disabled."`
	Disable    webhookDisable    `cmd:"" help:"Disable a webhook; what waits for it becomes dead letters."`
}

// hook names a webhook.
type hook struct {
	place
	Tenant  string `required:"" help:"The tenant's id."`
	Webhook string `arg:"" help:"The webhook's id."`
}

type webhookList struct {
	place
	Tenant string `required:"" help:"The tenant's id."`
}

// Run lists the webhooks.
func (c *webhookList) Run(ctx context.Context, std *streams) error {
	return c.with(ctx, func(tables *store.Store) error {
		if err := isTenant(ctx, tables, c.Tenant); err != nil {
			return err
		}
		all, err := tables.Webhooks(ctx, c.Tenant, store.Page{})
		rows := make([]map[string]any, len(all))
		for i, w := range all {
			rows[i] = map[string]any{"id": w.ID, "url": w.URL, "events": strings.Join(w.Events, ","), "enabled": w.Enabled,
				"failures": w.Failures, "disabled_reason": textOr(w.DisabledReason), "last_error": textOr(w.LastError)}
		}
		return errors.Join(err, c.show(std.out, rows, "id", "url", "events", "enabled", "failures", "last_error", "disabled_reason"))
	})
}

func textOr(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

type webhookDeliveries struct {
	hook
	State string `help:"Only pending, delivered or dead ones." enum:",pending,delivered,dead" default:""`
	Limit int    `help:"At most so many, the oldest." default:"1000"`
}

// Run lists the deliveries.
func (c *webhookDeliveries) Run(ctx context.Context, std *streams) error {
	if c.Limit < 1 {
		return fmt.Errorf("limit: want at least 1, got %d", c.Limit)
	}
	return c.with(ctx, func(tables *store.Store) error {
		all, err := tables.Deliveries(ctx, c.Tenant, c.Webhook, c.State, store.Page{Limit: c.Limit})
		rows := make([]map[string]any, len(all))
		for i, d := range all {
			rows[i] = map[string]any{"id": d.ID, "event_id": d.EventID, "event": d.Event, "state": d.State, "attempts": d.Attempts, "last_error": textOr(d.LastError),
				"created_at": time.UnixMicro(d.CreatedAt).UTC().Format(time.RFC3339)}
		}
		if err != nil {
			return err
		}
		return c.show(std.out, rows, "created_at", "id", "event", "state", "attempts", "last_error")
	})
}

type webhookReplay struct {
	hook
	Delivery string `help:"Only this delivery, dead or delivered. Default: all dead letters." placeholder:"ID"`
}

// Run replays.
func (c *webhookReplay) Run(ctx context.Context, std *streams) error {
	return c.with(ctx, func(tables *store.Store) (err error) {
		n := int64(1)
		if c.Delivery != "" {
			_, err = tables.ReplayDelivery(audited(ctx, "replay-delivery"), c.Tenant, c.Webhook, c.Delivery)
		} else {
			n, err = tables.ReplayDead(audited(ctx, "replay-deliveries"), c.Tenant, c.Webhook)
		}
		if err != nil {
			return err
		}
		return c.show(std.out, []map[string]any{{"replayed": n}}, "replayed")
	})
}

type webhookEnable struct{ hook }

// Run enables the webhook.
func (c *webhookEnable) Run(ctx context.Context) error { return c.set(ctx, "enable-webhook", true) }

type webhookDisable struct{ hook }

// Run disables the webhook.
func (c *webhookDisable) Run(ctx context.Context) error { return c.set(ctx, "disable-webhook", false) }

func (c *hook) set(ctx context.Context, operation string, enabled bool) error {
	return c.with(ctx, func(tables *store.Store) error {
		_, err := tables.UpdateWebhook(audited(ctx, operation), c.Tenant, c.Webhook, store.WebhookUpdate{Enabled: &enabled})
		return err
	})
}
