package origin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rawlink/internal/share"
	"rawlink/internal/testsystem"
	"rawlink/origin/store"
)

// receiver is a partner's endpoint: it checks each signature with the library of
// the specification's authors, and keeps what came.
type receiver struct {
	t      *testing.T
	url    string
	secret atomic.Pointer[webhooks.Webhook]
	answer atomic.Int64 // the status; 0 = 200

	mu  sync.Mutex
	got []received
}

type received struct {
	id, event string
	data      map[string]any
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t}
	r.url = source(t, r.serve)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, q *http.Request) {
	raw, err := io.ReadAll(q.Body)
	if key := r.secret.Load(); err != nil || key == nil || key.Verify(raw, q.Header) != nil {
		r.t.Errorf("not signed as it should be: %v %s", q.Header, raw)
	}
	var body struct {
		Type, Timestamp string
		Data            map[string]any
	}
	if err := json.Unmarshal(raw, &body); err != nil || q.Method != "POST" || q.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s %v %s", q.Method, q.Header, raw)
	}
	if _, err := time.Parse("2006-01-02T15:04:05Z", body.Timestamp); err != nil {
		r.t.Errorf("timestamp %q", body.Timestamp)
	}
	r.mu.Lock()
	r.got = append(r.got, received{q.Header.Get("webhook-id"), body.Type, body.Data})
	r.mu.Unlock()
	if status := int(r.answer.Load()); status != 0 {
		w.WriteHeader(status)
	}
}

// hook registers the receiver and returns the webhook's id.
func (r *receiver) hook(t *testing.T, at *running, events ...string) string {
	t.Helper()
	made := at.Must(t, 201, "POST", "/webhooks", testsystem.Object{"url": r.url, "events": events})
	key, err := webhooks.NewWebhook(made.Text("secret"))
	if err != nil || !strings.HasPrefix(made.Text("secret"), "whsec_") {
		t.Fatalf("secret: %v in %s", err, made.Raw)
	}
	r.secret.Store(key)
	return made.Text("id")
}

// events waits until so many events came, and returns their types.
func (r *receiver) events(t *testing.T, n int) (types []string, all []received) {
	t.Helper()
	testsystem.Until(t, 20*time.Second, fmt.Sprintf("%d events", n), func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.got) < n {
			return fmt.Errorf("got %v", r.got)
		}
		all = append([]received{}, r.got...)
		return nil
	})
	for _, one := range all {
		types = append(types, one.event)
	}
	return types, all
}

// TestEvents makes each change that has an event, and wants it told once.
func TestEvents(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	to := receive(t)
	to.hook(t, r)
	told := 0
	next := func(event, field, want string) {
		t.Helper()
		told++
		types, all := to.events(t, told)
		if got := all[told-1]; got.event != event || fmt.Sprint(got.data[field]) != want {
			t.Fatalf("event %d = %v; want %s with %s %s (all: %v)", told, got, event, field, want, types)
		}
	}
	space := r.Space(t)
	file := r.CleanFile(t, space, "a.txt", "text/plain", []byte("content"))
	next("file.clean", "file_id", file)
	virus := r.Upload(t, space, "v", "text/plain", []byte("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"), nil).Text("id")
	next("file.infected", "file_id", virus)
	one, _ := r.Share(t, file, testsystem.Object{"max_downloads": 1})
	next("share.created", "share_id", one)
	if _, err := r.Redeem(t.Context(), one, share.Ask{Edge: "e", Seq: 1, N: 1}); err != nil {
		t.Fatal(err)
	}
	next("share.exhausted", "share_id", one)
	r.Must(t, 200, "DELETE", "/shares/"+one, nil)
	next("share.revoked", "share_id", one)
	r.Must(t, 200, "DELETE", "/shares/"+one, nil) // nothing new
	two, _ := r.Share(t, file, testsystem.Object{"expires_in_days": 1})
	next("share.created", "share_id", two)
	r.exec(t, `UPDATE shares SET expires_at = $1 WHERE id = $2`, time.Now().Add(-time.Second).UnixMicro(), two)
	next("share.expired", "share_id", two)
	three, _ := r.Share(t, file, testsystem.Object{"max_downloads": 3})
	next("share.created", "share_id", three)
	if _, err := r.Redeem(t.Context(), three, share.Ask{Edge: "e", Seq: 1, N: 1}); err != nil {
		t.Fatal(err)
	}
	r.Must(t, 200, "PATCH", "/shares/"+three, testsystem.Object{"max_downloads": 1})
	next("share.exhausted", "share_id", three)
	r.Must(t, 204, "DELETE", "/gdpr/files/"+virus, nil)
	next("file.purged", "file_id", virus)
	limit := int64(100)
	if err := r.Store.SetTenantLimits(t.Context(), r.tenant, &limit, nil); err != nil {
		t.Fatal(err)
	}
	open := r.Initiate(t, space, "b", "text/plain", 83) // 90 of 100
	next("quota.near_limit", "used", "90")
	r.Initiate(t, space, "c", "text/plain", 2) // nothing new
	r.Must(t, 204, "POST", "/uploads/abort", testsystem.Object{"file_id": open.Text("file_id")})
	links := int64(1)
	if err := r.Store.SetTenantLimits(t.Context(), r.tenant, nil, &links); err != nil {
		t.Fatal(err)
	}
	r.Share(t, file, nil)
	told += 2 // created, and near the limit, in either order
	if types, _ := to.events(t, told); !slices.Contains(types[told-2:], "share.created") || !slices.Contains(types[told-2:], "quota.near_limit") {
		t.Errorf("the last link: %v", types[told-2:])
	}
	r.Must(t, 402, "POST", "/shares", testsystem.Object{"file_id": file}) // refused: no event
	time.Sleep(2 * deliveryPoll)
	if types, _ := to.events(t, told); len(types) != told {
		t.Errorf("%d events; want %d: %v", len(types), told, types)
	}
	r.noSecretStored(t)
}

