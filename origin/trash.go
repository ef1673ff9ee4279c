package origin

import (
	"context"
	"errors"
	"time"

	"rawlink/internal/share"
	"rawlink/origin/store"
)

type emptyTrashIn struct {
	SpaceID string `query:"space_id" doc:"Only what was deleted from this space."`
}

type emptyTrashOut struct {
	Body struct {
		FileCount  int64 `json:"file_count" doc:"Files in the trash that are being purged."`
		TotalBytes int64 `json:"total_bytes"`
	}
}

// emptyTrash has the trash purged in the background, as it is now: what is
// deleted later stays, and so does what is restored before its turn.
func (o *Origin) emptyTrash(ctx context.Context, in *emptyTrashIn) (*emptyTrashOut, error) {
	spaceID := ""
	if in.SpaceID != "" {
		var err error
		if spaceID, err = parseID(in.SpaceID, "space"); err != nil {
			return nil, err
		}
	}
	out := &emptyTrashOut{}
	var err error
	out.Body.FileCount, out.Body.TotalBytes, err = o.Store.EmptyTrash(ctx, caller(ctx).TenantID, spaceID)
	return out, err
}

// purgeBatch is how many files are purged between two looks at the clock.
const purgeBatch = 100

// errMore gives a long job back before its lease ends, to go on with it.
var errMore = errors.New("more is left than one lease is long")

// purgeTrash does the work of one emptyTrash.
func (o *Origin) purgeTrash(ctx context.Context, job *store.Job) error {
	trash, err := store.TrashOf(job)
	if err != nil {
		return share.E(share.Invalid, "purge trash", err)
	}
	return o.purgeAll(ctx, trash, "emptied")
}

// purgeAged purges what has been in the trash for longer than the grace. Each
// file is purged as by request: its links die with the transaction that gives
// its room back; then the bytes go.
func (o *Origin) purgeAged(ctx context.Context) {
	aged, err := o.Store.AgedTrash(ctx, o.config.TrashGrace)
	for _, trash := range aged {
		if failed := o.purgeAll(ctx, trash, "aged"); !errors.Is(failed, errMore) {
			err = errors.Join(err, failed)
		}
	}
	if err != nil && ctx.Err() == nil {
		o.Log.WarnContext(ctx, "aged trash not purged; it will be tried again", "error", err)
	}
}

// purgeAll purges files, then the folders and spaces that are left empty.
func (o *Origin) purgeAll(ctx context.Context, trash store.Trash, cause string) error {
	ctx = system(ctx, "purge-"+cause)
	end := time.Now().Add(jobLease / 2)
	for _, some := range []func(context.Context, store.Trash, int) (int64, error){o.purgeSome(cause), o.Store.PurgeContainers} {
		for {
			n, err := some(ctx, trash, purgeBatch)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			if time.Now().After(end) {
				return errMore
			}
		}
	}
	return nil
}

func (o *Origin) purgeSome(cause string) func(context.Context, store.Trash, int) (int64, error) {
	return func(ctx context.Context, trash store.Trash, limit int) (int64, error) {
		n, err := o.Store.PurgeTrash(ctx, trash, limit)
		o.Metrics.Purged.WithLabelValues(cause).Add(float64(n))
		return n, err
	}
}
