package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestRestart stops and kills every program in turn: what was acknowledged is
// still there, links and key still work, and what was revoked stays so.
func TestRestart(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			c, content := s.Client(), text(t)
			space := c.Space(t)
			file := c.CleanFile(t, space, "kept.txt", "text/plain", content)
			id, path := c.Share(t, file, nil)
			_, capped := c.Share(t, file, testsystem.Object{"max_downloads": 2})
			revoked, revokedPath := c.Share(t, file, nil)
			everywhere(t, s, path, 200)
			if got := status(t, s.Files[0]+capped); got != 200 {
				t.Fatalf("GET = %d; want 200", got)
			}
			for _, p := range s.Programs() {
				p.Stop()
				p.Start()
			}
			counted(t, c, id, int64(len(s.Files)), 20*time.Second) // handed over at the stop
			c.Must(t, 200, "DELETE", "/shares/"+revoked, nil)
			later := c.Must(t, 201, "POST", "/spaces", testsystem.Object{"name": "just before"}).Text("id")
			for _, p := range s.Programs() {
				p.Kill() // right after the answers above
			}
			for _, p := range s.Programs() {
				p.Start()
			}
			c.Must(t, 200, "GET", "/spaces/"+later, nil)
			everywhere(t, s, revokedPath, 410)
			everywhere(t, s, path, 200)
			if got := status(t, s.Files[0]+capped); got != 200 {
				t.Errorf("second of two downloads: %d; want 200", got)
			}
			everywhere(t, s, capped, 410)
		})
	}
}

// TestStopsLoseNoDownload stops the embedded system, whose blocks of downloads end with
// it, while a link with a large cap is used: all of the cap is served.
func TestStopsLoseNoDownload(t *testing.T) {
	t.Parallel()
	s := testsystem.Embedded(t)
	c := s.Client()
	const most, stops, each = 1600, 4, 11
	_, path := c.Share(t, c.CleanFile(t, c.Space(t), "a.txt", "text/plain", text(t)), testsystem.Object{"max_downloads": most})
	for range stops {
		for range each {
			everywhere(t, s, path, 200)
		}
		s.Origin.Stop()
		s.Origin.Start()
	}
	var served atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for status(t, s.Files[0]+path) == 200 {
				served.Add(1)
			}
		})
	}
	clients.Wait()
	if got := stops*each + served.Load(); got != most {
		t.Errorf("%d of %d downloads were served", got, most)
	}
}

// TestDrain sends SIGTERM while a body is under way: it is finished, new
// requests are not accepted, and the program ends with 0.
func TestDrain(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			c := s.Client()
			content := bytes.Repeat([]byte("drained "), 1_000_000)
			file := c.CleanFile(t, c.Space(t), "drain.bin", "application/octet-stream", content)
			_, path := c.Share(t, file, nil)
			response, err := (&http.Transport{}).RoundTrip(must(http.NewRequest(http.MethodGet, s.Files[0]+path, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			first := make([]byte, 1000)
			if _, err := io.ReadFull(response.Body, first); err != nil {
				t.Fatal(err)
			}
			edge := s.Edges[0]
			edge.Signal(syscall.SIGTERM)
			testsystem.Until(t, 10*time.Second, "the listener's end", func() error {
				if conn, _, err := testsystem.Fetch(t, "GET", s.Files[0]+path); err == nil {
					return fmt.Errorf("a new request was answered %d", conn.StatusCode)
				}
				return nil
			})
			rest, err := io.ReadAll(response.Body)
			if err != nil || !bytes.Equal(append(first, rest...), content) {
				t.Errorf("the body under way: %d of %d bytes, %v", len(first)+len(rest), len(content), err)
			}
			if err := edge.Wait(15 * time.Second); err != nil {
				t.Errorf("the edge ended with %v; want 0", err)
			}
		})
	}
}

// TestStopTellsEverything stops the only origin right after revocations: what it
// acknowledged is refused, though nobody is left to ask.
func TestStopTellsEverything(t *testing.T) {
	t.Parallel()
	s := testsystem.Production(t)
	c := s.Client()
	file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", text(t))
	ids, paths := make([]string, 30), make([]string, 30)
	for i := range ids {
		ids[i], paths[i] = c.Share(t, file, nil)
		everywhere(t, s, paths[i], 200)
	}
	for _, id := range ids {
		c.Must(t, 200, "DELETE", "/shares/"+id, nil)
	}
	s.Origin.Stop()
	for _, path := range paths {
		everywhere(t, s, path, 410) // each edge has heard of it, or is about to
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// TestUploadExpiry lets a ticket run out: its room comes back, and it is of no
// use any more.
func TestUploadExpiry(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "UPLOAD_LIFETIME=6s", "UPLOAD_MULTIPART_FROM=6MiB", "UPLOAD_PART_SIZE=5MiB")
			c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: 20 << 20, Links: -1}))
			space := c.Space(t)
			single := c.Initiate(t, space, "a.txt", "text/plain", 10)
			c.Initiate(t, space, "b.bin", "application/octet-stream", 10<<20)
			used(t, c, 10+10<<20, 0)
			testsystem.Until(t, 30*time.Second, "room given back", func() error {
				if got := c.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); got != 0 {
					return fmt.Errorf("bytes_used = %d", got)
				}
				return nil
			})
			if status, _ := testsystem.Put(t, single.Text("upload_url"), "text/plain", []byte("0123456789")); status != 403 {
				t.Errorf("PUT to an expired ticket = %d; want 403", status)
			}
			c.Must(t, 404, "POST", "/uploads/complete", testsystem.Object{"file_id": single.Text("file_id"), "key": single.Text("key")})
			used(t, c, 0, 0)
		})
	}
}

// TestCountsSurviveKills kills every edge a moment after it served uncapped links,
// before it handed their counts over: none that is older than 100 ms is lost.
func TestCountsSurviveKills(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			c := s.Client()
			id, path := c.Share(t, c.CleanFile(t, c.Space(t), "a", "text/plain", text(t)), nil)
			const rounds, each = 3, 20
			var want int64
			for range rounds {
				for _, files := range s.Files {
					for range each {
						if got := status(t, files+path); got != 200 {
							t.Fatalf("GET = %d; want 200", got)
						}
						want++
					}
				}
				awake(100 * time.Millisecond)
				for _, p := range s.Edges {
					p.Kill()
				}
				for _, p := range s.Edges {
					p.Start()
				}
			}
			counted(t, c, id, want, 20*time.Second)
			time.Sleep(time.Second)
			if got := c.Must(t, 200, "GET", "/shares/"+id, nil).Number("download_count"); got != want {
				t.Errorf("download_count = %d later; want %d still", got, want)
			}
		})
	}
}

// awake sleeps for so long on a machine that wakes this process in time: when it is late,
// others may have got no turn either. It does not wait for such a machine for ever.
func awake(rest time.Duration) {
	const nap = 10 * time.Millisecond
	end := time.Now().Add(5 * time.Second)
	for slept := time.Duration(0); slept < rest; slept += nap {
		began := time.Now()
		if time.Sleep(nap); time.Since(began) > 2*nap && began.Before(end) {
			slept = -nap
		}
	}
}