// TestEventsOfOthers wants a tenant told of its own, and of what it asked for.
func TestEventsOfOthers(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	mine, some := receive(t), receive(t)
	mine.hook(t, r)
	some.hook(t, r, "share.revoked")
	other := must(r.Store.CreateTenant(t.Context(), store.Tenant{Name: "o", BytesLimit: store.Unlimited, LinksLimit: store.Unlimited}))
	_, secret, err := r.Store.CreateKey(t.Context(), store.NewKey{TenantID: other.ID, Label: "k", Mode: "test", Scopes: AllScopes()})
	if err != nil {
		t.Fatal(err)
	}
	theirs := r.as(secret)
	theirs.CleanFile(t, theirs.Space(t), "x", "text/plain", []byte("theirs"))
	file := r.CleanFile(t, r.Space(t), "x", "text/plain", []byte("mine"))
	link, _ := r.Share(t, file, nil)
	r.Must(t, 200, "DELETE", "/shares/"+link, nil)
	if types, all := mine.events(t, 3); len(all) != 3 || !slices.Contains(types, "file.clean") || !slices.Contains(types, "share.created") || !slices.Contains(types, "share.revoked") {
		t.Errorf("told of %v", types)
	}
	if types, _ := some.events(t, 1); fmt.Sprint(types) != "[share.revoked]" {
		t.Errorf("told of %v; want only what was asked for", types)
	}
}

