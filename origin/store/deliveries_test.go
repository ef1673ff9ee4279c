package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"rawlink/internal/share"
)

// hook adds a webhook to the bench's tenant.
func (b *bench) hook(t *testing.T, events ...string) Webhook {
	t.Helper()
	w, err := b.CreateWebhook(t.Context(), Webhook{TenantID: b.tenant, URL: "https://example.com/", Events: events}, func(id string) string { return "sealed " + id })
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// emit queues an event in a transaction of its own, which fails if fail is set.
func (b *bench) emit(t *testing.T, fail error) {
	t.Helper()
	err := b.write(t.Context(), func(tx *sql.Tx) error {
		if err := b.tell(t.Context(), tx, b.tenant, EventFileClean, fileEvent{}); err != nil {
			return err
		}
		return fail
	})
	if !errors.Is(err, fail) {
		t.Fatal(err)
	}
}

func (b *bench) take(t *testing.T) *Delivery {
	t.Helper()
	d, _, err := b.TakeDelivery(t.Context(), time.Minute, 4)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestEventsCommitWithTheirChange rolls one back.
func TestEventsCommitWithTheirChange(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		b.hook(t)
		b.emit(t, errors.New("rolled back"))
		if d := b.take(t); d != nil {
			t.Errorf("an event of a change that was rolled back: %+v", d)
		}
		b.emit(t, nil)
		select {
		case <-b.DeliveriesQueued():
		default:
			t.Error("no worker was rung for")
		}
		if d := b.take(t); d == nil {
			t.Error("no event of a change that was committed")
		}
	})
}

// TestDeliveriesAreShared has workers take events at the same time, each once;
// what a dead worker held comes back when its lease ends.
func TestDeliveriesAreShared(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		for range 5 {
			b.hook(t, EventFileClean)
		}
		b.hook(t, EventShareRevoked)
		for range 8 {
			b.emit(t, nil)
		}
		var mu sync.Mutex
		took := map[string]int{}
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for {
					d, _, err := b.TakeDelivery(context.Background(), time.Minute, 2)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					left := len(took) < 40
					if d != nil {
						took[d.ID]++
					}
					mu.Unlock()
					if d == nil {
						if !left {
							return
						}
						continue
					}
					if err := b.Delivered(context.Background(), d, 200); err != nil {
						t.Error(err)
					}
				}
			})
		}
		workers.Wait()
		for id, n := range took {
			if n != 1 {
				t.Errorf("delivery %s was taken %d times", id, n)
			}
		}
		if len(took) != 40 {
			t.Errorf("%d deliveries; want 40", len(took))
		}

		b.emit(t, nil)
		seen := map[string]bool{}
		for range 5 {
			seen[b.take(t).ID] = true
		}
		if d := b.take(t); d != nil {
			t.Errorf("taken under a lease: %+v", d)
		}
		b.clock.add(time.Minute)
		for range 5 {
			if d := b.take(t); d == nil || !seen[d.ID] || d.Attempts != 2 {
				t.Errorf("after the lease: %+v; want one of those before, the second attempt", d)
			}
		}
	})
}

