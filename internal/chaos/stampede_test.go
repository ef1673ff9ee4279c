//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestStampede has 1,000 clients ask for one link at the same moment, over all
// edges.
func TestStampede(t *testing.T) {
	w := NewWorld(t, Options{Seed: *seed + 6})
	file, large := w.Upload(4<<10), w.Upload(6<<20)
	w.Play(t, rowStampede, "cap 10, 100 rounds", file, &results, func(s *Scene) Bounds {
		for round := range 100 * *rounds {
			l := s.Capped(s.Oracle, file, 10)
			s.stampede(l, round)
			// 503 is an answer, too, where all at once are more than an edge can ask for.
			if t := l.Tally(); t.Whole != 10 || t.Refused+t.Unavailable != crowdSize-10 {
				s.Oracle.Fault("round %d: %d whole bodies and %d refusals of %d; want 10", round, t.Whole, t.Refused+t.Unavailable, crowdSize)
			}
		}
		return Bounds{}
	})
	w.Play(t, rowStampede, "cap 1, 20 rounds", file, &results, func(s *Scene) Bounds {
		for round := range 20 * *rounds {
			l := s.Capped(s.Oracle, file, 1)
			s.stampede(l, round)
			if t := l.Tally(); t.Whole != 1 {
				s.Oracle.Fault("round %d: %d whole bodies; want 1", round, t.Whole)
			}
		}
		return Bounds{}
	})
	w.Play(t, rowStampede, "cap 1, interrupted at half and resumed", large, &results, interrupted)
}

// crowdSize is how many ask at the same moment.
const crowdSize = 1000

// stampede sends them off together and waits for all.
func (s *Scene) stampede(l *Link, round int) {
	var gate, running sync.WaitGroup
	gate.Add(1)
	for i := range crowdSize {
		running.Go(func() {
			gate.Wait()
			s.Visit(context.Background(), s.Oracle, l, Request{Edge: i % Edges, Agent: fmt.Sprintf("stampede/%d.%d", round, i)})
		})
	}
	gate.Done()
	running.Wait()
}

// interrupted has the only client of a link give up at half, and resume at
// another edge while others try.
func interrupted(s *Scene) Bounds {
	for round := range 5 * *rounds {
		l := s.Capped(s.Oracle, s.File, 1)
		ctx, me := context.Background(), fmt.Sprintf("only/%d", round)
		first := s.Visit(ctx, s.Oracle, l, Request{Edge: round % Edges, Agent: me, Stop: int64(len(l.Body) / 2)})
		for edge := range Edges {
			if v := s.Visit(ctx, s.Oracle, l, Request{Edge: edge, Agent: "another"}); v.Status != http.StatusGone {
				s.Oracle.Fault("another client: %d; want 410", v.Status)
			}
		}
		rest := s.Visit(ctx, s.Oracle, l, Request{Edge: (round + 1) % Edges, Agent: me, From: first.Bytes, Resume: true})
		if first.Status != http.StatusOK || first.Whole || rest.Status != http.StatusPartialContent || !rest.Whole {
			s.Oracle.Fault("interrupted after %d bytes with %d, resumed with %d, whole %t; want 200, then 206 with the rest", first.Bytes, first.Status, rest.Status, rest.Whole)
		}
		if got := s.Counted(s.T, l); got != 1 {
			s.Oracle.Fault("download_count = %d; want 1", got)
		}
	}
	return Bounds{}
}
