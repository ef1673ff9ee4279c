//go:build chaos && fleet

package chaos

import (
	"context"
	"os"
	"testing"
	"time"

	"rawlink/internal/netlab"
	"rawlink/internal/testsystem"
)

// rowFleet is the row of the fleet's faults.
const rowFleet = "hosts and networks fail"

// fleetBody is the size of the file that the crowd fetches.
const fleetBody = 24 << 10

// TestFleet breaks the network between hosts, and hosts, under a crowd.
func TestFleet(t *testing.T) {
	if err := netlab.Permitted(); err != nil {
		if os.Getenv("FLEET_REQUIRED") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	f := NewFleet(t, *seed)
	file := f.Upload(fleetBody)
	for _, c := range []struct {
		name string
		play func(f *Fleet, s *Scene) Bounds
	}{
		{"all edges and origins are replaced, one by one", rolling},
		{"an edge's cable is pulled", cutEdge},
		{"an edge is parted from Redis", partEdge},
		{"every link loses 5 % of the packets", lossy},
		{"PostgreSQL's cable is pulled", cutDatabase},
		{"an edge and an origin vanish", vanish},
		{"the primary and an edge are parted from the rest", partPrimary},
	} {
		f.Play(t, rowFleet, c.name, file, &results, func(s *Scene) Bounds { return c.play(f, s) })
	}
}

// rolling replaces every program by a new process while the crowd goes on. Nobody
// notices.
func rolling(f *Fleet, s *Scene) Bounds {
	s.Crowd()
	s.Wait(500*time.Millisecond, time.Second)
	for i := range f.Origins {
		f.Origins[i].HandOver()
		s.Wait(200*time.Millisecond, 400*time.Millisecond)
	}
	for i := range f.Edges {
		f.Edges[i].HandOver()
		s.Wait(200*time.Millisecond, 400*time.Millisecond)
	}
	s.Wait(500*time.Millisecond, time.Second)
	s.crowd.Disperse()
	for _, l := range s.Oracle.Links() {
		if t := l.Tally(); t.Lost+t.Unavailable+t.Repeats > 0 || t.Whole != t.Bodies {
			s.Oracle.Fault("link %s: %d requests without an answer, %d of 503, %d sent twice, %d bodies cut; want none while programs are replaced",
				l.ID, t.Lost, t.Unavailable, t.Repeats, t.Bodies-t.Whole)
		}
	}
	return Bounds{Stale: maxStale}
}

// cutEdge takes an edge from the network for longer than it may believe itself.
func cutEdge(f *Fleet, s *Scene) Bounds {
	s.Crowd()
	at := s.Rand.IntN(Edges)
	s.Wait(300*time.Millisecond, 600*time.Millisecond)
	links := s.known(4)
	f.EdgeHosts[at].Cut()
	s.revokeAll(links)
	time.Sleep(maxStale + time.Second)
	f.EdgeHosts[at].Join()
	s.Wait(time.Second, 2*time.Second)
	return Bounds{Stale: serveStale, Crashes: 1}
}

// partEdge has an edge reach its origin and its clients, and no Redis.
func partEdge(f *Fleet, s *Scene) Bounds {
	s.Crowd()
	at := s.Rand.IntN(Edges)
	f.Lab.Part(f.EdgeHosts[at:at+1], append(f.RedisHosts[:], f.Watchers[:]...))
	s.revokeSome(6, maxStale+time.Second)
	f.healHosts()
	s.Wait(500*time.Millisecond, time.Second)
	return Bounds{Stale: maxStale, Crashes: 1}
}

// lossy loses packets at every host, and slows the edges down where the kernel can.
func lossy(f *Fleet, s *Scene) Bounds {
	slow := true
	for _, h := range f.Hosts() {
		h.Lose(5)
	}
	for _, h := range f.EdgeHosts {
		slow = h.Delay(20*time.Millisecond) && slow
	}
	s.Note("latency by netem: %t", slow)
	s.Crowd()
	s.revokeSome(4, maxStale)
	s.Wait(2*time.Second, 3*time.Second)
	f.healHosts()
	return Bounds{Stale: maxStale, Crashes: 1}
}

// cutDatabase takes PostgreSQL from the network: nobody refuses, nothing answers.
func cutDatabase(f *Fleet, s *Scene) Bounds {
	s.Crowd()
	s.Wait(500*time.Millisecond, time.Second)
	f.DataHost.Cut()
	s.Wait(2*time.Second, 3*time.Second)
	f.DataHost.Join()
	s.Wait(time.Second, 2*time.Second)
	return Bounds{Stale: maxStale, Crashes: 1}
}

// vanish kills an edge and an origin together with their links, and brings them back.
func vanish(f *Fleet, s *Scene) Bounds {
	s.Crowd()
	edge, origin := s.Rand.IntN(Edges), s.Rand.IntN(Origins)
	s.Wait(500*time.Millisecond, time.Second)
	f.EdgeHosts[edge].Cut()
	f.OriginHosts[origin].Cut()
	s.killed = true
	f.Edges[edge].Kill()
	f.Origins[origin].Kill()
	s.Wait(time.Second, 2*time.Second)
	f.OriginHosts[origin].Join()
	f.EdgeHosts[edge].Join()
	f.Origins[origin].Start()
	f.Edges[edge].Start()
	s.Wait(500*time.Millisecond, time.Second)
	return Bounds{Stale: maxStale + serveStale, Crashes: 2}
}

// partPrimary leaves the primary with one edge, that goes on writing there, while the
// Sentinels promote the replica for all others. The minority never hears of what is
// changed meanwhile, and must stop believing itself. Once the network is whole again
// there are two primaries until the Sentinels demote the old one: whoever still has
// connections to it hears nothing of what the other is told, and only caps are
// promised for so long.
func partPrimary(f *Fleet, s *Scene) Bounds {
	s.Crowd()
	s.Wait(500*time.Millisecond, time.Second)
	at := s.Rand.IntN(Edges)
	minority := []*netlab.Host{f.RedisHosts[0], f.EdgeHosts[at]}
	var rest []*netlab.Host
	for _, h := range f.Hosts() {
		if h != minority[0] && h != minority[1] {
			rest = append(rest, h)
		}
	}
	links := s.known(6)
	f.Lab.Part(minority, rest)
	testsystem.Until(s.T, recovery, "a promotion", func() error { return f.Watched.Promoted(s.T) })
	s.revokeAll(links)
	for _, l := range links {
		if late := l.Late(); late[at] > maxStale+serveStale {
			s.Oracle.Fault("link %s: served %v after its revocation by an edge that could not hear of it", l.ID, late[at])
		}
	}
	f.healHosts()
	healed := time.Now()
	testsystem.Until(s.T, time.Minute, "the old primary in its place", func() error { return f.Redis.Replicates(s.T) })
	s.Note("the Sentinels put the old primary in its place %v after the network healed", time.Since(healed).Round(time.Second))
	return Bounds{Crashes: 2}
}

// known makes links that every edge has served.
func (s *Scene) known(n int) []*Link {
	links := make([]*Link, n)
	for i := range links {
		links[i] = s.Share(s.Oracle, s.File, nil)
		for edge := range Edges {
			s.Visit(context.Background(), s.Oracle, links[i], Request{Edge: edge, Agent: "before"})
		}
	}
	return links
}

// revokeAll revokes links and asks every edge for them for a while, also those that
// can't be reached, or can't have heard of it.
func (s *Scene) revokeAll(links []*Link) {
	for _, l := range links {
		s.Revoke(l)
	}
	s.watch(links, maxStale+serveStale)()
}