// TestDeliveryRetries has a receiver that fails, then recovers; one that stays
// broken until the letter is dead, which is then replayed.
func TestDeliveryRetries(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	to := receive(t)
	id := to.hook(t, r, "file.clean")
	to.answer.Store(500)
	space := r.Space(t)
	r.CleanFile(t, space, "a", "text/plain", []byte("a"))
	_, all := to.events(t, 2) // the first attempt and a second one
	if all[0].id != all[1].id {
		t.Errorf("webhook-id %s, then %s; want the same", all[0].id, all[1].id)
	}
	var dead *testsystem.Answer
	testsystem.Until(t, 10*time.Second, "dead letter", func() error {
		if dead = r.Must(t, 200, "GET", "/webhooks/"+id+"/deliveries?state=dead", nil); len(dead.List) != 1 {
			return fmt.Errorf("%s", dead.Raw)
		}
		return nil
	})
	letter := dead.List[0]
	if letter["attempts"] != 3.0 || letter["last_status"] != 500.0 || letter["last_error"] != "answered 500" || letter["event_id"] != all[0].id || letter["next_attempt_at"] != nil {
		t.Errorf("dead letter = %v", letter)
	}
	hook := r.Must(t, 200, "GET", "/webhooks/"+id, nil)
	if hook.Number("failures") != 3 || hook.Text("failing_since") == "" || hook.Text("last_error") != "answered 500" || hook.Body["enabled"] != true {
		t.Errorf("webhook = %s", hook.Raw)
	}
	if _, all := to.events(t, 3); len(all) != 3 {
		t.Errorf("%d attempts; want 3", len(all))
	}
	to.answer.Store(204)
	if a := r.Must(t, 202, "POST", "/webhooks/"+id+"/deliveries/"+fmt.Sprint(letter["id"])+"/replay", nil); a.Text("state") != "pending" {
		t.Errorf("replay = %s", a.Raw)
	}
	to.events(t, 4)
	testsystem.Until(t, 10*time.Second, "recovered", func() error {
		if hook := r.Must(t, 200, "GET", "/webhooks/"+id, nil); hook.Number("failures") != 0 || hook.Body["failing_since"] != nil {
			return fmt.Errorf("%s", hook.Raw)
		}
		return nil
	})
	done := r.Must(t, 200, "GET", "/webhooks/"+id+"/deliveries", nil)
	if len(done.List) != 1 || done.List[0]["state"] != "delivered" || done.List[0]["last_status"] != 204.0 || done.List[0]["last_error"] != nil {
		t.Errorf("deliveries = %s", done.Raw)
	}
	r.metric(t, `rawlink_origin_webhooks_total{outcome="dead"} 1`)
	r.metric(t, `rawlink_origin_webhooks_total{outcome="retry"} 2`)
	r.metric(t, `rawlink_origin_webhooks_total{outcome="delivered"} 1`)
}

// TestDisabling ends webhooks: by 410, by long failure, by request.
func TestDisabling(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Webhooks.DisableAfter = 300 * time.Millisecond; c.Webhooks.Attempts = 50 })
	gone, failing := receive(t), receive(t)
	goneID, failingID := gone.hook(t, r, "file.clean"), failing.hook(t, r, "file.clean")
	gone.answer.Store(410)
	failing.answer.Store(302) // not followed
	space := r.Space(t)
	r.CleanFile(t, space, "a", "text/plain", []byte("a"))
	disabled := func(id, want string) *testsystem.Answer {
		t.Helper()
		var a *testsystem.Answer
		testsystem.Until(t, 10*time.Second, "disabled", func() error {
			if a = r.Must(t, 200, "GET", "/webhooks/"+id, nil); a.Body["enabled"] != false || !strings.Contains(a.Text("disabled_reason"), want) {
				return fmt.Errorf("%s", a.Raw)
			}
			return nil
		})
		return a
	}
	disabled(goneID, "the receiver answered 410")
	disabled(failingID, "the last one failed: answered 302")
	dead := r.Must(t, 200, "GET", "/webhooks/"+failingID+"/deliveries?state=dead", nil)
	if len(dead.List) != 1 {
		t.Fatalf("deliveries = %s; want one dead letter", dead.Raw)
	}
	replay := "/webhooks/" + failingID + "/deliveries/" + fmt.Sprint(dead.List[0]["id"]) + "/replay"
	r.Must(t, 409, "POST", replay, nil)
	before, _ := failing.events(t, 1)
	r.CleanFile(t, space, "b", "text/plain", []byte("b")) // told to nobody
	failing.answer.Store(200)
	if a := r.Must(t, 200, "PATCH", "/webhooks/"+failingID, testsystem.Object{"enabled": true}); a.Body["enabled"] != true || a.Body["disabled_reason"] != nil || a.Number("failures") != 0 {
		t.Errorf("enabled again: %s", a.Raw)
	}
	r.Must(t, 202, "POST", replay, nil)
	failing.events(t, len(before)+1)
	if a := r.Must(t, 200, "PATCH", "/webhooks/"+failingID, testsystem.Object{"enabled": false}); a.Text("disabled_reason") != "disabled by request" {
		t.Errorf("disabled: %s", a.Raw)
	}
	r.Must(t, 204, "DELETE", "/webhooks/"+failingID, nil)
	r.Must(t, 404, "GET", "/webhooks/"+failingID, nil)
	r.metric(t, `rawlink_origin_webhooks_total{outcome="disabled"} 2`)
}

