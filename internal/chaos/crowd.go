package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"rawlink/internal/testsystem"
)

// The crowd: how many clients, how long each rests between two requests, and how
// often its partner makes links.
const (
	clients    = 64
	rest       = 80 * time.Millisecond // 40 to 120 in fact
	soonEvery  = 60 * time.Millisecond
	maxSoon    = 24 // links that are, or were, to be revoked soon: the latest of them
	maxPending = 16 // revocations under way
)

// The caps of the links that the crowd begins with. Downloads of small ones are
// taken one by one from the ceiling; those of large ones come in blocks that Redis
// keeps, and of the largest an edge holds a window.
var (
	smallCaps = []int64{1, 1, 2, 5, 10, 50, 100, 400, 1500}
	largeCaps = []int64{2000, 4000}
)

// Crowd is clients that hammer capped, uncapped and soon-revoked links on every
// edge, and a partner that makes and revokes links meanwhile.
type Crowd struct {
	w    *World
	o    *Oracle
	file *File
	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	capped []*Link // small caps
	large  []*Link
	free   []*Link // uncapped
	soon   []*Link
}

// Gather starts a crowd on links of its own to the file.
func (w *World) Gather(o *Oracle, file *File) *Crowd {
	w.tb.Helper()
	c := &Crowd{w: w, o: o, file: file}
	for _, most := range smallCaps {
		c.capped = append(c.capped, w.Capped(o, file, most))
	}
	for _, most := range largeCaps {
		c.large = append(c.large, w.Capped(o, file, most))
	}
	for range 3 {
		c.free = append(c.free, w.Share(o, file, nil))
	}
	c.soon = append(c.soon, w.Share(o, file, nil))
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	seed := w.Rand.Uint64()
	for i := range uint64(clients) {
		c.done.Go(func() { c.client(ctx, rand.New(rand.NewPCG(seed, i)), i) })
	}
	c.done.Go(func() { c.partner(ctx, rand.New(rand.NewPCG(seed, clients))) })
	return c
}

// Disperse ends the crowd; requests under way are finished.
func (c *Crowd) Disperse() {
	c.stop()
	c.done.Wait()
}

// client asks for links until ctx ends. Each request is another client to the
// ledger, so that each answer is a download.
func (c *Crowd) client(ctx context.Context, r *rand.Rand, id uint64) {
	for n := 0; ctx.Err() == nil; n++ {
		c.w.Visit(context.WithoutCancel(ctx), c.o, c.pick(r), Request{Edge: r.IntN(Edges), Agent: fmt.Sprintf("crowd/%d.%d", id, n)})
		pause(ctx, rest/2+time.Duration(r.Int64N(int64(rest))))
	}
}

func (c *Crowd) pick(r *rand.Rand) *Link {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := c.capped
	switch n := r.IntN(4); n {
	case 0:
		from = c.free
	case 1:
		from = c.soon
	case 2:
		from = c.large
	}
	return from[r.IntN(len(from))]
}

// partner makes links until ctx ends: one with a small cap, and one that it
// revokes a moment later, in turn.
func (c *Crowd) partner(ctx context.Context, r *rand.Rand) {
	var revoking sync.WaitGroup
	defer revoking.Wait()
	pending := make(chan struct{}, maxPending)
	for n := 0; ctx.Err() == nil; n++ {
		pause(ctx, soonEvery)
		body := testsystem.Object{"file_id": c.file.ID}
		if n%4 == 0 {
			body["max_downloads"] = 1 + r.Int64N(20)
		}
		a := c.w.Ask(context.WithoutCancel(ctx), c.o, n%Origins, c.w.Key, "POST", "/shares", body)
		if a.Status != http.StatusCreated {
			continue
		}
		l := c.w.made(c.o, c.file, a)
		c.mu.Lock()
		if l.Cap > 0 {
			c.capped = append(c.capped, l)
			c.mu.Unlock()
			continue
		}
		if c.soon = append(c.soon, l); len(c.soon) > maxSoon {
			c.soon = c.soon[1:]
		}
		c.mu.Unlock()
		wait, origin := 100*time.Millisecond+time.Duration(r.Int64N(int64(400*time.Millisecond))), r.IntN(Origins)
		select {
		case pending <- struct{}{}:
		default:
			continue // the API hangs; a link more that is never revoked does no harm
		}
		revoking.Go(func() {
			defer func() { <-pending }()
			pause(ctx, wait)
			if c.w.Ask(context.WithoutCancel(ctx), c.o, origin, c.w.Key, "DELETE", "/shares/"+l.ID, nil).Status == http.StatusOK {
				l.Ended(time.Now())
			}
		})
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