// TestFailedDeliveries walks a delivery to its end, and its webhook with it.
func TestFailedDeliveries(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		w := b.hook(t)
		failure := Failure{Status: 500, Reason: "answered 500", Again: true, Retry: 10 * time.Second, Disable: time.Hour, Pause: func(n int64) time.Duration { return time.Duration(n) * time.Second }}
		fail := func() (disabled bool) {
			t.Helper()
			d := b.take(t)
			if d == nil {
				t.Fatal("nothing is due")
			}
			disabled, err := b.Failed(t.Context(), d, failure)
			if err != nil {
				t.Fatal(err)
			}
			return disabled
		}
		b.emit(t, nil)
		fail()
		b.emit(t, nil)
		if d := b.take(t); d != nil {
			t.Errorf("a webhook that just failed was asked: %+v", d)
		}
		b.clock.add(time.Second)
		fail() // the new one; the old one waits for its retry
		b.clock.add(5 * time.Second)
		if d := b.take(t); d != nil {
			t.Errorf("tried again too early: %+v", d)
		}
		b.clock.add(10 * time.Second)
		failure.Again = false
		fail()
		b.clock.add(time.Hour)
		if !fail() {
			t.Error("the webhook is not disabled after an hour of failures")
		}
		got, err := b.Webhook(t.Context(), b.tenant, w.ID)
		if err != nil || got.Enabled || got.DisabledReason == nil || got.Failures != 4 {
			t.Errorf("webhook = %+v, %v", got, err)
		}
		if _, err := b.ReplayDead(t.Context(), b.tenant, w.ID); share.KindOf(err) != share.Conflict {
			t.Errorf("replay for a disabled webhook: %v", err)
		}
		yes := true
		if _, err := b.UpdateWebhook(t.Context(), b.tenant, w.ID, WebhookUpdate{Enabled: &yes}); err != nil {
			t.Fatal(err)
		}
		if n, err := b.ReplayDead(t.Context(), b.tenant, w.ID); n != 2 || err != nil {
			t.Errorf("replayed %d, %v; want 2", n, err)
		}
		for range 2 {
			if err := b.Delivered(t.Context(), b.take(t), 200); err != nil {
				t.Fatal(err)
			}
		}
		b.clock.add(time.Hour)
		if n, err := b.SweepDeliveries(t.Context(), time.Hour, 10); n != 2 || err != nil {
			t.Errorf("swept %d, %v; want 2", n, err)
		}
		b.emit(t, nil)
		if err := b.DeleteWebhook(t.Context(), b.newTenant(t, 1, 1), w.ID); share.KindOf(err) != share.NotFound {
			t.Errorf("deleted by another tenant: %v", err)
		}
		if err := b.DeleteWebhook(t.Context(), b.tenant, w.ID); err != nil {
			t.Fatal(err)
		}
		if d := b.take(t); d != nil {
			t.Errorf("a delivery of a deleted webhook: %+v", d)
		}
	})
}

