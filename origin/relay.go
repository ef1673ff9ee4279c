package origin

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"rawlink/internal/share"
	"rawlink/origin/store"
)

// The relay's rhythm, how many changes it tells at once, and how many of them it
// writes to the shared cache side by side.
const (
	tickEvery = 250 * time.Millisecond
	batchRows = 500
	batchPuts = 8
)

// lastRelay bounds the telling of what is left when the relay is told to stop,
// batchLimit that of one batch, of a look for some and of a tick.
const (
	lastRelay  = 5 * time.Second
	batchLimit = 5 * time.Second
)

// Relay tells the edges what changed, at least once, until ctx ends: first the
// shared cache, so that whoever asks finds the new record, then the bus. It is
// to outlive the API: what the last requests changed is told before it returns.
func (o *Origin) Relay(ctx context.Context) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	failing := false
	var promised promise
	tick := func() {
		select {
		case <-ticker.C:
			o.tick(ctx, &promised)
		default:
		}
	}
	for {
		err := o.relayAll(ctx, tick)
		if ctx.Err() != nil {
			o.relayRest(ctx)
			return
		}
		if err != nil {
			o.Metrics.RelayFail.Inc()
		}
		if failing != (err != nil) { // say it when it changes, not four times a second
			failing = err != nil
			if failing {
				o.Log.ErrorContext(ctx, "changes can't be told to the edges", "error", err)
			} else {
				o.Log.InfoContext(ctx, "changes are told to the edges again")
			}
		}
		select {
		case <-ctx.Done():
			o.relayRest(ctx)
			return
		case <-o.Store.Woken():
		case <-ticker.C:
			o.tick(ctx, &promised)
		}
	}
}

// relayRest tells what is left at the end.
func (o *Origin) relayRest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRelay)
	defer cancel()
	if err := o.relayAll(ctx, func() {}); err != nil {
		o.Log.ErrorContext(ctx, "changes were left untold; another origin or the next start tells them", "error", err)
	}
}

// relayAll tells everything that waits, batch by batch, until ctx ends. Between them it
// calls tick: where changes come without a pause it has no other end.
func (o *Origin) relayAll(ctx context.Context, tick func()) error {
	for ctx.Err() == nil {
		waiting, err := o.waiting(ctx)
		if err != nil {
			return err
		}
		o.Metrics.Untold.Set(waiting.Seconds())
		if waiting == 0 {
			return nil
		}
		told, err := o.relayBatch(ctx)
		if err != nil {
			return err
		}
		if told == 0 {
			return nil // another origin process is telling the rest
		}
		tick()
	}
	return ctx.Err()
}

// waiting looks for what waits; a database that does not answer must not hold up the
// relay for longer than telling may.
func (o *Origin) waiting(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, batchLimit)
	defer cancel()
	return o.Store.Untold(ctx)
}

// relayBatch tells one batch to its end, also if ctx ends meanwhile. Cut short,
// its rows could stay locked at the engine for a moment longer, and relayRest
// would pass over them as another origin's.
func (o *Origin) relayBatch(ctx context.Context) (told int, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchLimit)
	defer cancel()
	return o.Store.Relay(ctx, batchRows, func(changes []store.Change) error { return o.tell(ctx, changes) })
}

func (o *Origin) tell(ctx context.Context, changes []store.Change) error {
	events := make([]share.Event, len(changes))
	puts, putting := errgroup.WithContext(ctx)
	puts.SetLimit(batchPuts)
	for i, change := range changes {
		events[i] = share.Event{Hash: change.Hash, Version: change.Record.Version}
		puts.Go(func() error { return o.Records.Put(putting, change.Hash, change.Record) })
	}
	if err := puts.Wait(); err != nil {
		return err
	}
	if err := o.Bus.Publish(ctx, events); err != nil {
		return err
	}
	o.Metrics.Relayed.Add(float64(len(changes)))
	return nil
}

// promise is what a tick says of the next one: that these changes, which were
// untold when it was acknowledged, will have been told by then.
type promise struct {
	rows  map[string]bool // as store.UntoldRows names them
	until string          // there were more than could be listed: all up to this id
	blind bool            // nobody knows which
}

// kept reports whether nothing was promised.
func (p *promise) kept() bool { return len(p.rows) == 0 && !p.blind }

// outgrown reports whether what was promised can't be found among the untold any more:
// a folder that was announced has left changes of other names, and of more than can be
// listed the last are not seen.
func (p *promise) outgrown(untold []string) bool {
	if p.blind || store.IsFolder(p.until) {
		return true
	}
	full := len(untold) == maxUntold && p.until == ""
	for id := range p.rows {
		if full && id > untold[maxUntold-1] || store.IsFolder(id) && !slices.Contains(untold, id) {
			return true
		}
	}
	return false
}

// broken reports whether something that was promised to be told still waits.
func (p *promise) broken(untold []string) bool {
	return slices.ContainsFunc(untold, func(id string) bool { return p.blind || id <= p.until || p.rows[id] })
}

// tick vouches that all changes committed before the last tick have been told,
// by this process or by another one, whose rows are seen until they are. While
// one of them waits there is no tick, and edges soon stop believing what they
// hold. Rows are remembered rather than ages compared: origins' clocks differ.
func (o *Origin) tick(ctx context.Context, last *promise) {
	stopping := ctx
	ctx, cancel := context.WithTimeout(ctx, batchLimit)
	defer cancel()
	untold, err := o.Store.UntoldRows(ctx, maxUntold)
	if err != nil {
		return
	}
	waits := last.broken(untold)
	if last.outgrown(untold) {
		*last = o.promise(ctx) // of which what was untold at the last tick, and still is, is a part
		waits = !last.kept()
	}
	if waits {
		o.Metrics.Ticks.WithLabelValues("withheld").Inc()
		return
	}
	if err := o.Bus.Tick(ctx); err != nil {
		if stopping.Err() == nil {
			o.Metrics.RelayFail.Inc()
			o.Metrics.Ticks.WithLabelValues("failed").Inc()
		}
		return
	}
	o.Metrics.Ticks.WithLabelValues("sent").Inc()
	*last = o.promise(ctx) // after the tick: what is committed by now must be told before the next one
}

// maxUntold is how many waiting changes a tick looks at, those with the least ids.
const maxUntold = 1000

func (o *Origin) promise(ctx context.Context) promise {
	ids, err := o.Store.UntoldRows(ctx, maxUntold)
	p := promise{rows: make(map[string]bool, len(ids))}
	for _, id := range ids {
		p.rows[id] = true
	}
	if err == nil && len(ids) == maxUntold {
		p.until, err = o.Store.LastUntold(ctx)
	}
	p.blind = err != nil
	return p
}
