package chaos

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Scene is one scenario under way: a world, and an oracle of its own.
type Scene struct {
	*World
	T      *testing.T
	Oracle *Oracle
	File   *File

	row, name string
	began     time.Time
	crowd     *Crowd
	killed    bool // an edge was, so counts of uncapped links are judged by the scenario
	notes     []string
}

// Play runs a scenario, then ends every fault, sees that the system recovers
// without a restart, asks for every capped link until all edges refuse it, and
// judges. row is the fault as the table of guarantees names it.
func (w *World) Play(t *testing.T, row, name string, file *File, out *Results, play func(s *Scene) Bounds) {
	t.Run(name, func(t *testing.T) {
		defer func(outer testing.TB) { w.tb = outer }(w.tb)
		w.tb = t
		s := &Scene{World: w, T: t, Oracle: &Oracle{}, File: file, row: row, name: name, began: time.Now()}
		bounds := play(s)
		if s.crowd != nil {
			s.crowd.Disperse()
		}
		w.Heal()
		w.Proof(s.Oracle, file)
		s.drain()
		bounds.Drained = true
		s.audit(bounds)
		verdict := s.Oracle.Judge(bounds)
		for _, broken := range verdict.Broken {
			t.Error(broken)
		}
		out.Add(Result{Fault: s.row, Scenario: s.name, Seconds: time.Since(s.began).Seconds(), Failed: t.Failed(), Notes: s.notes, Verdict: verdict})
		t.Logf("%d requests, %d bodies, %d refused, %d unavailable, %d lost; missing %d of %d, unsure %d; stale %.0f ms",
			verdict.Visits, verdict.Bodies, verdict.Refused, verdict.Unavailable, verdict.Lost, verdict.Missing, verdict.MissingOf, verdict.Unsure, verdict.StaleWorst)
	})
}

// Crowd gathers a crowd that hammers links to the scene's file until it ends.
func (s *Scene) Crowd() { s.crowd = s.Gather(s.Oracle, s.File) }

// Note adds a figure to the result.
func (s *Scene) Note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// Between draws a duration.
func (s *Scene) Between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.Rand.Int64N(int64(most-least)))
}

// Wait lets the crowd go on for as long as it draws.
func (s *Scene) Wait(least, most time.Duration) { time.Sleep(s.Between(least, most)) }

// KillEdge kills an edge and starts it again.
func (s *Scene) KillEdge(i int) (killed time.Time) {
	s.killed = true
	killed = time.Now()
	s.Edges[i].Kill()
	s.Edges[i].Start()
	return killed
}

// KillOrigin kills an origin and starts it again.
func (s *Scene) KillOrigin(i int) {
	s.Origins[i].Kill()
	s.Origins[i].Start()
}

// drain asks for every capped link on every edge until it is refused, so that no
// download that could still be had counts as missing.
func (s *Scene) drain() {
	s.each(func(l *Link, by int) {
		if l.Cap > 0 && l.open() {
			s.drainLink(l, by)
		}
	})
}

// each calls do for every link, a few at a time.
func (s *Scene) each(do func(l *Link, by int)) {
	work := make(chan *Link)
	var working sync.WaitGroup
	for by := range 8 {
		working.Go(func() {
			for l := range work {
				do(l, by)
			}
		})
	}
	for _, l := range s.Oracle.Links() {
		work <- l
	}
	close(work)
	working.Wait()
}

func (s *Scene) drainLink(l *Link, by int) {
	for edge := range Edges {
		if status := s.drainAt(edge, l, by); status != http.StatusGone {
			s.T.Errorf("link %s: edge %d still answers %d", l.ID, edge, status)
			return
		}
	}
}

// drainAt asks one edge until it refuses, and returns its last answer. On a busy machine
// that takes long: a minute is for what brings the end no nearer.
func (s *Scene) drainAt(edge int, l *Link, by int) (status int) {
	end := time.Now().Add(time.Minute)
	for n := int64(0); ; n++ {
		status = s.Visit(context.Background(), s.Oracle, l, Request{Edge: edge, Agent: fmt.Sprintf("drain/%d.%d.%d", by, edge, n)}).Status
		switch {
		case status == http.StatusGone, time.Now().After(end):
			return status
		case status == http.StatusOK && n < l.Cap:
			end = time.Now().Add(time.Minute)
		default:
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// countedWithin is when a served download is in download_count at the latest, with
// something on top for the counting itself.
const countedWithin = 5 * time.Second

// audit asks the API for every link. What was acknowledged is there: the link, and
// its revocation. And download_count fits the bodies that clients got: never fewer,
// and more only by requests whose answer was lost, and by what a crash may cost, for
// nobody knows whether a dead edge served what it had taken. Counts of uncapped links
// are left to the scenario where edges were killed.
func (s *Scene) audit(b Bounds) {
	end := time.Now().Add(countedWithin)
	s.each(func(l *Link, by int) {
		for {
			a := s.Ask(context.Background(), s.Oracle, by%Origins, s.Key, "GET", "/shares/"+l.ID, nil)
			wrong := s.compare(l, a, b)
			if wrong == "" {
				return
			}
			if time.Now().After(end) {
				s.Oracle.Fault("link %s, cap %d: %s", l.ID, l.Cap, wrong)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

// compare says what is wrong with the API's answer about a link.
func (s *Scene) compare(l *Link, a Answer, b Bounds) string {
	if a.Status != http.StatusOK {
		return fmt.Sprintf("the API answers %d", a.Status)
	}
	if revoked, _ := a.Body["revoked"].(bool); !revoked && !l.open() {
		return "its revocation was acknowledged and is lost"
	}
	t, got := l.Tally(), a.Number("download_count")
	if (l.Cap > 0 || !s.killed) && (got < t.Bodies || got > t.Bodies+t.Unsure()+b.Missing(l.Cap)) {
		return fmt.Sprintf("download_count = %d; clients got %d bodies, and no answer to %d requests", got, t.Bodies, t.Unsure())
	}
	return ""
}
