//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// The quota of the tenant that 100 callers share: room for less than they want.
const (
	callers    = 100
	unit       = 1000
	bytesLimit = 60 * unit
	linksLimit = 25
)

func TestQuota(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, Options{Seed: *seed + 8})
	file := w.Upload(bodySize)
	w.Play(t, rowQuota, "initiates, completes, deletes, restores, purges and links", file, &results, tightQuota)
}

func tightQuota(s *Scene) Bounds {
	key := s.System.NewTenant(s.T, testsystem.Limits{Bytes: bytesLimit, Links: linksLimit})
	c := &caller{Scene: s, key: key, ctx: context.Background()}
	c.space = c.Ask(c.ctx, s.Oracle, 0, key, "POST", "/spaces", testsystem.Object{"name": "tight"}).Text("id")
	for range *rounds {
		watched := c.watchQuota()
		seed := s.Rand.Uint64()
		var calling sync.WaitGroup
		for i := range uint64(callers) {
			calling.Go(func() { c.call(rand.New(rand.NewPCG(seed, i)), int(i)) })
		}
		calling.Wait()
		watched()
	}
	c.judge()
	return Bounds{}
}

// caller is a partner with a tight quota. Its methods may run side by side.
type caller struct {
	*Scene
	key, space string
	ctx        context.Context
}

// call takes one file through its life, with detours.
func (c *caller) call(r *rand.Rand, i int) {
	ask := func(method, path string, body any) Answer {
		return c.Ask(c.ctx, c.Oracle, r.IntN(Origins), c.key, method, path, body)
	}
	size := (1 + r.IntN(3)) * unit
	ticket := ask("POST", "/uploads/initiate", testsystem.Object{"original_name": "q.bin", "content_type": "application/octet-stream", "size": size, "space_id": c.space})
	if ticket.Status != http.StatusOK {
		if ticket.Status != http.StatusPaymentRequired {
			c.Oracle.Fault("initiate: %d %.200s; want 200 or 402", ticket.Status, ticket.Raw)
		}
		return
	}
	done := testsystem.Object{"file_id": ticket.Text("file_id"), "key": ticket.Text("key")}
	if r.IntN(6) == 0 {
		ask("POST", "/uploads/abort", done)
		return
	}
	if status := c.put(ticket.Text("upload_url"), make([]byte, size)); status != http.StatusOK {
		c.Oracle.Fault("PUT: %d; want 200", status)
	}
	var completing sync.WaitGroup // twice at once: it is harmless
	for origin := range Origins {
		completing.Go(func() {
			c.Ask(c.ctx, c.Oracle, origin, c.key, "POST", "/uploads/complete", done)
		})
	}
	completing.Wait()
	path := "/files/" + ticket.Text("file_id")
	for range r.IntN(4) {
		switch r.IntN(4) {
		case 0, 1:
			if share := ask("POST", "/shares", testsystem.Object{"file_id": ticket.Text("file_id")}); share.Status == http.StatusCreated && r.IntN(2) == 0 {
				ask("DELETE", "/shares/"+share.Text("id"), nil)
			}
		case 2:
			ask("DELETE", path, nil)
			ask("POST", path+"/restore", nil)
		case 3:
			ask("DELETE", path, nil)
		}
	}
	if r.IntN(2) == 0 {
		ask("DELETE", "/gdpr"+path, nil)
	}
}

// watchQuota reads the quota again and again: never negative, never above.
func (c *caller) watchQuota() (wait func()) {
	ctx, stop := context.WithCancel(c.ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			q := c.Ask(c.ctx, c.Oracle, 0, c.key, "GET", "/quota", nil)
			if used := q.Number("bytes_used"); q.Status == http.StatusOK && (used < 0 || used > bytesLimit) {
				c.Oracle.Fault("bytes_used = %d of %d", used, bytesLimit)
			}
			if used := q.Number("links_used"); q.Status == http.StatusOK && (used < 0 || used > linksLimit) {
				c.Oracle.Fault("links_used = %d of %d", used, linksLimit)
			}
			pause(ctx, 5*time.Millisecond)
		}
	})
	return func() { stop(); watching.Wait() }
}

// judge adds up what there is and compares it with what the quota says; then it
// purges everything, which must leave nothing.
func (c *caller) judge() {
	var bytesStored, links int64
	var files []string
	for _, trashed := range []string{"false", "true"} {
		var list []struct {
			ID   string `json:"id"`
			Size int64  `json:"size"`
		}
		c.list("/files?space_id="+c.space+"&trashed="+trashed, &list)
		for _, f := range list {
			bytesStored += f.Size
			files = append(files, f.ID)
		}
	}
	var shares []struct {
		FileID string `json:"file_id"`
	}
	c.list("/shares?active=true", &shares)
	links = int64(len(shares))
	q := c.Ask(c.ctx, c.Oracle, 0, c.key, "GET", "/quota", nil)
	if q.Number("bytes_used") != bytesStored || q.Number("links_used") != links {
		c.Oracle.Fault("the quota says %d bytes and %d links; there are %d and %d", q.Number("bytes_used"), q.Number("links_used"), bytesStored, links)
	}
	c.Note("%d files, %d bytes, %d links of %d, %d: no drift", len(files), bytesStored, links, bytesLimit, linksLimit)
	for _, id := range files {
		c.Ask(c.ctx, c.Oracle, 1, c.key, "DELETE", "/gdpr/files/"+id, nil)
	}
	q = c.Ask(c.ctx, c.Oracle, 0, c.key, "GET", "/quota", nil)
	if q.Number("bytes_used") != 0 || q.Number("links_used") != 0 {
		c.Oracle.Fault("everything is purged, and the quota says %s", q.Raw)
	}
}

func (c *caller) list(path string, into any) {
	a := c.Ask(c.ctx, c.Oracle, 0, c.key, "GET", path, nil)
	if err := json.Unmarshal(a.Raw, into); err != nil || a.Status != http.StatusOK {
		c.Oracle.Fault("list: %d, %v", a.Status, err)
	}
}
