//go:build chaos

package chaos

import (
	"testing"
	"time"
)

// TestRedeem loses answers on the way back from whatever grants downloads: the
// request was executed, and the edge can't know.
func TestRedeem(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed + 2})
	file := w.Upload(bodySize)
	w.Play(t, rowReplies, "from the origin", file, &results, func(s *Scene) Bounds {
		return loseReplies(s, s.EdgeOrigin[:], 0)
	})
	w.Play(t, rowReplies, "from Redis", file, &results, func(s *Scene) Bounds {
		return loseReplies(s, s.EdgeRedis[:], 1)
	})
	w.Play(t, rowReplies, "from both, and connections cut", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		paths := append(s.EdgeOrigin[:], s.EdgeRedis[:]...)
		var crashes int64
		for range 12 * *rounds {
			s.Wait(50*time.Millisecond, 250*time.Millisecond)
			at := s.Rand.IntN(len(paths))
			p := paths[at]
			if at >= len(s.EdgeOrigin) {
				crashes++
			}
			if s.Rand.IntN(2) == 0 {
				p.DropReplies()
				s.Wait(50*time.Millisecond, 300*time.Millisecond)
				p.Heal()
			} else {
				p.Cut()
			}
		}
		s.Wait(500*time.Millisecond, time.Second)
		return Bounds{Stale: maxStale, Crashes: crashes}
	})
}

// loseReplies drops the answers on one path after the other, each of which may cost
// as much as so many crashes. While those of the origin are dropped nothing can tell
// an edge of a revocation but the bus.
func loseReplies(s *Scene, paths []*Path, crashes int64) Bounds {
	s.Crowd()
	n := 6 * *rounds
	for range n {
		s.Wait(100*time.Millisecond, 300*time.Millisecond)
		p := paths[s.Rand.IntN(len(paths))]
		p.DropReplies()
		s.Wait(200*time.Millisecond, 500*time.Millisecond)
		p.Heal()
	}
	s.Wait(500*time.Millisecond, time.Second)
	return Bounds{Stale: maxStale, Crashes: int64(n) * crashes}
}
