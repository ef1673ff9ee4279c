//go:build chaos

package chaos

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestParts takes away what an origin or an edge needs. What was acknowledged is
// kept, answers are 503 and never 500, and all works again without a restart.
func TestParts(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed + 10})
	file := w.Upload(bodySize)
	w.Play(t, rowParts, "PostgreSQL stops, is killed and freezes", file, &results, loseDatabase)
	w.Play(t, rowParts, "S3 answers 500", file, &results, func(s *Scene) Bounds {
		return loseStore(s, func() { s.Store.Set(storeFails) })
	})
	w.Play(t, rowParts, "S3 stalls", file, &results, func(s *Scene) Bounds {
		return loseStore(s, s.StorePath.BlackHole)
	})
	w.Play(t, rowParts, "S3 breaks bodies off", file, &results, func(s *Scene) Bounds {
		return loseStore(s, func() { s.Store.Set(storeBreaks) })
	})
	w.Play(t, rowParts, "clamd is down", file, &results, loseScanner)
}

// loseDatabase ends PostgreSQL in three ways while a partner works on.
func loseDatabase(s *Scene) Bounds {
	s.Crowd()
	for range *rounds {
		s.Wait(300*time.Millisecond, 600*time.Millisecond)
		s.Database.Stop()
		s.Wait(200*time.Millisecond, 800*time.Millisecond)
		s.Database.Start()
		s.Wait(500*time.Millisecond, time.Second)
		s.Database.Kill()
		s.Database.Start()
		s.Wait(500*time.Millisecond, time.Second)
		s.Database.Pause() // the postmaster: nobody new gets in
		s.Wait(500*time.Millisecond, time.Second)
		s.Database.Resume()
	}
	s.Wait(500*time.Millisecond, time.Second)
	return Bounds{Stale: maxStale, Crashes: int64(3 * *rounds)}
}

// loseStore has the object store fail for a while. Links to bytes that edges hold
// go on; bytes that they don't hold are 503 or, once their header is out, a broken
// connection; an upload that can't be completed can be afterwards.
func loseStore(s *Scene, fail func()) Bounds {
	cold := s.Upload(2 << 20)
	large := s.Upload(6 << 20)
	s.Crowd()
	warm := s.Share(s.Oracle, s.File, nil)
	unknown := []*Link{s.Share(s.Oracle, cold, nil), s.Share(s.Oracle, large, nil), s.Capped(s.Oracle, cold, 20)}
	ctx := context.Background()
	for edge := range Edges {
		s.Visit(ctx, s.Oracle, warm, Request{Edge: edge, Agent: "before"})
	}
	ticket, content := s.initiate(), make([]byte, 4000)
	if status := s.put(ticket.Text("upload_url"), content); status != http.StatusOK {
		s.T.Fatalf("PUT = %d", status)
	}
	done := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}

	fail()
	var asking sync.WaitGroup
	for edge := range Edges {
		if v := s.Visit(ctx, s.Oracle, warm, Request{Edge: edge, Agent: "during"}); !v.Whole {
			s.Oracle.Fault("edge %d holds the bytes, the store fails, and it answers %d", edge, v.Status)
		}
		for i, l := range unknown {
			asking.Go(func() { s.Visit(ctx, s.Oracle, l, Request{Edge: edge, Agent: agent("cold", edge, i)}) })
		}
	}
	var first Answer
	asking.Go(func() {
		// An origin waits longer for the store than this client does.
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		first = s.Ask(limited, s.Oracle, 0, s.Key, "POST", "/uploads/complete", done)
	})
	asking.Wait() // everybody is answered, or cut off, while it fails
	s.Heal()

	s.Insist(s.Oracle, http.StatusOK, "POST", "/uploads/complete", done)
	s.System.As(s.Key).AwaitClean(s.T, ticket.Text("file_id"))
	for edge := range Edges {
		for i, l := range unknown {
			testsystem.Until(s.T, recovery, "a cold body", func() error {
				if v := s.Visit(ctx, s.Oracle, l, Request{Edge: edge, Agent: agent("again", edge, i)}); !v.Whole {
					return fmt.Errorf("status %d", v.Status)
				}
				return nil
			})
		}
	}
	s.Note("complete during the fault: %d", first.Status)
	return Bounds{Stale: maxStale, Crashes: 1}
}

// loseScanner stops clamd: an upload stays pending, can't be shared, and is judged
// when clamd is back. What was clean goes on.
func loseScanner(s *Scene) Bounds {
	s.Crowd()
	for range *rounds {
		s.Scanner.Stop()
		ticket, content := s.initiate(), make([]byte, 4000)
		if status := s.put(ticket.Text("upload_url"), content); status != http.StatusOK {
			s.T.Fatalf("PUT = %d", status)
		}
		id := ticket.Text("file_id")
		ctx := context.Background()
		done := s.Insist(s.Oracle, http.StatusOK, "POST", "/uploads/complete", testsystem.Object{"file_id": id, "key": ticket.Text("key")})
		for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if got := s.Insist(s.Oracle, http.StatusOK, "GET", "/files/"+id, nil).Text("scan_status"); got != "pending" || done.Text("scan_status") != "pending" {
				s.Oracle.Fault("scan_status = %s while nobody scans; want pending", got)
				break
			}
			if a := s.Ask(ctx, s.Oracle, 0, s.Key, "POST", "/shares", testsystem.Object{"file_id": id}); a.Status != http.StatusConflict {
				s.Oracle.Fault("a pending file: shared with %d; want 409", a.Status)
				break
			}
		}
		s.Scanner.Start()
		s.System.As(s.Key).AwaitClean(s.T, id)
	}
	return Bounds{Stale: maxStale}
}

func (s *Scene) initiate() Answer {
	space := s.Insist(s.Oracle, http.StatusCreated, "POST", "/spaces", testsystem.Object{"name": "parts"})
	return s.Insist(s.Oracle, http.StatusOK, "POST", "/uploads/initiate", testsystem.Object{
		"original_name": "p.bin", "content_type": "application/octet-stream", "size": 4000, "space_id": space.Text("id"),
	})
}

// put sends content to a presigned URL; 0 is no answer.
func (w *World) put(url string, content []byte) (status int) {
	req, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(content))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := w.user.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
