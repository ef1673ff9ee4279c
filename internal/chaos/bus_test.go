//go:build chaos

package chaos

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// healthyP99 is how long after its revocation a link may be served in 99 of 100
// cases while nothing is wrong.
const healthyP99 = 100 * time.Millisecond

// TestHealthy runs alone: it is about how soon something happens.
func TestHealthy(t *testing.T) {
	w := NewWorld(t, Options{Seed: *seed + 9})
	w.Play(t, rowBus, "healthy: 1,000 revocations", w.Upload(bodySize), &results, healthy)
}

func TestBus(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed + 4})
	file, large := w.Upload(bodySize), w.Upload(15<<20)
	w.Play(t, rowBus, "black-holed", file, &results, func(s *Scene) Bounds {
		b := disturb(s, 2, func(redis *Path) { redis.BlackHole() })
		b.Crashes = int64(2 * *rounds) // a block may have been on its way
		return b
	})
	w.Play(t, rowBus, "10 % loss", file, &results, func(s *Scene) Bounds {
		return disturb(s, 1, func(redis *Path) { redis.Lose(0.1) })
	})
	w.Play(t, rowBus, "2 s latency", file, &results, func(s *Scene) Bounds {
		return disturb(s, 1, func(redis *Path) { redis.Delay(2 * time.Second) })
	})
	w.Play(t, rowBus, "black-holed between the origins and Redis", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		for range *rounds {
			for _, p := range s.APIRedis {
				p.BlackHole()
			}
			s.revokeSome(6, maxStale+time.Second)
			for _, p := range s.APIRedis {
				p.Heal()
			}
			s.Wait(500*time.Millisecond, time.Second)
		}
		return Bounds{Stale: maxStale}
	})
	w.Play(t, rowBus, "bodies under way, and an edge black-holed", file, &results, func(s *Scene) Bounds { return endMidBody(s, large) })
	w.Play(t, rowBus, "an edge cut off from Redis and origin", file, &results, cutOff)
}

// healthy revokes 1,000 links that every edge knows while a crowd is served, and
// asks every edge until it refuses.
//
// What a machine takes for a plain answer is added to the bound: one that others
// keep busy is late with everything, and says nothing about the bus.
func healthy(s *Scene) Bounds {
	s.Crowd()
	var plain waits
	const all, atOnce = 1000, 8
	work := make(chan int)
	var revoking sync.WaitGroup
	for range atOnce {
		revoking.Go(func() {
			for i := range work {
				s.revokeOne(i, &plain)
			}
		})
	}
	for i := range all {
		work <- i
	}
	close(work)
	revoking.Wait()
	if *race {
		return Bounds{Stale: maxStale}
	}
	s.Note("p99 of a plain answer: %v", plain.p99())
	return Bounds{Stale: maxStale, StaleP99: healthyP99 + plain.p99()}
}

// waits is how long clients waited. Safe for concurrent use.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
}

func (w *waits) p99() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.all)
	return w.all[(len(w.all)-1)*99/100]
}

func (s *Scene) revokeOne(i int, plain *waits) {
	ctx := context.Background()
	a := s.Ask(ctx, s.Oracle, i%Origins, s.Key, "POST", "/shares", map[string]any{"file_id": s.File.ID})
	if a.Status != http.StatusCreated {
		s.Oracle.Fault("a share was not made while all was well: %d", a.Status)
		return
	}
	l := s.made(s.Oracle, s.File, a)
	for edge := range Edges {
		s.Visit(ctx, s.Oracle, l, Request{Edge: edge, Agent: "before"})
	}
	if a := s.Ask(ctx, s.Oracle, (i+i/2)%Origins, s.Key, "DELETE", "/shares/"+l.ID, nil); a.Status != http.StatusOK {
		s.Oracle.Fault("a share was not revoked while all was well: %d", a.Status)
		return
	}
	l.Ended(time.Now())
	var asking sync.WaitGroup
	for edge := range Edges {
		asking.Go(func() {
			for end := time.Now().Add(2 * maxStale); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
				if v := s.Visit(ctx, s.Oracle, l, Request{Edge: edge, Agent: "after"}); v.Status == http.StatusGone {
					plain.add(v.End.Sub(v.Begin))
					return
				}
			}
		})
	}
	asking.Wait()
}

