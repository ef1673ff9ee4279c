package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

// span is bytes [From, From+Length) of the object.
type span struct{ From, Length int64 }

const (
	mib         = 1 << 20
	edgeSlice   = 4 * mib
	slowReaders = 2000
)

// The trials' names of figures, which are their tables' columns too.
const (
	ttfb50, ttfb99  = "TTFB p50 ms", "TTFB p99 ms"
	rateMB          = "MB/s"
	getsPerSlice    = "GETs per unique slice"
	bytesPerByte    = "store bytes per unique slice byte"
	idleMiB, above  = "idle RSS MiB", "RSS above idle MiB"
	readersCut      = "readers cut"
	nginxFour       = "nginx slice 4m"
	nginxOne        = "nginx slice 1m"
	coldRanges      = "cold ranges"
	coldStream      = "cold stream"
	slowCase        = "slow readers"
	rangesOfClients = 5
)

var allTrials = []trial{
	{
		name: coldRanges, about: "200 clients, 5 random ranges of 1 MiB each; they begin within 8 s.",
		columns: []string{ttfb50, ttfb99, rateMB, getsPerSlice, bytesPerByte}, run: runColdRanges,
		goals: func(f func(server, name string) float64) []goal {
			return []goal{
				{coldRanges, getsPerSlice, f(nameEdge, getsPerSlice), 1, true},
				{coldRanges, bytesPerByte, f(nameEdge, bytesPerByte), 1.02, true},
				{coldRanges, "TTFB p99 by that of " + nginxFour, f(nameEdge, ttfb99) / f(nginxFour, ttfb99), 0.2, true},
				{coldRanges, "TTFB p99 by that of " + nginxOne, f(nameEdge, ttfb99) / f(nginxOne, ttfb99), 0.2, true},
			}
		},
	},
	{
		name: coldStream, about: "One client: 32 times the first 64 KiB of a slice not yet there, 0.1 s apart; then 1 GiB from begin to end.",
		columns: []string{ttfb50, ttfb99, rateMB}, run: runColdStream,
		goals: func(f func(server, name string) float64) []goal {
			return []goal{
				{coldStream, "TTFB p50 beyond the store's, ms", f(nameEdge, ttfb50) - f(nameStore, ttfb50), 5, true},
				{coldStream, "rate by the store's", f(nameEdge, rateMB) / f(nameStore, rateMB), 0.95, false},
			}
		},
	},
	{
		name: slowCase, about: "2,000 clients of one 1 GiB file, from random places on, 16 KiB a second each, for 10 s; all slices are on disk before they come.",
		columns: []string{idleMiB, above, readersCut}, run: runSlowReaders,
		goals: func(f func(server, name string) float64) []goal {
			return []goal{
				{slowCase, above, f(nameEdge, above), 256, true},
				{slowCase, readersCut, f(nameEdge, readersCut), 0, true},
			}
		},
	},
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

// percentile returns the p-th percentile by nearest rank.
func percentile(values []float64, p float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if len(v) == 0 {
		return 0
	}
	return v[max(0, int(math.Ceil(p/100*float64(len(v))))-1)]
}

func runColdRanges(ctx context.Context, l *lab, note func(string, map[string]float64)) error {
	plan := randomSpans(200, rangesOfClients, mib, l.object.Size, 1)
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
		h, asked, err := l.readCounted(ctx, s, job{Plan: plan, Within: 8 * time.Second})
		s.proc.stop()
		if err != nil {
			return err
		}
		count, bytes := slicesOf(plan, peer.slice, l.object.Size)
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

func runColdStream(ctx context.Context, l *lab, note func(string, map[string]float64)) error {
	var probes []span
	for i := range int64(32) {
		probes = append(probes, span{i * 8 * mib, 64 << 10})
	}
	direct := func() (*server, error) { return l.store, nil }
	cold := func() (*server, error) { return l.startColdEdge(ctx, false) }
	for _, begin := range []func() (*server, error){direct, cold} {
		figures := map[string]float64{}
		var name string
		for _, plan := range [][]span{probes, {{0, l.object.Size}}} { // each at an empty server
			s, err := begin()
			if err != nil {
				return err
			}
			h, err := l.read(ctx, s, job{Plan: [][]span{plan}, Pause: 100 * time.Millisecond})
			if s != l.store {
				s.proc.stop()
			}
			if err != nil {
				return err
			}
			if name = s.name; len(plan) > 1 {
				figures[ttfb50], figures[ttfb99] = percentile(h.TTFB, 50), percentile(h.TTFB, 99)
			} else {
				figures[rateMB] = float64(h.Bytes) / h.Seconds / 1e6
			}
		}
		note(name, figures)
	}
	return nil
}

func runSlowReaders(ctx context.Context, l *lab, note func(string, map[string]float64)) error {
	s, err := l.startColdEdge(ctx, true)
	if err != nil {
		return err
	}
	defer s.proc.stop()
	plan := randomSpans(slowReaders, 1, mib, l.object.Size, 2)
	for i := range plan {
		plan[i][0].Length = l.object.Size - plan[i][0].From
	}
	if _, err := l.read(ctx, s, job{Plan: [][]span{{{0, l.object.Size}}}}); err != nil { // all slices to disk
		return err
	}
	idle := s.proc.residentMiB()
	var peak float64
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			peak = max(peak, s.proc.residentMiB())
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	h, err := l.read(ctx, s, job{Plan: plan, SlowBytes: 16 << 10, Seconds: 10})
	close(done)
	<-watched
	if err != nil {
		return err
	}
	note(s.name, map[string]float64{idleMiB: idle, above: peak - idle, readersCut: float64(h.Cut)})
	return nil
}

// residentMiB returns the process's resident memory; see proc_pid_status(5).
func (p *process) residentMiB() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)) // taskset has become the program
	for line := range strings.Lines(string(text)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}
