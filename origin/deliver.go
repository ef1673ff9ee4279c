package origin

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rawlink/internal/outbound"
	"rawlink/origin/store"
)

// How deliveries are shared out. A worker that dies gives its delivery back when
// the lease ends, so a receiver may see an event twice.
const (
	deliveryPoll   = 500 * time.Millisecond
	deliveryMargin = 10 * time.Second // of the lease, beyond an attempt's time limit
	perWebhook     = 4                // deliveries to one webhook at a time
	longestRetry   = 12 * time.Hour
	longestPause   = 12 // times the first retry: how seldom a failing webhook is asked
)

// deliverEvents sends events to webhooks until ctx ends.
func (o *Origin) deliverEvents(ctx context.Context) error {
	return drain(ctx, o.Store.DeliveriesQueued(), deliveryPoll, func() bool {
		d, w, err := o.Store.TakeDelivery(ctx, o.config.Webhooks.Timeout+deliveryMargin, perWebhook)
		switch {
		case ctx.Err() != nil: // what was just taken comes back with its lease
			return false
		case err != nil:
			o.Log.WarnContext(ctx, "deliveries not readable", "error", err)
		case d != nil:
			o.deliver(ctx, d, w)
		}
		return d != nil
	})
}

// deliver makes one attempt and records how it ended, also if the process is
// stopping: what arrived must not be sent again for that.
func (o *Origin) deliver(ctx context.Context, d *store.Delivery, w *store.Webhook) {
	start := time.Now()
	status, err := o.post(ctx, d, w)
	o.Metrics.HookTime.Observe(time.Since(start).Seconds())
	outcome := "delivered"
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	switch {
	case err == nil:
		err = o.Store.Delivered(settle, d, status)
	case ctx.Err() != nil: // stopping is nobody's failure
		outcome, err = "retry", o.Store.ReturnDelivery(settle, d)
	default:
		var disabled bool
		f := o.failure(d, status, err)
		if disabled, err = o.Store.Failed(settle, d, f); disabled {
			o.Metrics.Webhooks.WithLabelValues("disabled").Inc()
			o.Log.WarnContext(ctx, "webhook disabled", "webhook_id", w.ID, "tenant_id", w.TenantID, "reason", f.Reason)
		}
		if outcome = "retry"; !f.Again {
			outcome = "dead"
		}
	}
	o.Metrics.Webhooks.WithLabelValues(outcome).Inc()
	if err != nil {
		o.Log.WarnContext(ctx, "end of a delivery not recorded; it is sent again when its lease ends", "delivery_id", d.ID, "error", err)
	}
}

// post sends one delivery. Only an answer of 2xx is a success.
func (o *Origin) post(ctx context.Context, d *store.Delivery, w *store.Webhook) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.config.Webhooks.Timeout)
	defer cancel()
	now := time.Now()
	secrets, err := o.signingSecrets(w, now)
	if err != nil {
		return 0, err
	}
	url, err := o.receivers.Check(w.URL) // what may be reached can have changed since
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url.String(), bytes.NewReader([]byte(d.Payload)))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	sign(request.Header, secrets, d.EventID, now, d.Payload)
	response, err := o.receivers.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4<<10)) // an answer cut off would look like a failure to its sender
	if response.StatusCode/100 != 2 {
		return response.StatusCode, errAnswer
	}
	return response.StatusCode, nil
}

var errAnswer = errors.New("another answer than 2xx")

// sign sets the headers of the Standard Webhooks specification, with a signature by
// each secret: a receiver looks for one that it can check.
func sign(header http.Header, secrets [][]byte, id string, now time.Time, payload string) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		_, _ = io.WriteString(mac, id+"."+timestamp+"."+payload)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	header["webhook-id"] = []string{id} // in lower case, as the specification writes them
	header["webhook-timestamp"] = []string{timestamp}
	header["webhook-signature"] = []string{strings.Join(signatures, " ")}
}

// failure is what follows a failed attempt.
func (o *Origin) failure(d *store.Delivery, status int, err error) store.Failure {
	c := &o.config.Webhooks
	f := store.Failure{
		Status: status, Again: d.Attempts < int64(c.Attempts), Retry: jittered(growing(c.FirstRetry, d.Attempts, longestRetry)), Disable: c.DisableAfter,
		Pause: func(failures int64) time.Duration {
			return jittered(growing(c.FirstRetry, failures, longestPause*c.FirstRetry))
		},
	}
	var refusal *outbound.Refusal
	switch {
	case status == http.StatusGone: // by the specification: the receiver wants no more
		f.Reason, f.Again, f.Disable = "answered 410", false, 0
	case status != 0:
		f.Reason = fmt.Sprintf("answered %d", status)
	case errors.As(err, &refusal):
		f.Reason = "was not asked: the URL " + refusal.Reason
	default:
		f.Reason = faultOf(err, c.Timeout)
	}
	return f
}

// growing is first, then three times as much with every failure, up to most.
func growing(first time.Duration, failures int64, most time.Duration) time.Duration {
	pause := first
	for range failures - 1 {
		if pause *= 3; pause >= most {
			return most
		}
	}
	return min(pause, most)
}

// jittered spreads a pause by a fifth, so that what failed together doesn't come
// back together.
func jittered(pause time.Duration) time.Duration {
	return pause - pause/10 + rand.N(pause/5+1) //nolint:gosec // a spread, not a secret
}

// expireShares tells of shares that expired, until ctx ends.
func (o *Origin) expireShares(ctx context.Context) error {
	return repeat(ctx, expiryEvery, func() {
		o.sweepAll(ctx, "expired shares", o.Store.ExpireShares)
		if waiting, err := o.Store.Undelivered(ctx); err == nil {
			o.Metrics.Undelivered.Set(waiting.Seconds())
		}
	})
}
