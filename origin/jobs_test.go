package origin

import (
	"context"
	"testing"
	"time"

	"rawlink/origin/store"
)

// TestJobThatPanics has a job's work panic, as a library may on bytes that somebody made
// for that: the job is tried again later, and whatever else this process does goes on.
func TestJobThatPanics(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	r.exec(t, `INSERT INTO jobs (id, kind, ref, run_at, created_at) VALUES ('j', 'trial', 'x', 0, 0)`)
	job := must(r.Store.TakeJob(t.Context(), "trial", time.Minute))
	r.runJob(t.Context(), job, func(context.Context, *store.Job) error {
		var none []byte
		_ = none[len(job.Ref)]
		return nil
	})
	var reason string
	var lease int64
	if err := r.db.Read().QueryRowContext(t.Context(), `SELECT last_error, lease_until FROM jobs WHERE id = 'j' AND NOT dead`).Scan(&reason, &lease); err != nil || lease != 0 {
		t.Errorf("lease until %d, reason %q, %v; want it given back", lease, reason, err)
	}
	r.metric(t, "rawlink_origin_panics_total 1")
}
