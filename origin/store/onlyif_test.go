package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"rawlink/internal/share"
)

var errChanged = errors.New("changed since")

// TestOneOfManyConditionalChanges: of changes made of the same state at the same time
// one goes through, and the others learn that they came too late.
func TestOneOfManyConditionalChanges(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		f := b.clean(t)
		folder, errFolder := b.CreateFolder(t.Context(), b.tenant, b.space, nil, "f")
		link, errLink := b.CreateShare(t.Context(), NewShare{TenantID: b.tenant, FileID: f.ID, Permission: share.View, Hash: func(id string) share.Hash { return share.HashToken(id) }})
		hook, errHook := b.CreateWebhook(t.Context(), Webhook{TenantID: b.tenant, URL: "https://a.example"}, func(string) string { return "sealed" })
		if err := errors.Join(errFolder, errLink, errHook); err != nil {
			t.Fatal(err)
		}
		for what, change := range map[string]func(ctx context.Context, name string, n int64) error{
			"space": func(ctx context.Context, name string, _ int64) error {
				_, err := b.RenameSpace(onlyIf(ctx, func(v Space) bool { return v.Name == "space" }), b.tenant, b.space, name)
				return err
			},
			"folder": func(ctx context.Context, name string, _ int64) error {
				_, err := b.UpdateFolder(onlyIf(ctx, func(v Folder) bool { return v.Name == "f" }), b.tenant, folder.ID, &name, Placement{})
				return err
			},
			"file": func(ctx context.Context, name string, _ int64) error {
				_, err := b.UpdateFile(onlyIf(ctx, func(v File) bool { return v.OriginalName == "n" }), b.tenant, f.ID, &name, Placement{})
				return err
			},
			"share": func(ctx context.Context, _ string, n int64) error {
				_, err := b.UpdateShare(onlyIf(ctx, func(v Share) bool { return v.MaxDownloads == nil }), b.tenant, link.ID, ShareUpdate{SetCap: true, MaxDownloads: &n})
				return err
			},
			"webhook": func(ctx context.Context, name string, _ int64) error {
				url := "https://" + name + ".example"
				_, err := b.UpdateWebhook(onlyIf(ctx, func(v Webhook) bool { return v.URL == "https://a.example" }), b.tenant, hook.ID, WebhookUpdate{URL: &url})
				return err
			},
		} {
			var done, late atomic.Int64
			var all sync.WaitGroup
			for i := range int64(16) {
				all.Go(func() {
					switch err := change(t.Context(), "name-"+strconv.FormatInt(i, 10), i+1); {
					case err == nil:
						done.Add(1)
					case errors.Is(err, errChanged):
						late.Add(1)
					default:
						t.Errorf("%s: %v", what, err)
					}
				})
			}
			all.Wait()
			if done.Load() != 1 || late.Load() != 15 {
				t.Errorf("%s: %d changes were made and %d refused; want 1 and 15", what, done.Load(), late.Load())
			}
		}
	})
}

// onlyIf refuses a change of what is no longer as wanted.
func onlyIf[T any](ctx context.Context, wanted func(T) bool) context.Context {
	return OnlyIf(ctx, func(v T) error {
		if !wanted(v) {
			return errChanged
		}
		return nil
	})
}
