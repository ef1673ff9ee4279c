package origin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rawlink/internal/outbound"
	"rawlink/origin/store"
)

// Webhooks is how events are delivered.
type Webhooks struct {
	Workers      int            // deliveries at the same time in this process
	Timeout      time.Duration  // of one attempt
	Attempts     int            // of one delivery, then it is a dead letter
	FirstRetry   time.Duration  // after the first failed attempt; each later one waits three times as long
	DisableAfter time.Duration  // of failures only, a webhook is disabled
	Keep         time.Duration  // how long ended deliveries can be looked at and replayed
	Plain        bool           // take http:// besides https://
	Ports        []uint16       // that receivers may have
	Allow        []netip.Prefix // reached although they are not public
}

// webhook is a Webhook as clients see it.
type webhook struct {
	ID             string   `json:"id"`
	URL            string   `json:"url"`
	Events         []string `json:"events" nullable:"false" doc:"What it is told of."`
	Enabled        bool     `json:"enabled"`
	DisabledReason *string  `json:"disabled_reason" doc:"Why it is not enabled."`
	Failures       int64    `json:"failures" doc:"Attempts that failed since the last success."`
	FailingSince   *string  `json:"failing_since"`
	LastError      *string  `json:"last_error"`
	OverlapUntil   *string  `json:"overlap_until" doc:"Until then the secret before signs too; null: it was not rotated."`
	CreatedAt      string   `json:"created_at"`
	UpdatedAt      string   `json:"updated_at"`
}

func webhookOf(w store.Webhook) webhook {
	out := webhook{ID: w.ID, URL: w.URL, Events: w.Events, Enabled: w.Enabled, DisabledReason: w.DisabledReason, Failures: w.Failures,
		FailingSince: stampOrNull(w.FailingSince), LastError: w.LastError, OverlapUntil: stampOrNull(w.OldSecretUntil), CreatedAt: stamp(w.CreatedAt), UpdatedAt: stamp(w.UpdatedAt)}
	if len(out.Events) == 0 {
		out.Events = store.Events()
	}
	return out
}

// settled is what clients set, and whether it is enabled.
func (w webhook) settled() any {
	w.Failures, w.FailingSince, w.LastError = 0, nil, nil
	return w
}

type createWebhookIn struct {
	Body struct {
		URL    string   `json:"url" required:"true" doc:"Where events are POSTed to: https, on the public internet, without credentials."`
		Events []string `json:"events" nullable:"true" doc:"Which events; null or none: all."`
	}
}

// Webhook is webhook under a name that huma looks into where it is embedded.
type Webhook = webhook

type createdWebhook struct {
	ETag string `header:"ETag"`
	Body struct {
		Webhook
		Secret string `json:"secret" doc:"Signs the deliveries, by Standard Webhooks. Shown here and never again."`
	}
}

// createWebhook draws the secret. A repeated request, whose first answer was
// lost, gets the one that was drawn then.
func (o *Origin) createWebhook(ctx context.Context, in *createWebhookIn) (*createdWebhook, error) {
	if err := firstError(o.checkReceiver(in.Body.URL), checkEvents(in.Body.Events)); err != nil {
		return nil, err
	}
	key := caller(ctx)
	w, err := o.Store.CreateWebhook(ctx, store.Webhook{TenantID: key.TenantID, URL: in.Body.URL, Events: in.Body.Events, CreatedBy: &key.ID}, func(id string) string {
		return seal(o.webhookKey(key.TenantID), drawSecret(), id)
	})
	if err != nil {
		return nil, err
	}
	return o.showSecret(&w)
}

func (o *Origin) showSecret(w *store.Webhook) (*createdWebhook, error) {
	raw, err := unseal(o.webhookKey(w.TenantID), w.Secret, w.ID)
	if err != nil {
		return nil, err
	}
	out := &createdWebhook{}
	out.ETag = tagOf(webhookOf(*w))
	out.Body.Webhook, out.Body.Secret = webhookOf(*w), secretPrefix+base64.StdEncoding.EncodeToString(raw)
	return out, nil
}

