package ledger

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"rawlink/internal/share"
)

// Sink takes over batches of counts. It must apply each batch once, however
// often it is handed over; see share.Batch.
type Sink interface {
	AddDownloads(ctx context.Context, batch share.Batch) error
}

// Counts adds up uncapped downloads in process and hands them over in batches.
// One batch is under way at a time and is handed over until it is taken, so none
// is lost or applied twice while the process lives. Safe for concurrent use.
type Counts struct {
	sink  Sink
	log   *slog.Logger
	edge  string
	epoch string

	mu      sync.Mutex // guards counted
	counted map[string]int64

	// Only Run and what it calls touch these.
	pending share.Batch
	failing bool
}

// maxShares bounds one batch, so that it fits what a sink accepts.
const maxShares = 5000

// NewCounts returns counts of the edge with this name.
func NewCounts(edge string, sink Sink, log *slog.Logger) *Counts {
	return &Counts{sink: sink, log: log, edge: edge, epoch: rand.Text(), counted: map[string]int64{}}
}

// Add counts one download of a share.
func (c *Counts) Add(shareID string) {
	c.mu.Lock()
	c.counted[shareID]++
	c.mu.Unlock()
}

// Run hands over what was counted, every interval, until ctx ends; then once
// more, for at most grace.
func (c *Counts) Run(ctx context.Context, interval, grace time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer cancel()
			c.handOver(last)
			return
		case <-ticker.C:
			c.handOver(ctx)
		}
	}
}

// handOver sends batches until nothing is left or one is not taken.
func (c *Counts) handOver(ctx context.Context) {
	for c.next() {
		err := c.sink.AddDownloads(ctx, c.pending)
		if c.failing != (err != nil) { // say it when it changes
			c.failing = err != nil
			c.log.WarnContext(ctx, "handing over download counts", "failing", c.failing, "error", err)
		}
		if err != nil {
			return
		}
		c.pending.Count = nil
	}
}

// next reports whether there is a batch to send: the one under way, or a new one.
func (c *Counts) next() bool {
	if c.pending.Count != nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.counted) == 0 {
		return false
	}
	batch := c.counted
	if len(batch) <= maxShares {
		c.counted = map[string]int64{}
	} else {
		batch = make(map[string]int64, maxShares)
		for id, n := range c.counted {
			if len(batch) == maxShares {
				break
			}
			batch[id] = n
			delete(c.counted, id)
		}
	}
	c.pending = share.Batch{Edge: c.edge, Epoch: c.epoch, Seq: c.pending.Seq + 1, Count: batch}
	return true
}