// TestEventsOfAWebhookThatEnds has a change tell of itself while its webhook is being
// deleted or disabled: the change is made, and leaves nothing that waits for ever.
func TestEventsOfAWebhookThatEnds(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		for name, end := range map[string]func(tx *sql.Tx, w Webhook) error{
			"deleted": func(tx *sql.Tx, w Webhook) error {
				if _, err := findWebhook(t.Context(), tx, w.TenantID, w.ID, b.db.ForUpdate()); err != nil {
					return err
				}
				_, err := tx.ExecContext(t.Context(), `DELETE FROM webhooks WHERE id = $1`, w.ID)
				return err
			},
			"disabled": func(tx *sql.Tx, w Webhook) error { return b.disable(t.Context(), tx, &w, "disabled by request") },
		} {
			w := b.hook(t)
			told := make(chan error, 1)
			err := b.write(t.Context(), func(tx *sql.Tx) error {
				if err := end(tx, w); err != nil {
					return err
				}
				go func() {
					told <- b.write(t.Context(), func(tx *sql.Tx) error {
						return b.tell(t.Context(), tx, b.tenant, EventFileClean, fileEvent{})
					})
				}()
				select {
				case err := <-told:
					t.Errorf("%s: told (%v) before that was decided", name, err)
					told <- err
				case <-time.After(300 * time.Millisecond):
				}
				return nil
			})
			if err := errors.Join(err, <-told); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var waiting int
			if err := b.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'pending'`).Scan(&waiting); err != nil || waiting != 0 {
				t.Errorf("%s: %d events wait, %v; want none", name, waiting, err)
			}
		}
	})
}

// TestSharesExpireOnce tells of an expiry once, also after it was moved.
func TestSharesExpireOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		b.hook(t, EventShareExpired)
		file := b.clean(t).ID
		ends := b.micros() + time.Minute.Microseconds()
		v, err := b.CreateShare(t.Context(), NewShare{TenantID: b.tenant, FileID: file, Permission: share.View, ExpiresAt: &ends, Hash: func(id string) share.Hash { return share.HashToken(id) }})
		if err != nil {
			t.Fatal(err)
		}
		events := func() (n int) {
			t.Helper()
			if _, err := b.ExpireShares(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
			for d := b.take(t); d != nil; d = b.take(t) {
				n++
				if err := b.Delivered(t.Context(), d, 200); err != nil {
					t.Fatal(err)
				}
			}
			return n
		}
		steps := []struct {
			what string
			add  time.Duration
			move *time.Duration
			want int
		}{
			{"before its end", 59 * time.Second, nil, 0}, {"at its end", time.Second, nil, 1}, {"after it", time.Hour, nil, 0},
			{"moved ahead", 0, ptr(time.Minute), 0}, {"at the new end", time.Minute, nil, 1}, {"without end", 0, ptr(time.Duration(0)), 0}, {"for ever", time.Hour, nil, 0},
		}
		for _, step := range steps {
			b.clock.add(step.add)
			if step.move != nil {
				u := ShareUpdate{SetExpiry: true}
				if *step.move > 0 {
					u.ExpiresAt = ptr(b.micros() + step.move.Microseconds())
				}
				if _, err := b.UpdateShare(t.Context(), b.tenant, v.ID, u); err != nil {
					t.Fatal(step.what, err)
				}
			}
			if got := events(); got != step.want {
				t.Errorf("%s: %d events; want %d", step.what, got, step.want)
			}
		}
	})
}

func ptr[T any](value T) *T { return &value }

// TestRescans queues, queues again, and counts.
func TestRescans(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		var files []string
		for range 3 {
			files = append(files, b.clean(t).ID)
		}
		queue := func(which Rescans) int64 {
			t.Helper()
			n, err := b.QueueRescans(ctx, which, func(int64) {})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		waiting := func(what string, want string) {
			t.Helper()
			left, err := b.RescansLeft(ctx)
			if got := fmt.Sprintf("%d %d %d %s", left.Waiting, left.Failing, left.Dead, left.LastError); got != want || err != nil {
				t.Errorf("%s: %s, %v; want %s", what, got, err, want)
			}
		}
		b.clock.add(time.Second)
		seen := b.micros()
		if err := b.SetVerdict(ctx, files[0], Verdict{Status: share.Clean, SHA256: "aa"}); err != nil {
			t.Fatal(err)
		}
		if n := queue(Rescans{Before: seen}); n != 2 {
			t.Errorf("last scanned before: %d; want the two others", n)
		}
		if n := queue(Rescans{TenantID: b.newTenant(t, 1, 1)}); n != 0 {
			t.Errorf("of another tenant: %d; want none", n)
		}
		if n := queue(Rescans{}); n != 3 {
			t.Errorf("all: %d; want 3", n)
		}
		waiting("queued twice", "3 0 0 ")
		job, err := b.TakeJob(ctx, JobRescan, time.Minute)
		if err != nil || b.RetryJob(ctx, job.ID, time.Hour, "no scanner") != nil {
			t.Fatal(err)
		}
		waiting("one failed", "3 1 0 no scanner")
		for range 2 {
			job, err := b.TakeJob(ctx, JobRescan, time.Minute)
			if err != nil || b.BuryJob(ctx, job.ID, "changed") != nil {
				t.Fatal(err)
			}
		}
		waiting("two given up", "1 1 2 no scanner")
		queue(Rescans{TenantID: b.tenant})
		waiting("queued again", "3 1 0 no scanner")
		if n := queue(Rescans{FileID: files[1]}); n != 1 {
			t.Errorf("one file: %d", n)
		}

		// Files without a verdict: one waits for its first scan, of one none was come to.
		given, waits := b.upload(t, 10).ID, b.upload(t, 10).ID
		for {
			job, err := b.TakeJob(ctx, JobScan, time.Minute)
			if err != nil || job != nil && job.Ref == given && b.BuryJob(ctx, job.ID, "over a limit") != nil {
				t.Fatal(err)
			}
			if job == nil {
				break
			}
		}
		if n := queue(Rescans{FileID: waits}); n != 0 {
			t.Errorf("a file that waits for its first scan: %d; want none, it is queued", n)
		}
		for range 2 {
			if n := queue(Rescans{FileID: given}); n != 1 {
				t.Errorf("a file that was given up: %d; want 1", n)
			}
			job, err := b.TakeJob(ctx, JobRescan, time.Minute)
			for err == nil && job != nil && job.Ref != given {
				job, err = b.TakeJob(ctx, JobRescan, time.Minute)
			}
			if err != nil || job == nil || b.BuryJob(ctx, job.ID, "still over it") != nil {
				t.Fatal(job, err)
			}
		}
		var dead int
		if err := b.db.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM jobs WHERE dead AND ref = $1`, given).Scan(&dead); err != nil || dead != 1 {
			t.Errorf("%d dead jobs of one file, %v; want the rescan alone", dead, err)
		}
	})
}

