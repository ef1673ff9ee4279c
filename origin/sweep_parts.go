package origin

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"rawlink/origin/store"
)

// partsEvery is how often the object store is asked for multipart uploads that
// nobody will end.
const partsEvery = 10 * time.Minute

// sweepParts aborts multipart uploads that no ticket names, until ctx ends. An
// origin that is killed between beginning one and noting it, or in the middle of an
// import, leaves parts that are stored and never seen.
func (o *Origin) sweepParts(ctx context.Context) error {
	return repeat(ctx, partsEvery, func() {
		n, err := o.abortOrphans(ctx)
		if err != nil && ctx.Err() == nil {
			o.Log.WarnContext(ctx, "abandoned multipart uploads not swept; it will be tried again", "error", err)
		}
		if n > 0 {
			o.Log.InfoContext(ctx, "abandoned multipart uploads aborted", "count", n)
		}
	})
}

// abortOrphans looks at those that are older than any ticket lives. The bucket may
// be shared: what does not begin with a tenant of ours is somebody else's. One that
// the store won't abort does not keep the others; the first of such is reported.
func (o *Origin) abortOrphans(ctx context.Context) (n int, err error) {
	before := time.Now().Add(-o.config.UploadLifetime - store.AfterExpiry)
	var refused error
	err = o.Objects.OpenParts(ctx, before, func(key, uploadID string) error {
		tenant, _, _ := strings.Cut(key, "/")
		ours, err := o.Store.HasTenant(ctx, tenant)
		if err != nil || !ours {
			return err
		}
		if named, err := o.Store.HasUploadTo(ctx, tenant, key); err != nil || named {
			return err
		}
		if err := o.Objects.AbortParts(ctx, key, uploadID); err != nil {
			refused = cmp.Or(refused, err)
			return ctx.Err()
		}
		n++
		return nil
	})
	return n, errors.Join(err, refused)
}
