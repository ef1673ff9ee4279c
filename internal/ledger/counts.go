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
	journal *Journal // nil: what isn't handed over dies with the process

	mu      sync.Mutex // guards counted
	counted map[string]int64

	writing   sync.Mutex // guards what follows; taken before mu
	backlog   backlog
	unwritten map[*share.Batch]bool // their files may lack something, or end in half a line

	unread  string       // of adopt alone: what it said last
	failing bool         // of handOver alone
	settled atomic.Int64 // Unix nanoseconds of the last time that nothing was left
}

// journalEvery is how much of the counts, in time, a kill -9 may take.
const journalEvery = 50 * time.Millisecond

// NewCounts returns counts of the edge with this name. What an earlier process
// left in the journal is handed over first.
func NewCounts(edge string, journal *Journal, sink Sink, log *slog.Logger) *Counts {
	epoch := rand.Text()
	if journal != nil {
		epoch = journal.epoch
	}
	c := &Counts{sink: sink, log: log, journal: journal, counted: map[string]int64{}, backlog: newBacklog(edge, epoch), unwritten: map[*share.Batch]bool{}}
	c.settled.Store(time.Now().UnixNano())
	c.adopt()
	return c
}

// adopt takes what dead processes left in the journal.
func (c *Counts) adopt() {
	if c.journal == nil {
		return
	}
	batches, err := c.journal.left()
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != "" && said != c.unread { // else each round would say so
		c.log.Warn("counts in the journal can't be read: what is not damaged is tried again", "error", err)
	}
	c.unread = said
	c.writing.Lock()
	defer c.writing.Unlock()
	c.backlog.adopt(batches)
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
	downloads = c.backlog.downloads()
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

// collect moves what was counted into batches and the journal.
func (c *Counts) collect() {
	c.writing.Lock()
	defer c.writing.Unlock()
	added := map[*share.Batch]map[string]int64{}
	for id, n := range c.take() {
		b := c.backlog.add(id, n)
		if added[b] == nil {
			added[b] = map[string]int64{}
		}
		added[b][id] = n
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

// note writes what was just added to batches to the journal, and what it lacks. When one
// can't be written the others wait for the next time: a full disk has no room for them.
func (c *Counts) note(added map[*share.Batch]map[string]int64) {
	if c.journal == nil {
		return
	}
	for b := range c.unwritten {
		added[b] = nil // it is written in whole
	}
	var err error
	failed := len(c.unwritten) > 0
	for b, more := range added {
		switch {
		case err != nil:
		case c.unwritten[b]:
			err = c.journal.write(b)
		default:
			err = c.journal.add(b, more)
		}
		delete(c.unwritten, b)
		if err != nil {
			c.unwritten[b] = true
		}
	}
	if err != nil && !failed { // else each 50 ms of a full disk would say so
		c.log.Warn("counts are not in the journal: a crash would lose those that are not handed over", "error", err)
	}
}

// next returns the batch that is to be handed over, if there is one.
func (c *Counts) next() (batch *share.Batch, ok bool) {
	c.collect()
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.backlog.send()
}

// handOver sends batches until nothing is left or one is not taken.
func (c *Counts) handOver(ctx context.Context) {
	for {
		batch, ok := c.next()
		if !ok {
			c.settled.Store(time.Now().UnixNano())
			return
		}
		err := c.sink.AddDownloads(ctx, *batch)
		if c.failing != (err != nil) { // say it when it changes
			c.failing = err != nil
			c.log.WarnContext(ctx, "handing over download counts", "failing", c.failing, "error", err)
		}
		if err != nil {
			return
		}
		c.writing.Lock()
		c.backlog.sent()
		delete(c.unwritten, batch)
		c.writing.Unlock()
		if c.journal != nil {
			c.journal.done(batch)
		}
	}
}
