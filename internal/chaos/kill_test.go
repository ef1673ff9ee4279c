//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

func TestKill(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed + 3})
	file, large := w.Upload(bodySize), w.Upload(6<<20)
	w.Play(t, rowKill, "an edge, mid-body", file, &results, func(s *Scene) Bounds { return killMidBody(s, large) })
	w.Play(t, rowKill, "an edge, mid-redeem", file, &results, killMidRedeem)
	w.Play(t, rowKill, "an edge, mid-flush", file, &results, killMidFlush)
	w.Play(t, rowKill, "an origin, between commit and relay", file, &results, killBeforeRelay)
	w.Play(t, rowKill, "everything in turn", file, &results, killInTurn)
}

// killMidBody kills the edge that slow clients of a capped link read from, until
// each has begun. They go on at another edge, where nothing is taken for it.
func killMidBody(s *Scene, large *File) Bounds {
	s.Crowd()
	const readers = 12
	for round := range *rounds {
		l := s.Capped(s.Oracle, large, readers)
		at := s.Rand.IntN(Edges)
		var reading sync.WaitGroup
		got := make([]*Visit, readers)
		for i := range readers {
			reading.Go(func() {
				got[i] = s.Visit(context.Background(), s.Oracle, l, Request{Edge: at, Agent: agent("reader", round, i), Slow: 5 * time.Millisecond})
			})
		}
		s.Wait(300*time.Millisecond, 600*time.Millisecond)
		s.KillEdge(at)
		reading.Wait()
		broken := 0
		for i, v := range got {
			if !v.Served() || v.Whole {
				continue // refused by the kill before its first byte, or done before it
			}
			broken++
			again := s.Visit(context.Background(), s.Oracle, l, Request{Edge: (at + 1 + i%2) % Edges, Agent: agent("reader", round, i), From: v.Bytes, Resume: true})
			if again.Status != http.StatusPartialContent || !again.Whole {
				s.T.Errorf("reader %d, broken off after %d bytes, resumed: status %d, whole %t; want the rest", i, v.Bytes, again.Status, again.Whole)
			}
		}
		if broken == 0 {
			s.T.Error("no body was under way at the kill: the scenario tested nothing")
		}
		s.Note("%d bodies cut and resumed", broken)
	}
	return Bounds{Stale: maxStale, Crashes: int64(*rounds)}
}

func agent(kind string, round, i int) string { return fmt.Sprintf("%s/%d.%d", kind, round, i) }

// killMidRedeem slows the ways to whatever grants downloads, so that a kill finds
// grants on their way.
func killMidRedeem(s *Scene) Bounds {
	s.Crowd()
	n := 2 * *rounds
	for range n {
		at := s.Rand.IntN(Edges)
		rtt := s.Between(50*time.Millisecond, 150*time.Millisecond)
		s.EdgeOrigin[at].Delay(rtt)
		s.EdgeRedis[at].Delay(rtt)
		s.Wait(300*time.Millisecond, 600*time.Millisecond)
		s.killed = true
		s.Edges[at].Kill()
		s.EdgeOrigin[at].Heal()
		s.EdgeRedis[at].Heal()
		s.Edges[at].Start()
	}
	return Bounds{Stale: maxStale, Crashes: int64(n)}
}

// countLag is how old a download of an uncapped link may be and yet be lost with
// its edge.
const countLag = 100 * time.Millisecond

