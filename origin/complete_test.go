package origin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/objects"
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
		if got.Status != 503 || got.Header.Get("Retry-After") == "" || time.Since(start) > 8*time.Second { // without StoreWait it is 10 s
			t.Fatalf("%d %s after %v; want 503 at once", got.Status, got.Raw, time.Since(start))
		}
	}
	testsystem.Until(t, 10*time.Second, "the store", func() error {
		if at.calls.Load() == 0 {
			return errors.New("it was not asked yet")
		}
		return nil
	})
	if n := at.calls.Load(); n != 1 {
		t.Errorf("the store was asked %d times; want once", n)
	}
	close(at.let)
	var made string
	testsystem.Until(t, 10*time.Second, "complete", func() error {
		got := r.Do(t, "POST", "/uploads/complete", echo)
		if got.Status != 200 {
			return fmt.Errorf("%d %s", got.Status, got.Raw)
		}
		made = got.Text("id")
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

// TestOtherSizeIsRefused leaves under the keys of uploads what a store should not have
// taken, bytes of another length than was signed: they are no file, and their room comes
// back.
func TestOtherSizeIsRefused(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.MultipartFrom, c.PartSize = 6<<20, 5<<20 })
	space := r.Space(t)
	var keys []string
	for _, size := range []struct{ declared, stored int }{{7, 6}, {7, 8}, {7 << 20, 6 << 20}, {7 << 20, 8 << 20}} {
		what := fmt.Sprintf("%d bytes instead of %d", size.stored, size.declared)
		ticket := r.Initiate(t, space, "a.txt", "text/plain", size.declared)
		id, key := ticket.Text("file_id"), ticket.Text("key")
		echo := testsystem.Object{"file_id": id, "key": key}
		if parts := ticket.Text("upload_id"); parts == "" {
			must(r.Objects.Put(t.Context(), key, "text/plain", int64(size.stored), bytes.NewReader(make([]byte, size.stored))))
		} else {
			part := func(number, size int) testsystem.Object {
				signed := must(r.Objects.PresignPart(t.Context(), key, parts, number, int64(size), time.Hour))
				status, etag := testsystem.Put(t, signed.URL, "", make([]byte, size))
				if status != 200 {
					t.Fatalf("part %d: %d", number, status)
				}
				return testsystem.Object{"PartNumber": number, "ETag": etag}
			}
			echo["upload_id"], echo["parts"] = parts, []testsystem.Object{part(1, 5<<20), part(2, size.stored-5<<20)}
		}
		r.room(t, what, int64(size.declared))
		got := r.Do(t, "POST", "/uploads/complete", echo)
		if want := fmt.Sprintf("size: %d bytes were stored but %d declared", size.stored, size.declared); got.Status != 400 || !strings.HasPrefix(got.Detail(), want) {
			t.Errorf("%s: %d %s; want 400 %q", what, got.Status, got.Raw, want)
		}
		r.room(t, what, 0)
		for path, body := range map[string]any{"POST /uploads/complete": echo, "GET /files/" + id: nil} {
			method, path, _ := strings.Cut(path, " ")
			if got := r.Do(t, method, path, body); got.Status != 404 {
				t.Errorf("%s, %s %s: %d %s; want 404", what, method, path, got.Status, got.Raw)
			}
		}
		keys = append(keys, key)
	}
	if files := r.Must(t, 200, "GET", "/files?space_id="+space, nil); len(files.List) != 0 {
		t.Errorf("files: %s; want none", files.Raw)
	}
	r.exec(t, `UPDATE jobs SET run_at = 0`)
	testsystem.Until(t, 20*time.Second, "removal", func() error {
		for _, key := range keys {
			if _, err := r.Objects.Head(t.Context(), key); share.KindOf(err) != share.NotFound {
				return fmt.Errorf("the bytes of %s are still there: %w", key, err)
			}
		}
		return nil
	})
}

// late is a store whose first answer to Head comes late.
type late struct {
	Objects
	first sync.Once
	asked chan struct{} // closed when it was asked
	let   chan struct{}
}

func (l *late) Head(ctx context.Context, key string) (objects.Info, error) {
	info, err := l.Objects.Head(ctx, key)
	l.first.Do(func() {
		close(l.asked)
		<-l.let
	})
	return info, err
}

// TestCompletesAtTwoOrigins completes an upload at two origins, one of which is late, and
// sends other bytes to its ticket in between: what was scanned stays what is served.
func TestCompletesAtTwoOrigins(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	scanned, others := []byte("content"), []byte("another")
	ticket := r.Initiate(t, r.Space(t), "a.txt", "text/plain", len(scanned))
	put := func(content []byte) { testsystem.Put(t, ticket.Text("upload_url"), "text/plain", content) }
	put(scanned)
	u := must(r.Store.Upload(t.Context(), r.tenant, ticket.Text("file_id")))
	at := &late{Objects: r.Objects, asked: make(chan struct{}), let: make(chan struct{})}
	parts := r.Parts
	parts.Objects = at
	second := must(New(r.config, parts))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = second.settle(context.WithoutCancel(t.Context()), u) // whatever it says, it was late
	}()
	<-at.asked
	r.Must(t, 200, "POST", "/uploads/complete", testsystem.Object{"file_id": u.FileID, "key": u.ObjectKey})
	r.AwaitClean(t, u.FileID)
	put(others)
	close(at.let)
	<-ended
	f := must(r.Store.File(t.Context(), r.tenant, u.FileID))
	body, err := r.Objects.Open(t.Context(), f.Object.Key, f.Object.Version, 0, f.Size)
	if err != nil {
		t.Fatalf("the file's bytes: %v (kind %d); want what was scanned", err, share.KindOf(err))
	}
	defer func() { _ = body.Close() }()
	if read := must(io.ReadAll(body)); !bytes.Equal(read, scanned) {
		t.Errorf("the file holds %q; want what was scanned, %q", read, scanned)
	}
}

// TestCompletesAtOnce completes uploads at two origins at the same time: both answer with
// the same file.
func TestCompletesAtOnce(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	second := httptest.NewServer(must(New(r.config, r.Parts)).Handler(nil))
	defer second.Close()
	clients := []*testsystem.Client{r.Client, {API: second.URL, Key: r.Key}}
	space, content := r.Space(t), []byte("content")
	for range 20 {
		ticket := r.Initiate(t, space, "a.txt", "text/plain", len(content))
		testsystem.Put(t, ticket.Text("upload_url"), "text/plain", content)
		echo := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}
		var both sync.WaitGroup
		for i, c := range clients {
			both.Go(func() {
				if got := c.Do(t, "POST", "/uploads/complete", echo); got.Status != 200 || got.Text("id") != ticket.Text("file_id") {
					t.Errorf("origin %d: %d %s; want the file", i, got.Status, got.Raw)
				}
			})
		}
		both.Wait()
		f := must(r.Store.File(t.Context(), r.tenant, ticket.Text("file_id")))
		if info, err := r.Objects.Head(t.Context(), f.Object.Key); err != nil || info.ETag != f.Object.Version {
			t.Errorf("its object: %+v, %v; want version %s", info, err, f.Object.Version)
		}
	}
}
