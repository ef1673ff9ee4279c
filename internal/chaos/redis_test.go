//go:build chaos

package chaos

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// The rows of the table, as docs/guarantees.md names them.
const (
	rowRedis    = "Redis loses what it knew"
	rowReplies  = "answers to a redeem are lost"
	rowKill     = "kill -9 of edges and origins"
	rowBus      = "the bus is cut, slow or lossy"
	rowParts    = "PostgreSQL, S3 or clamd fail"
	rowClock    = "an edge's clock is 90 s off"
	rowStampede = "1,000 GETs at once"
	rowPlayers  = "players and download managers"
	rowQuota    = "a tight quota under 100 parallel calls"
)

// bodySize is that of the file that crowds fetch.
const bodySize = 24 << 10

func TestRedis(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed})
	file := w.Upload(bodySize)
	w.Play(t, rowRedis, "FLUSHALL", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		n := 4 * *rounds
		for range n {
			s.Wait(300*time.Millisecond, 900*time.Millisecond)
			s.Redis.Ask(s.T, "FLUSHALL")
		}
		s.Wait(time.Second, 2*time.Second)
		return Bounds{Stale: maxStale, Crashes: int64(n)}
	})
	w.Play(t, rowRedis, "kill -9 and an empty restart", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		n := 2 * *rounds
		for range n {
			s.Wait(500*time.Millisecond, time.Second)
			s.Redis.Kill()
			s.forget()
			s.Wait(100*time.Millisecond, 1500*time.Millisecond)
			s.Redis.Start()
		}
		s.Wait(time.Second, 2*time.Second)
		return Bounds{Stale: maxStale, Crashes: int64(n)}
	})
	w.Play(t, rowRedis, "kill -9 and a restart from an old snapshot", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		n := 2 * *rounds
		for range n {
			s.Wait(300*time.Millisecond, 600*time.Millisecond)
			s.Redis.Ask(s.T, "SAVE")
			s.Wait(500*time.Millisecond, time.Second)
			s.Redis.Kill()
			s.Wait(10*time.Millisecond, 800*time.Millisecond)
			s.Redis.Start()
		}
		s.Wait(time.Second, 2*time.Second)
		s.forget()
		return Bounds{Stale: maxStale, Crashes: int64(n)}
	})
	w.Play(t, rowRedis, "FLUSHALL, and then no writes", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		n := 2 * *rounds
		for range n {
			s.Wait(300*time.Millisecond, 600*time.Millisecond)
			s.Redis.Ask(s.T, "FLUSHALL")
			s.Redis.Ask(s.T, "CONFIG", "SET", "min-replicas-to-write", "1") // and there is no replica
			s.Wait(time.Second, 2*time.Second)
			s.Redis.Ask(s.T, "CONFIG", "SET", "min-replicas-to-write", "0")
		}
		s.Wait(time.Second, 2*time.Second)
		return Bounds{Stale: maxStale, Crashes: int64(n)}
	})
	w.Play(t, rowRedis, "split brain, both primaries reachable", file, &results, splitBrain)
}

// forget removes Redis's snapshot.
func (s *Scene) forget() { _ = os.Remove(filepath.Join(s.Redis.Dir, "dump.rdb")) }

// splitBrain lets a replica become a second primary, and edges and origins take
// now the one, now the other. Neither hears what the other is told, so only caps
// are promised until it is over.
func splitBrain(s *Scene) Bounds {
	other := testenv.Redis(s.T, "--repl-diskless-sync-delay", "0")
	host, port := "127.0.0.1", s.Redis.Addr[len("127.0.0.1:"):]
	s.Crowd()
	const choices = 4
	n := 2 * *rounds
	for range n {
		other.Ask(s.T, "REPLICAOF", host, port)
		testsystem.Until(s.T, recovery, "a replica", func() error { return other.Replicates(s.T) })
		s.Wait(300*time.Millisecond, 600*time.Millisecond)
		other.Ask(s.T, "REPLICAOF", "NO", "ONE")
		for range choices { // everybody chooses a side, again and again
			for _, p := range append(s.EdgeRedis[:], s.APIRedis[:]...) {
				p.Lead([]string{s.Redis.Addr, other.Addr}[s.Rand.IntN(2)])
			}
			s.Wait(150*time.Millisecond, 500*time.Millisecond)
		}
		for _, p := range append(s.EdgeRedis[:], s.APIRedis[:]...) {
			p.Lead(s.Redis.Addr)
		}
	}
	return Bounds{Crashes: int64(n * (choices + 1))} // the last sends all to the first
}

// TestFailOver has Sentinels promote a replica that lacks the last writes.
func TestFailOver(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed + 1, Sentinels: true})
	file := w.Upload(bodySize)
	w.Play(t, rowRedis, "fail-over to a replica cut off before the last writes", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		s.Wait(500*time.Millisecond, time.Second)
		// The primary takes its replica no more: what is written now is lost with it.
		s.Redis.Ask(s.T, "ACL", "SETUSER", "default", "-psync", "-sync")
		s.Redis.Ask(s.T, "CLIENT", "KILL", "TYPE", "replica")
		s.Wait(500*time.Millisecond, time.Second)
		s.Redis.Kill()
		testsystem.Until(s.T, recovery, "a promotion", func() error { return s.Watched.Promoted(s.T) })
		s.Wait(time.Second, 2*time.Second)
		s.Redis.Start() // the old primary comes back, empty, until the Sentinels put it in its place
		s.Wait(time.Second, 2*time.Second)
		return Bounds{Stale: maxStale, Crashes: 1}
	})
}
