//go:build chaos

package chaos

import (
	"context"
	"net/http"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestClock has one edge 90 s ahead and one behind. An expiry is then wrong by as
// much as the clock, and by no more; nothing is served after a revocation, a cap
// holds. The edge behind is 90 s off only with -long, since the end of its error
// has to be waited for.
func TestClock(t *testing.T) {
	t.Parallel()
	behind := 8 * time.Second
	if *long {
		behind = 90 * time.Second
	}
	const ahead = 90 * time.Second
	w := NewWorld(t, Options{Seed: *seed + 5, EdgeNames: [Edges]string{"", testsystem.SkewedEdge(t, ahead), testsystem.SkewedEdge(t, -behind)}})
	file := w.Upload(bodySize)
	w.Play(t, rowClock, "expiry, revocation and caps", file, &results, func(s *Scene) Bounds {
		s.Crowd()
		expires := time.Now().Add(4 * time.Second).Truncate(time.Second)
		l := s.Share(s.Oracle, file, testsystem.Object{"expires_at": expires.UTC().Format(time.RFC3339)})
		late := s.Share(s.Oracle, file, testsystem.Object{"expires_at": expires.Add(ahead + time.Minute).UTC().Format(time.RFC3339)})
		if status := s.status(late, 1); status != http.StatusOK {
			s.T.Errorf("the edge ahead refuses (%d) a link that it, too, knows to be alive", status)
		}
		if status := s.status(l, 1); status != http.StatusGone {
			s.T.Errorf("the edge 90 s ahead answers %d for a link that expires in %v; want 410: the clock is not skewed", status, time.Until(expires))
		}
		for _, edge := range []int{0, 2} {
			if status := s.status(l, edge); status != http.StatusOK {
				s.T.Errorf("edge %d answers %d before the expiry; want 200", edge, status)
			}
		}
		last := [Edges]time.Time{}
		for time.Now().Before(expires.Add(behind + 2*time.Second)) {
			for _, edge := range []int{0, 2} {
				if begin := time.Now(); s.status(l, edge) == http.StatusOK {
					last[edge] = begin
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		for edge, most := range map[int]time.Duration{0: 0, 2: behind} {
			if over := last[edge].Sub(expires); over > most {
				s.T.Errorf("edge %d, %v behind, served until %v after the expiry", edge, most, over)
			}
			if last[edge].IsZero() {
				s.T.Errorf("edge %d did not serve at all", edge)
			}
		}
		s.Note("edge %v ahead refused at once, edge %v behind served until %v after the expiry", ahead, behind, last[2].Sub(expires).Round(10*time.Millisecond))
		s.revokeSome(6, maxStale)
		return Bounds{Stale: maxStale}
	})
}

func (s *Scene) status(l *Link, edge int) int {
	return s.Visit(context.Background(), s.Oracle, l, Request{Edge: edge, Agent: "clock"}).Status
}