type rotateWebhookIn struct {
	Thing
	Body struct {
		OverlapSeconds *int64 `json:"overlap_seconds" minimum:"0" maximum:"604800" doc:"For how long the secret before signs too. Default: a day. 0: it has leaked."`
	}
}

// overlapDefault is how long a receiver has to learn its new secret.
const overlapDefault = 24 * time.Hour

// rotateWebhook draws another secret. While both sign, a receiver that knows one
// of them finds its signature among the two. A repeated request, whose first answer
// was lost, gets the secret that was drawn then.
func (o *Origin) rotateWebhook(ctx context.Context, in *rotateWebhookIn) (*createdWebhook, error) {
	id, err := parseID(in.ID, "webhook")
	if err != nil {
		return nil, err
	}
	overlap := overlapDefault
	if in.Body.OverlapSeconds != nil {
		overlap = time.Duration(*in.Body.OverlapSeconds) * time.Second
	}
	tenant := caller(ctx).TenantID
	w, err := o.Store.RotateWebhook(onlyIf(ctx, &in.Conditions, webhookOf), tenant, id, overlap, func(id string) string { return seal(o.webhookKey(tenant), drawSecret(), id) })
	if err != nil {
		return nil, err
	}
	return o.showSecret(&w)
}

// secretPrefix begins the text of a secret, by Standard Webhooks.
const secretPrefix = "whsec_"

// drawSecret returns 32 bytes; the specification wants 24 to 64.
func drawSecret() []byte {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return raw
}

func (o *Origin) webhookKey(tenantID string) [32]byte {
	return o.Mint.Key("webhook secret\x00" + tenantID)
}