// killMidFlush kills an edge at a moment that has nothing to do with how it hands
// its counts over. What it served up to countLag before is counted in the end.
func killMidFlush(s *Scene) Bounds {
	n := 3 * *rounds
	for round := range n {
		at := s.Rand.IntN(Edges)
		l := s.Share(s.Oracle, s.File, nil)
		ctx, stop := context.WithCancel(context.Background())
		var visiting sync.WaitGroup
		for i := range 8 {
			visiting.Go(func() {
				for k := 0; ctx.Err() == nil; k++ {
					s.Visit(context.Background(), s.Oracle, l, Request{Edge: at, Agent: fmt.Sprintf("flush/%d.%d.%d", round, i, k)})
					pause(ctx, 10*time.Millisecond)
				}
			})
		}
		s.Wait(600*time.Millisecond, 1400*time.Millisecond)
		killed := time.Now()
		s.killed = true
		s.Edges[at].Kill()
		stop()
		visiting.Wait()
		s.Edges[at].Start()

		old := int64(0)
		for _, seen := range l.Seen() {
			if seen.End.Before(killed.Add(-countLag)) {
				old++
			}
		}
		s.judgeCounts(l, old)
	}
	return Bounds{Crashes: int64(n)}
}

// judgeCounts compares an uncapped link's count with what clients got: at least
// the downloads that must have outlived the kill, at most all.
func (s *Scene) judgeCounts(l *Link, least int64) {
	s.T.Helper()
	var got int64
	for end := time.Now().Add(countedWithin); ; time.Sleep(50 * time.Millisecond) {
		if got = s.Counted(s.T, l); got >= least {
			break
		}
		if time.Now().After(end) {
			s.Oracle.Fault("link %s: download_count = %d after a kill; %d downloads were served more than %v before it", l.ID, got, least, countLag)
			break
		}
	}
	if t := l.Tally(); got > t.Bodies+t.Unsure() {
		s.Oracle.Fault("link %s: download_count = %d; clients got %d bodies and no answer to %d requests", l.ID, got, t.Bodies, t.Unsure())
	}
	s.Note("%d of %d old downloads counted", min(got, least), least)
}

// killBeforeRelay kills an origin right after it acknowledged changes that it
// could not tell: its way to Redis is dark.
func killBeforeRelay(s *Scene) Bounds {
	s.Crowd()
	n := 2 * *rounds
	for range n {
		at := s.Rand.IntN(Origins)
		links := make([]*Link, 4)
		for i := range links {
			links[i] = s.Share(s.Oracle, s.File, nil)
			for edge := range Edges { // known everywhere
				s.Visit(context.Background(), s.Oracle, links[i], Request{Edge: edge, Agent: "before"})
			}
		}
		s.APIRedis[at].BlackHole()
		for _, l := range links {
			if s.Ask(context.Background(), s.Oracle, at, s.Key, "DELETE", "/shares/"+l.ID, nil).Status == http.StatusOK {
				l.Ended(time.Now())
			}
		}
		space := s.Ask(context.Background(), s.Oracle, at, s.Key, "POST", "/spaces", testsystem.Object{"name": "just before"})
		s.Origins[at].Kill()
		watch := s.watch(links, maxStale+time.Second)
		s.APIRedis[at].Heal()
		s.Origins[at].Start()
		if space.Status == http.StatusCreated {
			s.Insist(s.Oracle, http.StatusOK, "GET", "/spaces/"+space.Text("id"), nil)
		}
		watch()
	}
	return Bounds{Stale: maxStale, Crashes: int64(n)}
}

// watch asks every edge for the links, again and again for this long. Call what it
// returns to wait for the end.
func (s *Scene) watch(links []*Link, long time.Duration) (wait func()) {
	end := time.Now().Add(long)
	var watching sync.WaitGroup
	for _, l := range links {
		for edge := range Edges {
			watching.Go(func() {
				for time.Now().Before(end) {
					s.Visit(context.Background(), s.Oracle, l, Request{Edge: edge, Agent: "watch"})
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	}
	return watching.Wait
}

// killInTurn kills programs at random moments.
func killInTurn(s *Scene) Bounds {
	s.Crowd()
	n := 4 * *rounds
	for range n {
		s.Wait(100*time.Millisecond, 500*time.Millisecond)
		if i := s.Rand.IntN(Edges + Origins); i < Edges {
			s.KillEdge(i)
		} else {
			s.KillOrigin(i - Edges)
		}
	}
	s.Wait(500*time.Millisecond, time.Second)
	return Bounds{Stale: maxStale, Crashes: int64(n)}
}
