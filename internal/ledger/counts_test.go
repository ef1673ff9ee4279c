package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rawlink/internal/share"
)

// flakySink applies batches once, as a sink must, and answers with a failure
// every other time: before applying, then after.
type flakySink struct {
	mu      sync.Mutex
	calls   int
	newest  int64
	total   map[string]int64
	largest int
	down    bool
}

func (s *flakySink) AddDownloads(_ context.Context, b share.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.down || s.calls%4 == 1 {
		return errors.New("refused")
	}
	if b.Seq > s.newest {
		s.newest = b.Seq
		s.largest = max(s.largest, len(b.Count))
		for id, n := range b.Count {
			s.total[id] += n
		}
	}
	if s.calls%4 == 3 {
		return errors.New("the answer was lost")
	}
	return nil
}

func TestCountsAreHandedOverOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &flakySink{total: map[string]int64{}}
		counts := NewCounts("edge", nil, sink, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		var running, adding sync.WaitGroup
		running.Go(func() { counts.Run(ctx, 10*time.Millisecond, time.Second) })
		const adders, each, shares = 8, 1000, 7
		for range adders {
			adding.Go(func() {
				for i := range each {
					counts.Add(fmt.Sprint(i % shares))
					if i%100 == 0 {
						time.Sleep(3 * time.Millisecond) // the bubble's clock: others go on
					}
				}
			})
		}
		adding.Wait()
		time.Sleep(time.Second)
		stop()
		running.Wait()
		var total int64
		for _, n := range sink.total {
			total += n
		}
		if total != adders*each {
			t.Errorf("%d downloads arrived; want %d", total, adders*each)
		}
	})
}

func TestCountsWaitForASinkThatIsDown(t *testing.T) {
	t.Parallel()
	sink := &flakySink{total: map[string]int64{}, down: true}
	counts := NewCounts("edge", nil, sink, slog.New(slog.DiscardHandler))
	for i := range 2*maxShares + 1 {
		counts.Add(fmt.Sprint(i))
	}
	counts.handOver(t.Context())
	sink.down = false
	for range 10 {
		counts.handOver(t.Context())
	}
	if len(sink.total) != 2*maxShares+1 || sink.largest > maxShares {
		t.Errorf("%d shares arrived, at most %d in a batch; want %d and at most %d", len(sink.total), sink.largest, 2*maxShares+1, maxShares)
	}
}

// BenchmarkAdd is what counting an uncapped download costs its request, while the
// journal is written and batches are handed over.
func BenchmarkAdd(b *testing.B) {
	journal, err := OpenJournal(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer journal.Close()
	counts := NewCounts("edge", journal, discarded{}, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { counts.Run(ctx, 250*time.Millisecond, time.Second) })
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprint("share ", i)
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			counts.Add(ids[i%len(ids)])
		}
	})
	stop()
	running.Wait()
}

type discarded struct{}

func (discarded) AddDownloads(context.Context, share.Batch) error { return nil }