// TestWebhookRequests is about what is refused, and what is shown once.
func TestWebhookRequests(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	r := serve(t, func(c *Config, _ *Parts) { c.Webhooks.Plain, c.Webhooks.Ports = false, []uint16{443} })
	for url, want := range map[string]string{
		"":                          "url: is not an absolute URL such as https://example.com/file.pdf",
		"http://example.com/":       "url: must begin with https://",
		"https://u:p@example.com/":  "url: must not hold a user name or password",
		"https://127.0.0.1/":        "url: leads to an address that is not public",
		"https://[::1]/":            "url: leads to an address that is not public",
		"https://169.254.169.254/x": "url: leads to an address that is not public",
		"https://8.8.8.8:22/":       "url: port 22 is not allowed; allowed are 443",
	} {
		if a := r.Must(t, 422, "POST", "/webhooks", testsystem.Object{"url": url}); a.Detail() != want {
			t.Errorf("%s: %s; want %s", url, a.Raw, want)
		}
	}
	if a := r.Must(t, 422, "POST", "/webhooks", testsystem.Object{"url": "https://example.com/", "events": []string{"file.clean", "file.eaten"}}); !strings.HasPrefix(a.Detail(), "events[1]: is no event; there are file.clean, ") {
		t.Errorf("events: %s", a.Raw)
	}
	r.Must(t, 422, "POST", "/webhooks", testsystem.Object{"url": "https://example.com/", "events": []string{"file.clean", "file.clean"}})
	r.as(r.newKey(t, "shares:write")).Must(t, 403, "GET", "/webhooks", nil)

	body := testsystem.Object{"url": "https://example.com/hook", "events": []string{"file.clean"}}
	first, text := r.post(t, "key", "/webhooks", body)
	id := made(t, 201, first, text)
	var shown struct{ Secret string }
	_ = json.Unmarshal([]byte(text), &shown)
	r.exec(t, `UPDATE idempotent SET status = NULL, answer = NULL, lease_until = 0`)
	if second, again := r.post(t, "key", "/webhooks", body); made(t, 201, second, again) != id || again != text {
		t.Errorf("after a lost answer: %s; want %s", again, text)
	}
	for _, path := range []string{"/webhooks", "/webhooks/" + id} {
		if a := r.Must(t, 200, "GET", path, nil); strings.Contains(string(a.Raw), "secret") {
			t.Errorf("%s shows the secret: %s", path, a.Raw)
		}
	}
	var sealed string
	if err := r.db.Read().QueryRowContext(t.Context(), `SELECT secret FROM webhooks WHERE id = $1`, id).Scan(&sealed); err != nil || strings.Contains(sealed, strings.TrimPrefix(shown.Secret, "whsec_")) || shown.Secret == "" {
		t.Errorf("stored secret %q, %v; want it sealed", sealed, err)
	}
	for range store.MaxWebhooks - 1 {
		r.Must(t, 201, "POST", "/webhooks", body)
	}
	r.Must(t, 409, "POST", "/webhooks", body)
	if list := r.Must(t, 200, "GET", "/webhooks?limit=5", nil); len(list.List) != 5 || list.Header.Get("Link") == "" {
		t.Errorf("a page of webhooks: %s", list.Raw)
	}
	r.Must(t, 404, "POST", "/webhooks/"+id+"/deliveries/"+uuid.NewString()+"/replay", nil)

	// A URL that was taken, and then leads inside, reaches nobody.
	if _, port, ok := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":"); ok {
		r.exec(t, `UPDATE webhooks SET url = $1`, "https://localhost:"+port)
	}
	r.CleanFile(t, r.Space(t), "a", "text/plain", []byte("a"))
	testsystem.Until(t, 10*time.Second, "refused", func() error {
		if a := r.Must(t, 200, "GET", "/webhooks/"+id, nil); a.Text("last_error") != "was not asked: the URL leads to an address that is not public" {
			return fmt.Errorf("%s", a.Raw)
		}
		return nil
	})
	if asked.Load() != 0 {
		t.Errorf("the inside was asked %d times", asked.Load())
	}
}