// disturb has a fault between some edges and Redis, revokes links that they know,
// and asks for them until the bound has passed.
func disturb(s *Scene, edges int, fault func(redis *Path)) Bounds {
	s.Crowd()
	for range *rounds {
		hit := s.Rand.Perm(Edges)[:edges]
		for _, edge := range hit {
			fault(s.EdgeRedis[edge])
		}
		s.Wait(100*time.Millisecond, 300*time.Millisecond)
		s.revokeSome(6, maxStale+time.Second)
		for _, edge := range hit {
			s.EdgeRedis[edge].Heal()
		}
		s.Wait(500*time.Millisecond, time.Second)
	}
	return Bounds{Stale: maxStale}
}

// revokeSome revokes links that every edge knows and then asks for them for this
// long, while they must be refused.
func (s *Scene) revokeSome(n int, long time.Duration) {
	links := make([]*Link, n)
	for i := range links {
		links[i] = s.Share(s.Oracle, s.File, nil)
		for edge := range Edges {
			s.Visit(context.Background(), s.Oracle, links[i], Request{Edge: edge, Agent: "before"})
		}
	}
	for _, l := range links {
		s.Revoke(l)
	}
	s.watch(links, long)()
}

// endMidBody revokes a link while every edge sends its body to slow clients, of which
// none may get the whole: neither where the bus is heard, nor where it isn't.
func endMidBody(s *Scene, large *File) Bounds {
	s.Crowd()
	const readers = 12
	for round := range 2 * *rounds {
		deaf := s.Rand.IntN(Edges)
		l := s.Share(s.Oracle, large, nil)
		var reading sync.WaitGroup
		got := make([]*Visit, readers)
		for i := range readers {
			reading.Go(func() {
				got[i] = s.Visit(context.Background(), s.Oracle, l, Request{Edge: i % Edges, Agent: agent("reader", round, i), Slow: 10 * time.Millisecond})
			})
		}
		s.Wait(500*time.Millisecond, 800*time.Millisecond)
		if round%2 == 1 {
			s.EdgeRedis[deaf].BlackHole()
		}
		s.Revoke(l)
		reading.Wait()
		s.EdgeRedis[deaf].Heal()
		s.Note("edges broke bodies off within %v", l.Late())
		for i, v := range got {
			if !v.Served() || v.Whole || v.Last.Before(l.ended) {
				s.T.Errorf("reader %d: status %d, %d bytes, whole %t; want a body broken off behind the revocation", i, v.Status, v.Bytes, v.Whole)
			}
		}
	}
	return Bounds{Stale: maxStale, Crashes: int64(*rounds)}
}

// cutOff leaves one edge alone. What it knew to be good it may serve for serveStale
// in all if it has no cap; the rest is 503. A capped link is not served at all.
func cutOff(s *Scene) Bounds {
	s.Crowd()
	at := s.Rand.IntN(Edges)
	free, capped := s.Share(s.Oracle, s.File, nil), s.Capped(s.Oracle, s.File, 100)
	ctx := context.Background()
	for _, l := range []*Link{free, capped} {
		if v := s.Visit(ctx, s.Oracle, l, Request{Edge: at, Agent: "before"}); !v.Whole {
			s.T.Errorf("before: status %d", v.Status)
		}
	}
	s.EdgeRedis[at].BlackHole()
	s.EdgeOrigin[at].BlackHole()
	cut := time.Now()
	var statuses []int
	for time.Since(cut) < maxStale+serveStale+time.Second {
		if v := s.Visit(ctx, s.Oracle, capped, Request{Edge: at, Agent: "alone"}); v.Served() && v.Begin.Sub(cut) > 50*time.Millisecond {
			s.T.Errorf("an edge that nobody answers served a capped link")
		}
		statuses = append(statuses, s.Visit(ctx, s.Oracle, free, Request{Edge: at, Agent: "alone"}).Status)
		time.Sleep(50 * time.Millisecond)
	}
	s.EdgeRedis[at].Heal()
	s.EdgeOrigin[at].Heal()
	if statuses[0] != http.StatusOK || statuses[len(statuses)-1] != http.StatusServiceUnavailable {
		s.T.Errorf("an uncapped link at an edge that nobody answers: %v; want 200 at first and 503 in the end", slices.Compact(statuses))
	}
	return Bounds{Stale: serveStale, Crashes: 1}
}