// TestVerdictThatChangesNothing wants no event, no announcement and no new
// version of a link.
func TestVerdictThatChangesNothing(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.hook(t)
		file := b.clean(t).ID
		f, err := b.File(ctx, b.tenant, file)
		if err != nil {
			t.Fatal(err)
		}
		for d := b.take(t); d != nil; d = b.take(t) {
			_ = b.Delivered(ctx, d, 200)
		}
		if _, err := b.CreateShare(ctx, NewShare{TenantID: b.tenant, FileID: file, Permission: share.View, Hash: func(id string) share.Hash { return share.HashToken(id) }}); err != nil {
			t.Fatal(err)
		}
		if err := b.Delivered(ctx, b.take(t), 200); err != nil {
			t.Fatal(err)
		}
		_, _ = b.Relay(ctx, 100, func([]Change) error { return nil })
		again := Verdict{Status: share.Clean, SHA256: deref(f.SHA256)}
		if err := b.SetVerdict(ctx, file, again); err != nil {
			t.Fatal(err)
		}
		if rows, err := b.UntoldRows(ctx, 10); len(rows) != 0 || err != nil {
			t.Errorf("the same verdict was announced: %v, %v", rows, err)
		}
		if d := b.take(t); d != nil {
			t.Errorf("the same verdict made an event: %+v", d)
		}
		again.Status, again.Detail = share.Infected, "Eicar"
		if err := b.SetVerdict(ctx, file, again); err != nil {
			t.Fatal(err)
		}
		if rows, err := b.UntoldRows(ctx, 10); len(rows) != 1 || err != nil {
			t.Errorf("an infection was announced in %v, %v", rows, err)
		}
		if d := b.take(t); d == nil || d.Event != EventFileInfected {
			t.Errorf("an infection's event: %+v", d)
		}
	})
}

// TestExpiryWithDownloadsLeft: a share all of whose downloads are reserved, but
// some in a block that is open, has some left to lose when it expires; one that
// is used up has not.
func TestExpiryWithDownloadsLeft(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b *bench) {
		b.hook(t, EventShareExpired)
		most := int64(10_000)
		for block, want := range map[sql.NullString]bool{{String: "open", Valid: true}: true, {}: false} {
			v, _ := b.link(t, b.clean(t).ID, &most)
			if err := b.db.InTx(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE shares SET reserved = max_downloads, block_id = $2, expires_at = $3 WHERE id = $1`, v.ID, block, b.micros())
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := b.ExpireShares(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
			if told := b.take(t) != nil; told != want {
				t.Errorf("open block %q: told %t; want %t", block.String, told, want)
			}
		}
	})
}