// TestSlowReceiver has a receiver that never answers, and a quick one beside it.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Webhooks.Workers = perWebhook + 1 })
	var most, now atomic.Int64
	leave := make(chan struct{})
	slow := source(t, func(_ http.ResponseWriter, q *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select {
		case <-leave:
		case <-q.Context().Done():
		}
		now.Add(-1)
	})
	t.Cleanup(func() { close(leave) })
	r.Must(t, 201, "POST", "/webhooks", testsystem.Object{"url": slow, "events": []string{"share.created"}})
	quick := receive(t)
	quick.hook(t, r, "share.created")
	file := r.CleanFile(t, r.Space(t), "a", "text/plain", []byte("a"))
	for range 12 {
		r.Share(t, file, nil)
	}
	start := time.Now()
	quick.events(t, 12)
	if most.Load() > perWebhook {
		t.Errorf("%d deliveries to one webhook at a time; want at most %d", most.Load(), perWebhook)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("a slow receiver held up a quick one for %v", took)
	}
}

func TestGrowing(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int64]time.Duration{0: time.Second, 1: time.Second, 2: 3 * time.Second, 3: 9 * time.Second, 4: 20 * time.Second, 1 << 40: 20 * time.Second} {
		if got := growing(time.Second, failures, 20*time.Second); got != want {
			t.Errorf("growing(%d) = %v; want %v", failures, got, want)
		}
	}
	for range 1000 {
		if got := jittered(time.Second); got < 900*time.Millisecond || got > 1100*time.Millisecond {
			t.Fatalf("jittered(1s) = %v", got)
		}
	}
}

// TestSecretRotation changes a webhook's secret while events are told: for the
// overlap a receiver may know either, afterwards only the new one.
func TestSecretRotation(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	to := receive(t)
	id := to.hook(t, r, "share.revoked")
	file := r.CleanFile(t, r.Space(t), "x", "text/plain", []byte("x"))
	told := 0
	tell := func() {
		t.Helper()
		link, _ := r.Share(t, file, nil)
		r.Must(t, 200, "DELETE", "/shares/"+link, nil)
		told++
		to.events(t, told) // the receiver checks the signature
	}
	signs := func(secret *webhooks.Webhook) bool {
		t.Helper()
		w := must(r.Store.Webhook(t.Context(), r.tenant, id))
		header, canonical := http.Header{}, http.Header{}
		sign(header, must(r.signingSecrets(&w, time.Now())), "id", time.Now(), "{}")
		for name, values := range header { // as a receiver's server spells them
			canonical.Set(name, values[0])
		}
		return secret.Verify([]byte("{}"), canonical) == nil
	}
	tell()
	first := to.secret.Load()
	response, text := r.send(t, "POST", "/api/v1/webhooks/"+id+"/rotate", `{}`, "Idempotency-Key", "rotate")
	var rotated struct {
		Secret         string
		OldSecretUntil string `json:"overlap_until"`
	}
	if err := json.Unmarshal([]byte(text), &rotated); err != nil || response.StatusCode != 200 || rotated.OldSecretUntil == "" {
		t.Fatalf("%d %s, %v", response.StatusCode, text, err)
	}
	r.forgetAnswers(t)
	if _, again := r.send(t, "POST", "/api/v1/webhooks/"+id+"/rotate", `{}`, "Idempotency-Key", "rotate"); again != text {
		t.Errorf("repeated: %s; want the secret that was drawn: %s", again, text)
	}
	second, err := webhooks.NewWebhook(rotated.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if !signs(first) || !signs(second) {
		t.Errorf("in the overlap the first secret signs: %t, the second: %t", signs(first), signs(second))
	}
	tell() // who has not changed over yet
	to.secret.Store(second)
	tell() // and who has
	r.exec(t, `UPDATE webhooks SET old_secret_until = $1`, time.Now().Add(-time.Second).UnixMicro())
	tell()
	if signs(first) || !signs(second) {
		t.Errorf("after the overlap the first secret signs: %t, the second: %t", signs(first), signs(second))
	}
	third, err := webhooks.NewWebhook(r.Must(t, 200, "POST", "/webhooks/"+id+"/rotate", testsystem.Object{"overlap_seconds": 0}).Text("secret"))
	if err != nil {
		t.Fatal(err)
	}
	to.secret.Store(third)
	tell()
	if signs(first) || signs(second) || !signs(third) {
		t.Errorf("without an overlap the first secret signs: %t, the second: %t, the third: %t", signs(first), signs(second), signs(third))
	}
	r.noSecretStored(t)
	r.Must(t, 404, "POST", "/webhooks/"+file+"/rotate", testsystem.Object{})
	r.Must(t, 422, "POST", "/webhooks/"+id+"/rotate", testsystem.Object{"overlap_seconds": 604801})
}
