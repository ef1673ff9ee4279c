//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"rawlink/internal/testsystem"
)

// TestPlayers has clients that ask for one download in many requests. Each counts
// once.
func TestPlayers(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed + 7})
	file := w.Upload(3 << 20)
	size := int64(len(file.Body))
	stories := []struct {
		name string
		tell func(s *Scene, l *Link)
	}{
		{"16 parallel ranges", func(s *Scene, l *Link) {
			var segments sync.WaitGroup
			at := s.Rand.IntN(Edges)
			for i := range int64(16) {
				segments.Go(func() { s.rangeOf(l, at, "segments/1.0", i*size/16, (i+1)*size/16-1, "") })
			}
			segments.Wait()
			for i := range int64(16) { // a second time, anywhere
				s.rangeOf(l, int(i)%Edges, "segments/1.0", i*size/16, (i+1)*size/16-1, "")
			}
		}},
		{"a player: 0-1, 0-, 50 seeks", func(s *Scene, l *Link) {
			const agent = "AppleCoreMedia/1.0.0 (iPhone; U; CPU OS 17_5 like Mac OS X)"
			s.rangeOf(l, 0, agent, 0, 1, "")
			s.rangeOf(l, 0, agent, 0, size-1, "")
			for range 50 {
				from := s.Rand.Int64N(size - 1)
				s.rangeOf(l, s.Rand.IntN(Edges), agent, from, min(size-1, from+s.Rand.Int64N(1<<20)), "")
			}
		}},
		{"Firefox resumes", func(s *Scene, l *Link) {
			resume(s, l, "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", http.Header{"Accept-Encoding": {"identity"}}, "")
		}},
		{"Chromium resumes", func(s *Scene, l *Link) {
			resume(s, l, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
				http.Header{"Accept-Encoding": {"gzip, deflate, br, zstd"}, "Sec-Fetch-Dest": {"document"}}, `"`+testsystem.SHA256(l.Body)+`"`)
		}},
	}
	for _, story := range stories {
		w.Play(t, rowPlayers, story.name, file, &results, func(s *Scene) Bounds {
			for _, most := range []int64{1, 5} {
				// A player reads a file several times over; that is what view is for.
				l := s.Share(s.Oracle, file, testsystem.Object{"max_downloads": most, "permission": "view"})
				story.tell(s, l)
				if got := s.Counted(s.T, l); got != 1 {
					s.Oracle.Fault("cap %d: download_count = %d; want 1", most, got)
				}
				l.paid(1)
			}
			return Bounds{}
		})
	}
}

// paid notes bodies that came in parts, which the visits' own tally has as resumed.
func (l *Link) paid(bodies int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.Bodies += bodies
	l.tally.Whole += bodies
}

// rangeOf asks for the bytes from first to last, which must come.
func (s *Scene) rangeOf(l *Link, edge int, agent string, first, last int64, ifRange string) {
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", first, last)}}
	if ifRange != "" {
		header.Set("If-Range", ifRange)
	}
	part := &Link{ID: l.ID, Path: l.Path, Body: l.Body[first : last+1]}
	v := s.Visit(context.Background(), s.Oracle, part, Request{Edge: edge, Agent: agent, Resume: true, Header: header})
	if v.Status != http.StatusPartialContent || !v.Whole {
		s.Oracle.Fault("bytes %d-%d: status %d, whole %t; want 206 with all of them", first, last, v.Status, v.Whole)
	}
}

// resume breaks a download off at a third and asks for the rest as a browser does.
func resume(s *Scene, l *Link, agent string, header http.Header, ifRange string) {
	first := s.Visit(context.Background(), s.Oracle, l, Request{Edge: 0, Agent: agent, Header: header, Stop: int64(len(l.Body) / 3)})
	if first.Status != http.StatusOK {
		s.Oracle.Fault("status %d; want 200", first.Status)
	}
	s.rangeOf(l, 1, agent, first.Bytes, int64(len(l.Body))-1, ifRange)
	l.paid(-1) // the visit above is in the tally already
}
