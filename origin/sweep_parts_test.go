package origin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// hasty takes everything for old, but not at the first look: that is the origin's own,
// at its start.
type hasty struct {
	Objects
	looks *atomic.Int64
}

func (h hasty) OpenParts(ctx context.Context, _ time.Time, visit func(key, uploadID string) error) error {
	if h.looks.Add(1) == 1 {
		return nil
	}
	return h.Objects.OpenParts(ctx, time.Now().Add(time.Hour), visit)
}

// looked waits for the first look.
func (h hasty) looked(t *testing.T) {
	t.Helper()
	testsystem.Until(t, 30*time.Second, "the origin's own look", func() error {
		if h.looks.Load() == 0 {
			return errors.New("there was none yet")
		}
		return nil
	})
}

// TestOrphansAreAborted leaves multipart uploads at the store as killed origins do,
// and aborts those, and neither one that a ticket names nor what is not ours.
func TestOrphansAreAborted(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, p *Parts) {
		c.MultipartFrom, c.PartSize = 6<<20, 5<<20
		p.Objects = hasty{p.Objects, &atomic.Int64{}}
	})
	r.Objects.(hasty).looked(t)
	ticket := r.Must(t, 200, "POST", "/uploads/initiate", testsystem.Object{"original_name": "u", "size": 7 << 20, "space_id": r.Space(t)})
	start := func(key string) {
		t.Helper()
		must(r.Objects.StartParts(t.Context(), objects.PutSpec{Key: key}))
	}
	for _, key := range []string{r.tenant + "/begun", r.tenant + "/import", "another/service", "6f1b3c1e-0000-7000-8000-000000000000/of-another-rawlink"} {
		start(key)
	}
	if n, err := r.abortOrphans(t.Context()); err != nil || n != 2 {
		t.Errorf("aborted %d, %v; want the 2 that no ticket names", n, err)
	}
	left := map[string]bool{}
	_ = r.Objects.OpenParts(t.Context(), time.Now(), func(key, _ string) error { left[key] = true; return nil })
	if len(left) != 3 || !left[ticket.Text("key")] || !left["another/service"] {
		t.Errorf("left: %v; want the ticket's and what is not ours", left)
	}
}

// stubborn won't abort what it is asked to first.
type stubborn struct {
	Objects
	asked *int
}

func (s stubborn) AbortParts(ctx context.Context, key, uploadID string) error {
	if *s.asked++; *s.asked == 1 {
		return errors.New("not this one")
	}
	return s.Objects.AbortParts(ctx, key, uploadID)
}

// TestOrphansBesideAStubbornOne wants what comes after an upload that can't be
// aborted aborted all the same, and the failure told.
func TestOrphansBesideAStubbornOne(t *testing.T) {
	t.Parallel()
	r := serve(t, func(_ *Config, p *Parts) { p.Objects = hasty{stubborn{p.Objects, new(int)}, &atomic.Int64{}} })
	r.Objects.(hasty).looked(t)
	for _, name := range []string{"/a", "/b", "/c"} {
		must(r.Objects.StartParts(t.Context(), objects.PutSpec{Key: r.tenant + name}))
	}
	if n, err := r.abortOrphans(t.Context()); err == nil || n != 2 {
		t.Errorf("aborted %d, %v; want 2 and what became of the third", n, err)
	}
}

// TestSweepPartsKeepsTheYoung wants what a ticket may still be written for left
// alone.
func TestSweepPartsKeepsTheYoung(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	must(r.Objects.StartParts(t.Context(), objects.PutSpec{Key: r.tenant + "/young"}))
	if n, err := r.abortOrphans(t.Context()); err != nil || n != 0 {
		t.Errorf("aborted %d, %v; want none", n, err)
	}
}

// TestEndedUploadsLeaveNoParts ends multipart uploads that have a part, by abort and by
// their ticket's end: the store keeps that of one that goes on. What was aborted did not
// expire.
func TestEndedUploadsLeaveNoParts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"local", "S3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, func(c *Config, p *Parts) {
				c.MultipartFrom, c.PartSize = 6<<20, 5<<20
				if name == "S3" {
					p.Objects = bucket(t)
				}
			})
			space := r.Space(t)
			begin := func() *testsystem.Answer {
				t.Helper()
				ticket := r.Initiate(t, space, "a", "text/plain", 7<<20)
				part, _ := ticket.Body["part_urls"].([]any)[1].(map[string]any)
				url, _ := part["url"].(string)
				if status, _ := testsystem.Put(t, url, "", make([]byte, 2<<20)); status != 200 {
					t.Fatalf("PUT = %d; want 200", status)
				}
				return ticket
			}
			aborted, expired, going := begin(), begin(), begin()
			r.Must(t, 204, "POST", "/uploads/abort", testsystem.Object{"file_id": aborted.Text("file_id")})
			r.exec(t, `UPDATE uploads SET expires_at = 1 WHERE file_id = $1`, expired.Text("file_id"))
			testsystem.Until(t, 20*time.Second, "the end of two uploads", func() error {
				var left []string
				err := r.Objects.OpenParts(t.Context(), time.Now().Add(time.Hour), func(key, _ string) error { left = append(left, key); return nil })
				if err != nil || !slices.Equal(left, []string{going.Text("key")}) {
					return fmt.Errorf("left: %v, %w; want only %s", left, err, going.Text("key"))
				}
				return nil
			})
			r.metric(t, "rawlink_origin_uploads_expired_total 1")
		})
	}
}

// bucket is a store on an S3 server of the test's own.
func bucket(t *testing.T) *objects.S3 {
	t.Helper()
	b, _ := testenv.Place{}.S3(t)
	s := must(objects.NewS3(objects.S3Config{Endpoint: b.Endpoint, Region: b.Region, Bucket: b.Bucket, AccessKey: b.AccessKey, SecretKey: b.SecretKey, PathStyle: true}))
	t.Cleanup(s.Close)
	return s
}
