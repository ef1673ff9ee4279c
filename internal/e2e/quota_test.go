package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"rawlink/internal/testsystem"
)

// overQuota checks the one shape of a refusal by quota.
func overQuota(t *testing.T, a *testsystem.Answer, want string) {
	t.Helper()
	if a.Status != 402 || a.Detail() != "quota_exceeded" {
		t.Errorf("%d %s; want 402 quota_exceeded", a.Status, a.Raw)
	}
	if quota, _ := json.Marshal(a.Body["quota"]); string(quota) != want {
		t.Errorf("quota = %s; want %s", quota, want)
	}
}

// used checks a tenant's usage.
func used(t *testing.T, c *testsystem.Client, size, links int64) {
	t.Helper()
	q := c.Must(t, 200, "GET", "/quota", nil)
	if q.Number("bytes_used") != size || q.Number("links_used") != links {
		t.Errorf("quota = %s; want %d bytes and %d links used", q.Raw, size, links)
	}
}

func testBytesQuota(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: 1000, Links: -1}))
	space := c.Space(t)
	open := c.Initiate(t, space, "a", "text/plain", 600)
	used(t, c, 600, 0)
	wanted := testsystem.Object{"original_name": "b", "size": 401, "space_id": space}
	overQuota(t, c.Do(t, "POST", "/uploads/initiate", wanted), `{"limit":1000,"requested":401,"resource":"bytes","used":600}`)
	c.Must(t, 204, "POST", "/uploads/abort", testsystem.Object{"file_id": open.Text("file_id")})
	used(t, c, 0, 0)
	c.Must(t, 404, "POST", "/uploads/abort", testsystem.Object{"file_id": open.Text("file_id")})
	used(t, c, 0, 0)

	ticket := c.Initiate(t, space, "c", "text/plain", 1000)
	testsystem.Put(t, ticket.Text("upload_url"), "text/plain", bytes.Repeat([]byte("c"), 1000))
	body := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}
	first := c.Must(t, 200, "POST", "/uploads/complete", body)
	if again := c.Must(t, 200, "POST", "/uploads/complete", body); again.Text("id") != first.Text("id") {
		t.Errorf("complete again = %s; want the same file", again.Raw)
	}
	used(t, c, 1000, 0)
	overQuota(t, c.Do(t, "POST", "/uploads/initiate", testsystem.Object{"original_name": "d", "size": 1, "space_id": space}),
		`{"limit":1000,"requested":1,"resource":"bytes","used":1000}`)
	byApp, _ := json.Marshal(c.Must(t, 200, "GET", "/quota", nil).Body["by_app"])
	if string(byApp) != `[{"app":null,"bytes_used":1000,"file_count":1}]` {
		t.Errorf("by_app = %s", byApp)
	}
	c.Must(t, 200, "DELETE", "/files/"+first.Text("id"), nil)
	used(t, c, 1000, 0) // the trash counts until it is purged
	c.Must(t, 204, "DELETE", "/gdpr/files/"+first.Text("id"), nil)
	used(t, c, 0, 0)
}

func testLinksQuota(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: 2}))
	file := c.CleanFile(t, c.Space(t), "a", "text/plain", text(t))
	first, _ := c.Share(t, file, nil)
	_, capped := c.Share(t, file, testsystem.Object{"max_downloads": 1})
	used(t, c, int64(len(text(t))), 2)
	overQuota(t, c.Do(t, "POST", "/shares", testsystem.Object{"file_id": file}), `{"limit":2,"requested":1,"resource":"links","used":2}`)
	c.Must(t, 200, "DELETE", "/shares/"+first, nil) // a revoked link no longer counts
	c.Share(t, file, nil)
	overQuota(t, c.Do(t, "POST", "/shares", testsystem.Object{"file_id": file}), `{"limit":2,"requested":1,"resource":"links","used":2}`)
	if got := status(t, s.Files[0]+capped); got != 200 {
		t.Fatalf("GET = %d; want 200", got)
	}
	c.Share(t, file, nil) // nor does one that is used up
}

// testQuotaRace lets uploads and shares race for the last room.
func testQuotaRace(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: 1000, Links: 5}))
	space := c.Space(t)
	file := c.CleanFile(t, space, "base", "text/plain", bytes.Repeat([]byte("b"), 100))
	var tickets, links atomic.Int64
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			a := c.Do(t, "POST", "/uploads/initiate", testsystem.Object{"original_name": "x", "size": 100, "space_id": space})
			switch a.Status {
			case 200:
				tickets.Add(1)
				if c.Do(t, "POST", "/uploads/abort", testsystem.Object{"file_id": a.Text("file_id")}).Status == 204 {
					tickets.Add(-1)
				}
				if c.Do(t, "POST", "/uploads/initiate", testsystem.Object{"original_name": "x", "size": 100, "space_id": space}).Status == 200 {
					tickets.Add(1)
				}
			case 402:
			default:
				t.Errorf("initiate = %d %s", a.Status, a.Raw)
			}
		})
		group.Go(func() {
			switch a := c.Do(t, "POST", "/shares", testsystem.Object{"file_id": file}); a.Status {
			case 201:
				links.Add(1)
			case 402:
			default:
				t.Errorf("share = %d %s", a.Status, a.Raw)
			}
		})
	}
	group.Wait()
	if links.Load() != 5 || tickets.Load() > 9 {
		t.Errorf("%d links and %d reservations; want 5 and at most 9", links.Load(), tickets.Load())
	}
	used(t, c, 100+100*tickets.Load(), 5)
	for i := tickets.Load(); i < 9; i++ { // whatever is left can be had
		c.Initiate(t, space, fmt.Sprint(i), "text/plain", 100)
	}
	overQuota(t, c.Do(t, "POST", "/uploads/initiate", testsystem.Object{"original_name": "x", "size": 1, "space_id": space}),
		`{"limit":1000,"requested":1,"resource":"bytes","used":1000}`)
}
