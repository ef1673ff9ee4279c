package origin

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"time"

	"rawlink/internal/share"
	"rawlink/origin/store"
)

// How a queue is worked. Work of this process is rung for; work that another
// process queued, or that fell due, is found by polling.
const (
	jobPoll   = 500 * time.Millisecond
	jobLease  = 10 * time.Minute // longer than any job's own time limit
	firstWait = 500 * time.Millisecond
	longest   = time.Minute
)

// runJobs works one queue until ctx ends. A job that fails is tried again, later
// each time; one that can't succeed is kept for an operator.
func (o *Origin) runJobs(ctx context.Context, kind store.JobKind, work func(context.Context, *store.Job) error) error {
	return drain(ctx, o.Store.JobsQueued(kind), jobPoll, func() bool {
		job, err := o.Store.TakeJob(ctx, kind, jobLease)
		switch {
		case ctx.Err() != nil: // what was just taken comes back with its lease
			return false
		case err != nil:
			o.Log.WarnContext(ctx, "job queue not readable", "kind", kind, "error", err)
		case job != nil:
			o.runJob(ctx, job, work)
		}
		return job != nil
	})
}

// drain calls one, which does a piece of a queue's work and reports whether there
// was any, until ctx ends. While there is none it waits to be rung for, and looks
// every poll besides.
func drain(ctx context.Context, rung <-chan struct{}, poll time.Duration, one func() bool) error {
	for {
		if one() && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-rung:
		case <-time.After(poll):
		}
	}
}

// repeat calls do again and again, a pause after it returned, until ctx ends.
func repeat(ctx context.Context, pause time.Duration, do func()) error {
	return drain(ctx, nil, pause, func() bool { do(); return false })
}

// runJob runs one job and settles it. Settling outlives ctx: a job done while
// the process stops must not run again elsewhere.
func (o *Origin) runJob(ctx context.Context, job *store.Job, work func(context.Context, *store.Job) error) {
	ctx, span := o.Tracer.Job(ctx, "job "+string(job.Kind))
	defer span.End()
	err := o.attempt(ctx, job, work)
	span.Fail(err)
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	outcome := "done"
	switch {
	case err == nil:
		err = o.Store.FinishJob(settle, job.ID)
	case share.KindOf(err) == share.Invalid:
		outcome = "dead"
		o.Log.WarnContext(ctx, "job can't succeed", "kind", job.Kind, "attempt", job.Attempts, "error", err)
		err = o.Store.BuryJob(settle, job.ID, err.Error())
	default:
		outcome = "retry"
		if ctx.Err() == nil { // stopping is nobody's failure
			o.Log.WarnContext(ctx, "job failed, will be tried again", "kind", job.Kind, "attempt", job.Attempts, "error", err)
		}
		err = o.Store.RetryJob(settle, job.ID, backOff(job.Attempts), err.Error())
	}
	o.Metrics.Jobs.WithLabelValues(string(job.Kind), outcome).Inc()
	if err != nil {
		o.Log.WarnContext(ctx, "job not settled; it runs again when its lease ends", "kind", job.Kind, "error", err)
	}
}

// attempt does the work once. Some of it goes over bytes that strangers made, with code
// of others: a panic there must not end the process, for the job would be waiting for
// the next one.
func (o *Origin) attempt(ctx context.Context, job *store.Job, work func(context.Context, *store.Job) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			o.Metrics.Panics.Inc()
			o.Log.ErrorContext(ctx, "panic", "operation", "job "+string(job.Kind), "cause", cause, "stack", string(debug.Stack()))
			err = errors.New("the work panicked; the log has where")
		}
	}()
	return work(ctx, job)
}

// backOff doubles from firstWait to longest.
func backOff(attempts int64) time.Duration {
	return min(longest, firstWait<<min(attempts-1, 10))
}

// removeObject deletes bytes that no row names any more.
func (o *Origin) removeObject(ctx context.Context, job *store.Job) error {
	return o.Objects.Delete(ctx, job.Ref)
}

// abortParts gives up a multipart upload, so that its parts don't stay behind
// unseen.
func (o *Origin) abortParts(ctx context.Context, job *store.Job) error {
	key, uploadID, _ := strings.Cut(job.Ref, " ")
	return o.Objects.AbortParts(ctx, key, uploadID)
}

// How often open uploads are searched for expired ones, and how many at a time.
const (
	expiryEvery = time.Second
	expiryBatch = 100
)

// expireUploads ends uploads whose ticket is over and gives their room back.
func (o *Origin) expireUploads(ctx context.Context) error {
	return repeat(ctx, expiryEvery, func() {
		uploads, err := o.Store.ExpiredUploads(ctx, expiryBatch)
		if err != nil && ctx.Err() == nil {
			o.Log.WarnContext(ctx, "expired uploads not readable", "error", err)
		}
		for _, u := range uploads {
			switch err := o.Store.ReleaseUpload(system(ctx, "expire-upload"), u.TenantID, u.FileID); {
			case err == nil:
				o.Metrics.Expired.Inc()
			case share.KindOf(err) != share.NotFound && ctx.Err() == nil: // NotFound: somebody ended it first
				o.Log.WarnContext(ctx, "expired upload not released", "file_id", u.FileID, "error", err)
			}
		}
	})
}
