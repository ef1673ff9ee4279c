package ledger

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rawlink/internal/share"
)

// Sink takes over batches of counts. It must apply each batch once, however
// often it is handed over; see share.Batch.
type Sink interface {
	AddDownloads(ctx context.Context, batch share.Batch) error
}

// Counts adds up uncapped downloads in process, writes them to a journal within
// journalEvery, and hands them over in batches. Batches are handed over one by
// one, each until it is taken, so none is lost or applied twice, also if the
// process dies: the next one finds them in the journal. Safe for concurrent use.
type Counts struct {
	sink    Sink
	log     *slog.Logger
	edge    string
	epoch   string
	journal *Journal // nil: what isn't handed over dies with the process

	mu      sync.Mutex // guards counted
	counted map[string]int64

	writing    sync.Mutex // guards what follows; taken before mu
	open       share.Batch
	closed     []share.Batch // to be handed over, the oldest first
	unwritable bool

	failing bool         // of handOver alone
	settled atomic.Int64 // Unix nanoseconds of the last time that nothing was left
}

const (
	// maxShares bounds one batch, so that it fits what a sink accepts.
	maxShares = 5000
	// journalEvery is how much of the counts, in time, a kill -9 may take.
	journalEvery = 50 * time.Millisecond
)

// NewCounts returns counts of the edge with this name. What an earlier process
// left in the journal is handed over first.
func NewCounts(edge string, journal *Journal, sink Sink, log *slog.Logger) *Counts {
	c := &Counts{sink: sink, log: log, edge: edge, epoch: rand.Text(), journal: journal, counted: map[string]int64{}}
	c.settled.Store(time.Now().UnixNano())
	if journal != nil {
		c.epoch = journal.epoch
	}
	c.open = share.Batch{Edge: edge, Epoch: c.epoch, Seq: 1, Count: map[string]int64{}}
	c.adopt()
	return c
}

// adopt takes what dead processes left in the journal.
func (c *Counts) adopt() {
	if c.journal == nil {
		return
	}
	batches, err := c.journal.left()
	if err != nil {
		c.log.Warn("counts in the journal can't be read; their files are left alone", "error", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.closed = append(c.closed, batches...)
}

// Add counts one download of a share.
func (c *Counts) Add(shareID string) {
	c.mu.Lock()
	c.counted[shareID]++
	c.mu.Unlock()
}

// Waiting returns how many downloads are counted and not yet handed over, and for
// how long some have been left at each end of a hand-over.
func (c *Counts) Waiting() (downloads int64, since time.Duration) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for _, batch := range append([]share.Batch{c.open}, c.closed...) {
		for _, n := range batch.Count {
			downloads += n
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.counted {
		downloads += n
	}
	return downloads, max(0, time.Since(time.Unix(0, c.settled.Load())))
}

// Run hands over what was counted, every interval, until ctx ends; then once
// more, for at most grace.
func (c *Counts) Run(ctx context.Context, interval, grace time.Duration) {
	var journaling sync.WaitGroup
	journaling.Go(func() { every(ctx, journalEvery, c.collect) })
	every(ctx, interval, func() {
		c.adopt()
		c.handOver(ctx)
	})
	journaling.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	c.handOver(last)
}

// every calls f until ctx ends.
func every(ctx context.Context, interval time.Duration, f func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f()
		}
	}
}

// collect moves what was counted into the open batch and the journal.
func (c *Counts) collect() {
	c.writing.Lock()
	defer c.writing.Unlock()
	counted := c.take()
	added := map[string]int64{}
	for id, n := range counted {
		if _, known := c.open.Count[id]; !known && len(c.open.Count) == maxShares {
			c.note(added)
			c.closeLocked()
			added = map[string]int64{}
		}
		c.open.Count[id] += n
		added[id] = n
	}
	c.note(added)
}

// take empties the counters.
func (c *Counts) take() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.counted) == 0 {
		return nil
	}
	counted := c.counted
	c.counted = make(map[string]int64, len(counted))
	return counted
}

// note writes what was just added to the open batch to the journal.
func (c *Counts) note(added map[string]int64) {
	if c.journal == nil || len(added) == 0 {
		return
	}
	write := func() error { return c.journal.add(&c.open, added) }
	if c.unwritable { // its file may lack something, or end in half a line
		write = func() error { return c.journal.write(&c.open) }
	}
	err := write()
	if err != nil && !c.unwritable { // else each 50 ms of a full disk would say so
		c.log.Warn("counts are not in the journal: a crash would lose those that are not handed over", "error", err)
	}
	c.unwritable = err != nil
}

// closeLocked ends the open batch and begins the next one.
func (c *Counts) closeLocked() {
	c.closed = append(c.closed, c.open)
	c.open = share.Batch{Edge: c.edge, Epoch: c.epoch, Seq: c.open.Seq + 1, Count: map[string]int64{}}
}

// next returns the batch that is to be handed over, if there is one. While an
// earlier one waits the open batch goes on growing, so that a sink which is down
// for long costs memory by shares, not by time.
func (c *Counts) next() (share.Batch, bool) {
	c.collect()
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(c.closed) == 0 && len(c.open.Count) > 0 {
		c.closeLocked()
	}
	if len(c.closed) == 0 {
		return share.Batch{}, false
	}
	return c.closed[0], true
}

// handOver sends batches until nothing is left or one is not taken.
func (c *Counts) handOver(ctx context.Context) {
	for {
		batch, ok := c.next()
		if !ok {
			c.settled.Store(time.Now().UnixNano())
			return
		}
		err := c.sink.AddDownloads(ctx, batch)
		if c.failing != (err != nil) { // say it when it changes
			c.failing = err != nil
			c.log.WarnContext(ctx, "handing over download counts", "failing", c.failing, "error", err)
		}
		if err != nil {
			return
		}
		c.writing.Lock()
		c.closed = c.closed[1:]
		c.writing.Unlock()
		if c.journal != nil {
			c.journal.done(&batch)
		}
	}
}
