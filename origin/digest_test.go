package origin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/testsystem"
	"rawlink/origin/store"
)

// forgetful is a store that knows no digests, as S3 is for parts and for PUTs that
// were signed without one.
type forgetful struct{ Objects }

func (s forgetful) Head(ctx context.Context, key string) (objects.Info, error) {
	info, err := s.Objects.Head(ctx, key)
	info.SHA256 = ""
	return info, err
}

func (s forgetful) Put(ctx context.Context, key, contentType string, size int64, r io.Reader) (objects.Info, error) {
	info, err := s.Objects.Put(ctx, key, contentType, size, r)
	info.SHA256 = ""
	return info, err
}

// otherDigest uploads bytes and completes them with the digest of others.
func (r *running) otherDigest(t *testing.T) (echo testsystem.Object, got *testsystem.Answer) {
	t.Helper()
	ticket := r.Initiate(t, r.Space(t), "a.txt", "text/plain", 7)
	testsystem.Put(t, ticket.Text("upload_url"), "text/plain", []byte("content"))
	echo = testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key"), "sha256": testsystem.SHA256([]byte("another"))}
	return echo, r.Do(t, "POST", "/uploads/complete", echo)
}

// wantVoid wants an upload to be refused for its digest and to be nowhere any more.
func (r *running) wantVoid(t *testing.T, echo testsystem.Object, got *testsystem.Answer) {
	t.Helper()
	if got.Status != 400 || !strings.HasPrefix(got.Detail(), "sha256: the stored bytes have another digest than declared") {
		t.Errorf("complete with another digest: %d %s; want 400", got.Status, got.Raw)
	}
	r.Must(t, 404, "GET", "/files/"+fmt.Sprint(echo["file_id"]), nil)
	r.Must(t, 404, "POST", "/uploads/complete", echo)
	r.room(t, "void upload", 0)
}

// TestOtherDigest completes uploads with a digest that is not theirs, at a store that
// can't tell: what complete waits for is refused as at any other.
func TestOtherDigest(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, p *Parts) {
		c.Imports.Allow = world
		p.Objects = forgetful{p.Objects}
	})
	echo, got := r.otherDigest(t)
	r.wantVoid(t, echo, got)
	url := source(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "content") })
	r.Must(t, 400, "POST", "/uploads/import-url", testsystem.Object{"url": url, "space_id": r.Space(t), "sha256": testsystem.SHA256([]byte("another"))})
	r.room(t, "void import", 0)
}

// TestOtherDigestIsFoundLater has the scan come after the answer: the file stays
// without a verdict, says why, and is no work for anybody, until its owner completes
// it once more or removes it.
func TestOtherDigestIsFoundLater(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, p *Parts) {
		c.ScanWait = time.Nanosecond
		p.Objects = forgetful{p.Objects}
	})
	echo, got := r.otherDigest(t)
	if got.Status != 200 || got.Text("scan_status") != "pending" {
		t.Fatalf("complete: %d %s; want it pending", got.Status, got.Raw)
	}
	file := got.Text("id")
	testsystem.Until(t, 10*time.Second, "scan", func() error {
		got := r.Must(t, 200, "GET", "/files/"+file, nil)
		if got.Text("scan_status") != "pending" || !strings.HasPrefix(got.Text("scan_detail"), "sha256: ") {
			return fmt.Errorf("%s", got.Raw)
		}
		var jobs int
		err := r.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM jobs WHERE kind = $1`, store.JobScan).Scan(&jobs)
		if err != nil || jobs != 0 {
			return fmt.Errorf("%d scans queued or dead, %w", jobs, err)
		}
		return nil
	})
	r.Must(t, 409, "POST", "/shares", testsystem.Object{"file_id": file})
	r.metric(t, `rawlink_origin_scans_total{outcome="unscannable"} 1`)
	r.wantVoid(t, echo, r.Do(t, "POST", "/uploads/complete", echo))
}
