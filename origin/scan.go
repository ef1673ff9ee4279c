package origin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// scanFile reads a file's bytes once: for its digest, its type, and the
// scanner's verdict. Without a verdict the file stays pending and says why.
func (o *Origin) scanFile(ctx context.Context, job *store.Job) error {
	f, err := o.Store.FileToScan(ctx, job.Ref)
	if share.KindOf(err) == share.NotFound {
		return nil // purged meanwhile
	}
	if err != nil {
		return err
	}
	start := time.Now()
	report, err := o.inspect(ctx, f)
	if err != nil {
		return o.noVerdict(ctx, f, err)
	}
	err = o.Store.SetVerdict(ctx, f.ID, store.Verdict{Status: report.Verdict.Status, Detail: report.Verdict.Signature, SHA256: report.SHA256, MIME: report.MIME})
	if share.KindOf(err) == share.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	o.Metrics.Scans.WithLabelValues(string(report.Verdict.Status)).Inc()
	o.Metrics.ScanTime.Observe(time.Since(start).Seconds())
	o.Log.InfoContext(ctx, "scanned", "file_id", f.ID, "verdict", report.Verdict.Status, "signature", report.Verdict.Signature, "bytes", f.Size, "took", time.Since(start))
	return nil
}

func (o *Origin) inspect(ctx context.Context, f store.File) (scan.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, o.config.ScanTimeout)
	defer cancel()
	body, err := o.Objects.Open(ctx, f.Object.Key, f.Object.Version, 0, f.Size)
	if err != nil {
		return scan.Report{}, fmt.Errorf("open uploaded bytes: %w", err)
	}
	report, err := scan.Inspect(ctx, body, f.Size, o.Scanner)
	if err = errors.Join(err, body.Close()); err != nil {
		return report, err
	}
	if f.ClaimedSHA256 != nil && *f.ClaimedSHA256 != report.SHA256 {
		return report, errOtherDigest
	}
	return report, nil
}

// noVerdict records why. Bytes that are not what their uploader said are the
// uploader's to see to; those that changed or vanished after complete can't be judged
// any more; everything else is tried again.
func (o *Origin) noVerdict(ctx context.Context, f store.File, cause error) error {
	outcome, detail := "retry", "the scanner is not available; the scan will be tried again"
	switch kind := share.KindOf(cause); {
	case errors.Is(cause, errOtherDigest):
		outcome, detail, cause = "unscannable", foundOtherDigest, nil
	case kind == share.Invalid:
		outcome, detail = "unscannable", cause.Error()
	case kind == share.Changed, kind == share.NotFound:
		outcome, detail = "unscannable", "the stored bytes changed after the upload was completed; upload the file again"
		cause = share.E(share.Invalid, "scan", cause)
	}
	o.Metrics.Scans.WithLabelValues(outcome).Inc()
	ctx = context.WithoutCancel(ctx)
	if err := o.Store.SetScanDetail(ctx, f.ID, detail); err != nil {
		o.Log.WarnContext(ctx, "reason not recorded", "file_id", f.ID, "error", err)
		if cause == nil { // it is all that the scan came to
			return err
		}
	}
	return cause
}
