package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// receivers are settings under which webhooks reach 127.0.0.2, and are tried
// again soon.
var receivers = []string{"WEBHOOK_ALLOW_NETWORKS=127.0.0.2", "WEBHOOK_ALLOW_HTTP=true", "WEBHOOK_FIRST_RETRY=100ms", "WEBHOOK_ATTEMPTS=4", "WEBHOOK_TIMEOUT=15s"}

// inbox is a partner's endpoint that checks signatures and keeps what came, by
// its webhook-id. answer decides on the status, under the lock.
type inbox struct {
	t      *testing.T
	url    string
	mu     sync.Mutex
	key    *webhooks.Webhook
	answer func(event string) int
	got    map[string]string // event by id
	calls  int
}

func newInbox(t *testing.T) *inbox {
	b := &inbox{t: t, got: map[string]string{}, answer: func(string) int { return 200 }}
	b.url = testenv.ServeOn(t, "127.0.0.2:0", b.serve)
	return b
}

func (b *inbox) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var body struct {
		Type string
		Data map[string]any
	}
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return // broken off: its sender died
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.key == nil || b.key.Verify(raw, r.Header) != nil {
		b.t.Errorf("not signed as it should be: %s", raw)
	}
	b.calls++
	status := b.answer(body.Type)
	if status == 200 {
		b.got[r.Header.Get("webhook-id")] = body.Type + " " + fmt.Sprint(body.Data["file_id"])
	}
	w.WriteHeader(status)
}

// hook registers the inbox and returns the webhook's id.
func (b *inbox) hook(t *testing.T, c *testsystem.Client, events ...string) string {
	t.Helper()
	made := c.Must(t, 201, "POST", "/webhooks", testsystem.Object{"url": b.url, "events": events})
	key, err := webhooks.NewWebhook(made.Text("secret"))
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.key = key
	b.mu.Unlock()
	return made.Text("id")
}

// await waits until so many events of this text came, each with its own id.
func (b *inbox) await(t *testing.T, limit time.Duration, n int, event string) {
	t.Helper()
	testsystem.Until(t, limit, fmt.Sprintf("%d × %s", n, event), func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		found := 0
		for _, one := range b.got {
			if one == event {
				found++
			}
		}
		if found != n {
			return fmt.Errorf("got %d after %d calls: %v", found, b.calls, b.got)
		}
		return nil
	})
}

// testWebhooks tells of a file's life, has letters die, and replays them by both
// ways.
func testWebhooks(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	tenant := c.Must(t, 200, "GET", "/me", nil).Text("tenant_id")
	box := newInbox(t)
	hook := box.hook(t, c)
	file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", text(t))
	box.await(t, 10*time.Second, 1, "file.clean "+file)
	link, path := c.Share(t, file, testsystem.Object{"max_downloads": 1})
	box.await(t, 10*time.Second, 1, "share.created "+file)
	if got := status(t, s.Files[0]+path); got != 200 {
		t.Fatalf("GET = %d", got)
	}
	box.await(t, 10*time.Second, 1, "share.exhausted "+file)

	box.mu.Lock()
	box.answer = func(string) int { return 503 }
	box.mu.Unlock()
	c.Must(t, 200, "DELETE", "/shares/"+link, nil)
	c.Must(t, 204, "DELETE", "/gdpr/files/"+file, nil)
	var dead *testsystem.Answer
	testsystem.Until(t, 30*time.Second, "dead letters", func() error {
		if dead = c.Must(t, 200, "GET", "/webhooks/"+hook+"/deliveries?state=dead", nil); len(dead.List) != 2 {
			return fmt.Errorf("%s", dead.Raw)
		}
		return nil
	})
	var listed []struct {
		ID, State, Event string
		Attempts         int
	}
	s.Admin(t, &listed, "webhooks", "deliveries", hook, "--tenant", tenant, "--state", "dead")
	if len(listed) != 2 || listed[0].ID != dead.List[0]["id"] || listed[0].Attempts != 4 {
		t.Errorf("dead letters by the admin command: %+v", listed)
	}
	box.mu.Lock()
	box.answer = func(string) int { return 200 }
	box.mu.Unlock()
	c.Must(t, 202, "POST", "/webhooks/"+hook+"/deliveries/"+fmt.Sprint(dead.List[0]["id"])+"/replay", nil)
	box.await(t, 10*time.Second, 1, "share.revoked "+file)
	var replayed []struct{ Replayed int }
	s.Admin(t, &replayed, "webhooks", "replay", hook, "--tenant", tenant)
	if len(replayed) != 1 || replayed[0].Replayed != 1 {
		t.Errorf("replayed %+v; want 1", replayed)
	}
	box.await(t, 10*time.Second, 1, "file.purged "+file)
	s.AdminQuietly(t, "webhooks", "disable", hook, "--tenant", tenant)
	if got := c.Must(t, 200, "GET", "/webhooks/"+hook, nil); got.Body["enabled"] != false || got.Text("disabled_reason") == "" {
		t.Errorf("disabled by the admin command: %s", got.Raw)
	}
	s.AdminQuietly(t, "webhooks", "enable", hook, "--tenant", tenant)
	c.Must(t, 204, "DELETE", "/webhooks/"+hook, nil)
}

// TestKillLosesNoEvent kills the origin while a receiver holds deliveries, with
// others waiting, and wants every acknowledged change told.
func TestKillLosesNoEvent(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, append(receivers, "WEBHOOK_ATTEMPTS=100", "WEBHOOK_TIMEOUT=2s")...)
			c := s.Client()
			box := newInbox(t)
			held := make(chan struct{}, 100)
			stuck := testenv.ServeOn(t, "127.0.0.2:0", func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // the server sees a client leave only then
				held <- struct{}{}
				<-r.Context().Done()
			})
			hook := box.hook(t, c, "share.created")
			c.Must(t, 200, "PATCH", "/webhooks/"+hook, testsystem.Object{"url": stuck})
			file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", text(t))
			const links = 20
			for range links {
				c.Share(t, file, nil)
			}
			<-held
			s.Origin.Kill()
			s.Origin.Start()
			c.Must(t, 200, "PATCH", "/webhooks/"+hook, testsystem.Object{"url": box.url})
			box.await(t, 60*time.Second, links, "share.created "+file)
		})
	}
}
