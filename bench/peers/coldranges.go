package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

func runColdRanges(ctx context.Context, l *lab, note func(string, map[string]float64)) error {
	return l.readCold(ctx, job{Plan: randomSpans(200, rangesOfClients, mib, l.object.Size, 1), Within: 8 * time.Second}, note)
}

func runColdHerd(ctx context.Context, l *lab, note func(string, map[string]float64)) error {
	return l.readCold(ctx, job{Plan: randomSpans(200, 1, mib, herdBytes, 3), Within: 500 * time.Millisecond}, note)
}

// herdBytes is the part of the object that the herd wants.
const herdBytes = 32 * mib

// readCold reads at the edge and at nginx, each with nothing in its cache.
func (l *lab) readCold(ctx context.Context, j job, note func(string, map[string]float64)) error {
	for _, peer := range []struct {
		start func() (*server, error)
		slice int64
	}{
		{func() (*server, error) { return l.startColdEdge(ctx, false) }, edgeSlice},
		{func() (*server, error) { return l.startSlicing(ctx, nginxFour, "4m") }, 4 * mib},
		{func() (*server, error) { return l.startSlicing(ctx, nginxOne, "1m") }, mib},
	} {
		s, err := peer.start()
		if err != nil {
			return err
		}
		h, asked, err := l.readCounted(ctx, s, j)
		s.proc.stop()
		if err != nil {
			return err
		}
		count, bytes := slicesOf(j.Plan, peer.slice, l.object.Size)
		note(s.name, map[string]float64{
			ttfb50: percentile(h.TTFB, 50), ttfb99: percentile(h.TTFB, 99), rateMB: float64(h.Bytes) / h.Seconds / 1e6,
			getsPerSlice: float64(asked.Gets) / float64(count), bytesPerByte: float64(asked.Bytes) / float64(bytes),
		})
	}
	return nil
}

// readCounted reads, and returns what the store was asked for meanwhile. A fill
// may go on for a moment after its last reader has left.
func (l *lab) readCounted(ctx context.Context, s *server, j job) (*haul, reads, error) {
	before, err := l.asked(ctx)
	if err != nil {
		return nil, reads{}, err
	}
	h, err := l.read(ctx, s, j)
	if err != nil {
		return nil, reads{}, err
	}
	time.Sleep(500 * time.Millisecond)
	after, err := l.asked(ctx)
	return h, after.minus(before), err
}

// randomSpans returns what clients will ask for: the same for each server.
func randomSpans(clients, each int, length, size int64, seed uint64) [][]span {
	random := rand.New(rand.NewPCG(seed, 0))
	plan := make([][]span, clients)
	for i := range plan {
		for range each {
			plan[i] = append(plan[i], span{random.Int64N(size - length + 1), length})
		}
	}
	return plan
}

// slicesOf counts the slices that a plan touches, and their bytes.
func slicesOf(plan [][]span, slice, size int64) (count, bytes int64) {
	touched := map[int64]bool{}
	for _, s := range slices.Concat(plan...) {
		for i := s.From / slice; i*slice < s.From+s.Length; i++ {
			touched[i] = true
		}
	}
	for i := range touched {
		bytes += min(slice, size-i*slice)
	}
	return int64(len(touched)), bytes
}
