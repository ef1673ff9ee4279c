package origin

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/testsystem"
)

// stalling is a store that takes bytes over only once it is let.
type stalling struct {
	Objects
	let   chan struct{}
	calls atomic.Int64
}

func (s *stalling) Settle(ctx context.Context, key, etag, to string) error {
	s.calls.Add(1)
	select {
	case <-s.let:
		return s.Objects.Settle(ctx, key, etag, to)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestCompleteIsBounded stalls the store: complete says so in time, goes on by
// itself, and a repetition finds what it did.
func TestCompleteIsBounded(t *testing.T) {
	t.Parallel()
	at := &stalling{let: make(chan struct{})}
	r := serve(t, func(c *Config, p *Parts) {
		c.StoreWait = 200 * time.Millisecond
		at.Objects, p.Objects = p.Objects, at
	})
	content := []byte("content")
	ticket := r.Initiate(t, r.Space(t), "a.txt", "text/plain", len(content))
	testsystem.Put(t, ticket.Text("upload_url"), "text/plain", content)
	echo := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}
	for range 3 {
		start := time.Now()
		got := r.Do(t, "POST", "/uploads/complete", echo)
		if got.Status != 503 || got.Header.Get("Retry-After") == "" || time.Since(start) > 3*time.Second {
			t.Fatalf("%d %s after %v; want 503 at once", got.Status, got.Raw, time.Since(start))
		}
	}
	if n := at.calls.Load(); n != 1 {
		t.Errorf("the store was asked %d times; want once", n)
	}
	close(at.let)
	var made string
	testsystem.Until(t, 10*time.Second, "complete", func() error {
		made = r.Must(t, 200, "POST", "/uploads/complete", echo).Text("id")
		return nil
	})
	if made != ticket.Text("file_id") {
		t.Errorf("made %s; want %s", made, ticket.Text("file_id"))
	}
	r.AwaitClean(t, made)
	if again := r.Must(t, 200, "POST", "/uploads/complete", echo).Text("id"); again != made {
		t.Errorf("once more: %s; want %s", again, made)
	}
	if n := at.calls.Load(); n != 1 {
		t.Errorf("the store was asked %d times; want once", n)
	}
}

// TestAbandonedBytesAreCleared lets the bytes of an upload be taken over, and its
// client never ask again: they go with the ticket.
func TestAbandonedBytesAreCleared(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	content := []byte("content")
	ticket := r.Initiate(t, r.Space(t), "a.txt", "text/plain", len(content))
	testsystem.Put(t, ticket.Text("upload_url"), "text/plain", content)
	u := must(r.Store.Upload(t.Context(), r.tenant, ticket.Text("file_id")))
	object := must(r.settle(t.Context(), u))
	if err := r.Store.ReleaseUpload(t.Context(), r.tenant, u.FileID); err != nil {
		t.Fatal(err)
	}
	r.exec(t, `UPDATE jobs SET run_at = 0`)
	testsystem.Until(t, 10*time.Second, "removal", func() error {
		if _, err := r.Objects.Head(t.Context(), object.Key); share.KindOf(err) != share.NotFound {
			return fmt.Errorf("the bytes are still there: %w", err)
		}
		return nil
	})
}
