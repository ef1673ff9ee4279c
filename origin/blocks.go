package origin

import (
	"context"
	"errors"
	"time"

	"rawlink/internal/ledger"
	"rawlink/origin/store"
)

// Blocks is where edges take the downloads of links with large caps. Look says
// what is left of a block, Remove takes it away and says what was left, each time that
// it is asked within the hour.
type Blocks interface {
	Look(ctx context.Context, shareID, block string) (ledger.Holding, error)
	Remove(ctx context.Context, shareID, block string) (ledger.Holding, error)
}

const (
	watchEvery = time.Second // how often blocks are looked at
	watchBatch = 200         // and how many
	blockIdle  = time.Hour   // unused for so long, a block goes back under its ceiling
	freeTries  = 3           // at emptying a block whose cap changes
)

// watchBlocks counts what edges served that fell silent, takes idle blocks back
// and reckons up the closed ones, until ctx ends. Origins that do it at the same
// time do no harm.
func (o *Origin) watchBlocks(ctx context.Context) error {
	behind := ""
	return repeat(ctx, watchEvery, func() {
		var err error
		behind, err = o.watchOnce(ctx, behind)
		o.sayUnwatched(ctx, err)
	})
}

// watchOnce looks at some of the blocks, from behind one on, and returns the last of them,
// "" after the last one of all.
func (o *Origin) watchOnce(ctx context.Context, behind string) (last string, err error) {
	some, err := o.Store.OpenBlocks(ctx, behind, watchBatch)
	for _, b := range some {
		if err == nil {
			err = o.watchBlock(ctx, b)
		}
	}
	if len(some) == watchBatch {
		last = some[watchBatch-1].ID
	}
	return last, errors.Join(err, o.finishBlocks(ctx))
}

// sayUnwatched logs when watching begins to fail, and when it no longer does.
func (o *Origin) sayUnwatched(ctx context.Context, err error) {
	if failing := err != nil; o.unwatched.CompareAndSwap(!failing, failing) && ctx.Err() == nil {
		o.Log.WarnContext(ctx, "watching blocks of downloads", "failing", failing, "error", err)
	}
}

func (o *Origin) watchBlock(ctx context.Context, b store.OpenBlock) error {
	if !b.Closed && time.Since(time.UnixMicro(b.TouchedAt)) > blockIdle {
		return o.takeBackBlock(ctx, b)
	}
	held, err := o.Blocks.Look(ctx, b.ShareID, b.ID)
	if err != nil {
		return err
	}
	return o.infer(ctx, b.ID, held, ledger.InferAfter)
}

// infer counts as served what edges took and did not return, if they took nothing
// for idle.
func (o *Origin) infer(ctx context.Context, block string, held ledger.Holding, idle time.Duration) error {
	took := map[string]int64{}
	for _, t := range held.Took {
		if t.Idle >= idle {
			took[t.Edge] = t.Units
		}
	}
	return o.Store.Infer(ctx, block, took)
}

// takeBackBlock ends a block and puts what nobody took back under the ceiling,
// where that is certain.
func (o *Origin) takeBackBlock(ctx context.Context, b store.OpenBlock) error {
	if err := o.emptyBlock(ctx, b); err != nil {
		return err
	}
	return o.Store.CloseBlock(ctx, b)
}

// emptyBlock is that, but for the block's end: until then there is no other one.
func (o *Origin) emptyBlock(ctx context.Context, b store.OpenBlock) error {
	if err := o.Store.HoldBlock(ctx, b); err != nil {
		return err
	}
	return o.removeBlock(ctx, b)
}

// removeBlock reckons up what was taken from a block, of which nobody takes any more.
func (o *Origin) removeBlock(ctx context.Context, b store.OpenBlock) error {
	held, err := o.Blocks.Remove(ctx, b.ShareID, b.ID)
	if err != nil {
		return err
	}
	if err := o.infer(ctx, b.ID, held, 0); err != nil {
		return err
	}
	if !held.Found || !held.Live {
		return nil
	}
	return o.Store.EmptyBlock(ctx, b, held.Free)
}

// finishBlocks settles the closed blocks, each after a last look at it: since an edge was
// killed nobody may have looked, and by the clock of another origin it may have been closed
// just now. Where that can't be had, a block waits until it is overdue; one that is still
// its link's, since an origin could not take it back, then is as if none had tried: edges
// may go on with it, and what they tell must find it.
func (o *Origin) finishBlocks(ctx context.Context) error {
	for {
		due, err := o.Store.DueBlocks(ctx, sweepBatch)
		if err != nil {
			return err
		}
		var done []string
		var blind error
		for _, b := range due {
			if blind == nil {
				blind = o.finishBlock(ctx, b)
			}
			switch {
			case blind == nil, b.Overdue && !b.Named:
				done = append(done, b.ID)
			case b.Overdue:
				err = errors.Join(err, o.Store.ReleaseBlock(ctx, b))
			}
		}
		lost, finishErr := o.Store.FinishBlocks(ctx, done)
		o.Metrics.Abandoned.Add(float64(lost))
		if err = errors.Join(err, finishErr, blind); err != nil || len(due) < sweepBatch {
			return err
		}
	}
}

// finishBlock looks at a closed block a last time, and ends what an origin began that was
// to take it back.
func (o *Origin) finishBlock(ctx context.Context, b store.OpenBlock) error {
	if err := o.removeBlock(ctx, b); err != nil || !b.Named {
		return err
	}
	return o.Store.CloseBlock(ctx, b)
}

// freeBlock empties a share's block before its cap changes, so that the new cap is
// reckoned from what was really taken. Where the block can't be reached its rest is
// lost: the cap counts it as used.
func (o *Origin) freeBlock(ctx context.Context, tenantID, shareID string) {
	emptied := ""
	for range freeTries {
		b, found, err := o.Store.BlockOf(ctx, tenantID, shareID)
		if err == nil && (!found || b.ID == emptied) { // which no other one took the place of
			return
		}
		if err == nil {
			err = o.emptyBlock(ctx, b)
		}
		if emptied = b.ID; err != nil {
			emptied = ""
			o.Log.WarnContext(ctx, "a block of downloads may be lost to its share, whose cap changes", "share", shareID, "error", err)
		}
	}
}

// TakeBackBlocks takes every open block back, when no edge takes from them any more:
// before a store of blocks that ends with its process does, which else would lose them.
func (o *Origin) TakeBackBlocks(ctx context.Context) (err error) {
	for behind := ""; ; {
		some, listErr := o.Store.OpenBlocks(ctx, behind, watchBatch)
		if listErr != nil || len(some) == 0 {
			return errors.Join(err, listErr)
		}
		for _, b := range some {
			behind = b.ID
			err = errors.Join(err, o.takeBackBlock(ctx, b))
		}
	}
}