// signingSecrets are those that sign what is delivered now, the newest first.
func (o *Origin) signingSecrets(w *store.Webhook, now time.Time) ([][]byte, error) {
	sealed := []string{w.Secret}
	if w.OldSecret != nil && w.OldSecretUntil != nil && now.UnixMicro() < *w.OldSecretUntil {
		sealed = append(sealed, *w.OldSecret)
	}
	secrets := make([][]byte, len(sealed))
	for i, text := range sealed {
		var err error
		if secrets[i], err = unseal(o.webhookKey(w.TenantID), text, w.ID); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}

func (o *Origin) checkReceiver(url string) error {
	_, err := o.receivers.Check(url)
	var refusal *outbound.Refusal
	if errors.As(err, &refusal) {
		return invalid("url", refusal.Reason)
	}
	return err
}

func checkEvents(events []string) error {
	for i, event := range events {
		if !slices.Contains(store.Events(), event) {
			return invalid(fmt.Sprintf("events[%d]", i), "is no event; there are "+strings.Join(store.Events(), ", "))
		}
		if slices.Contains(events[:i], event) {
			return invalid(fmt.Sprintf("events[%d]", i), "is there twice")
		}
	}
	return nil
}

type listWebhooksIn struct{ Page }

func (o *Origin) listWebhooks(ctx context.Context, in *listWebhooksIn) (*list[webhook], error) {
	some, err := o.Store.Webhooks(ctx, caller(ctx).TenantID, in.wanted())
	return paged(&in.Page, some, func(w store.Webhook) store.Cursor { return store.Cursor{CreatedAt: w.CreatedAt, ID: w.ID} }, webhookOf), err
}

func (o *Origin) getWebhook(ctx context.Context, in *Thing) (*shown[webhook], error) {
	return on(ctx, in, "webhook", webhookOf, o.Store.Webhook)
}

type updateWebhookIn struct {
	Thing
	Body struct {
		URL     *string   `json:"url"`
		Events  *[]string `json:"events" doc:"An empty list: all."`
		Enabled *bool     `json:"enabled" doc:"true forgets earlier failures; false gives up what waits."`
	}
}

func (o *Origin) updateWebhook(ctx context.Context, in *updateWebhookIn) (*shown[webhook], error) {
	b := &in.Body
	if b.URL != nil {
		if err := o.checkReceiver(*b.URL); err != nil {
			return nil, err
		}
	}
	if b.Events != nil {
		if err := checkEvents(*b.Events); err != nil {
			return nil, err
		}
	}
	return on(ctx, &in.Thing, "webhook", webhookOf, func(ctx context.Context, tenantID, id string) (store.Webhook, error) {
		return o.Store.UpdateWebhook(ctx, tenantID, id, store.WebhookUpdate{URL: b.URL, Events: b.Events, Enabled: b.Enabled})
	})
}

func (o *Origin) deleteWebhook(ctx context.Context, in *Thing) (*none, error) {
	id, err := parseID(in.ID, "webhook")
	if err != nil {
		return nil, err
	}
	return nil, o.Store.DeleteWebhook(onlyIf(ctx, &in.Conditions, webhookOf), caller(ctx).TenantID, id)
}

// delivery is a Delivery as clients see it.
type delivery struct {
	ID            string         `json:"id"`
	EventID       string         `json:"event_id" doc:"The webhook-id header: the same for all attempts."`
	Event         string         `json:"event"`
	State         string         `json:"state" enum:"pending,delivered,dead"`
	Attempts      int64          `json:"attempts"`
	NextAttemptAt *string        `json:"next_attempt_at" doc:"null: none."`
	LastStatus    *int64         `json:"last_status" doc:"What the receiver answered last; null: nothing."`
	LastError     *string        `json:"last_error"`
	Payload       map[string]any `json:"payload"`
	CreatedAt     string         `json:"created_at"`
	UpdatedAt     string         `json:"updated_at"`
}

func deliveryOf(d store.Delivery) delivery {
	out := delivery{ID: d.ID, EventID: d.EventID, Event: d.Event, State: d.State, Attempts: d.Attempts, LastStatus: d.LastStatus, LastError: d.LastError,
		CreatedAt: stamp(d.CreatedAt), UpdatedAt: stamp(d.UpdatedAt)}
	if d.State == store.DeliveryPending {
		out.NextAttemptAt = stampOrNull(&d.RunAt)
	}
	_ = json.Unmarshal([]byte(d.Payload), &out.Payload) // written by ourselves
	return out
}

type listDeliveriesIn struct {
	Page
	ID    string `path:"id"`
	State string `query:"state" enum:"pending,delivered,dead" doc:"Only deliveries in this state."`
}

func (o *Origin) listDeliveries(ctx context.Context, in *listDeliveriesIn) (*list[delivery], error) {
	id, err := parseID(in.ID, "webhook")
	if err != nil {
		return nil, err
	}
	some, err := o.Store.Deliveries(ctx, caller(ctx).TenantID, id, in.State, in.wanted())
	return paged(&in.Page, some, func(d store.Delivery) store.Cursor { return store.Cursor{CreatedAt: d.CreatedAt, ID: d.ID} }, deliveryOf), err
}

type replayDeliveryIn struct {
	ID         string `path:"id"`
	DeliveryID string `path:"delivery_id"`
}

type oneDelivery struct{ Body delivery }

// replayDelivery sends an ended delivery once more, whatever its end was.
func (o *Origin) replayDelivery(ctx context.Context, in *replayDeliveryIn) (*oneDelivery, error) {
	id, err := parseID(in.ID, "webhook")
	if err != nil {
		return nil, err
	}
	deliveryID, errDelivery := parseID(in.DeliveryID, "delivery")
	if errDelivery != nil {
		if _, err := o.Store.Webhook(ctx, caller(ctx).TenantID, id); err != nil {
			return nil, err
		}
		return nil, reject(http.StatusNotFound, "delivery not found")
	}
	d, err := o.Store.ReplayDelivery(ctx, caller(ctx).TenantID, id, deliveryID)
	return &oneDelivery{Body: deliveryOf(d)}, err
}
