package origin

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/testsystem"
	"rawlink/origin/store"
)

// limitedScanner does not look at what is over a limit of its own, as clamd.
type limitedScanner struct {
	scan.Scanner
	raised atomic.Bool
}

func (s *limitedScanner) Scan(ctx context.Context, body io.Reader) (scan.Verdict, error) {
	if !s.raised.Load() {
		return scan.Verdict{}, share.E(share.Invalid, "clamd: content is over a limit: Heuristics.Limits.Exceeded.MaxFiles", nil)
	}
	return s.Scanner.Scan(ctx, body)
}

// TestOverTheScannersLimit: a file that the scanner doesn't look into is never
// clean, says why, and gets its verdict once the limit was raised and somebody asks.
func TestOverTheScannersLimit(t *testing.T) {
	t.Parallel()
	scanner := &limitedScanner{}
	r := serve(t, func(_ *Config, p *Parts) { scanner.Scanner, p.Scanner = p.Scanner, scanner })
	id := r.Upload(t, r.Space(t), "a.zip", "application/zip", []byte("many files"), nil).Text("id")
	state := func(status, detail string) func() error {
		return func() error {
			f := r.Must(t, 200, "GET", "/files/"+id, nil)
			if f.Text("scan_status") != status || f.Text("scan_detail") != detail {
				return fmt.Errorf("%s: %q", f.Text("scan_status"), f.Text("scan_detail"))
			}
			return nil
		}
	}
	testsystem.Until(t, 20*time.Second, "the reason", state("pending", "clamd: content is over a limit: Heuristics.Limits.Exceeded.MaxFiles"))
	r.Must(t, 409, "POST", "/shares", testsystem.Object{"file_id": id})
	r.metric(t, `rawlink_origin_jobs_total{kind="scan",outcome="dead"} 1`)

	rescan := func() {
		t.Helper()
		if n, err := r.Store.QueueRescans(t.Context(), store.Rescans{FileID: id}, func(int64) {}); n != 1 || err != nil {
			t.Fatalf("%d queued, %v; want 1", n, err)
		}
	}
	rescan()
	r.metric(t, `rawlink_origin_jobs_total{kind="rescan",outcome="dead"} 1`)
	scanner.raised.Store(true)
	rescan()
	testsystem.Until(t, 20*time.Second, "a verdict", state("clean", ""))
	r.Must(t, 201, "POST", "/shares", testsystem.Object{"file_id": id})
}
