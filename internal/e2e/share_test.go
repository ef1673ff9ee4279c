package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// text is a small file's content, different for each caller.
func text(t *testing.T) []byte { return []byte("the content of " + t.Name() + "\n") }

// status is what one edge answers to a GET.
func status(t *testing.T, url string) int {
	t.Helper()
	response, _, err := testsystem.Fetch(t, "GET", url)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// heard is how long an edge may take to hear of a change: less than edge_max_stale, after
// which it would ask without having heard.
const heard = 4 * time.Second

// everywhere waits until all edges answer with a status, and returns how many downloads
// that took.
func everywhere(t *testing.T, s *testsystem.System, path string, want int) (served int64) {
	t.Helper()
	for _, files := range s.Files {
		testsystem.Until(t, heard, fmt.Sprintf("%d on every edge", want), func() error {
			got := status(t, files+path)
			if got == 200 {
				served++
			}
			if got != want {
				return fmt.Errorf("an edge answers %d", got)
			}
			return nil
		})
	}
	return served
}

func testMainJob(t *testing.T, s *testsystem.System) {
	c, content := s.Client(), text(t)
	space := c.Space(t)
	file := c.Upload(t, space, "hello.txt", "text/plain", content, testsystem.Object{"sha256": testsystem.SHA256(content)})
	if got := file.Text("scan_status"); got != "clean" {
		t.Errorf("complete answered scan_status %q; want clean within its short wait", got)
	}
	if got, want := file.Text("sha256"), testsystem.SHA256(content); got != want {
		t.Errorf("sha256 = %q; want %q", got, want)
	}
	id, path := c.Share(t, file.Text("id"), nil)
	for _, files := range s.Files {
		response, body, err := testsystem.Fetch(t, "GET", files+path)
		if err != nil || response.StatusCode != 200 || !bytes.Equal(body, content) {
			t.Fatalf("GET = %v, %v, %q; want the uploaded bytes", response, err, body)
		}
	}
	list := c.Must(t, 200, "GET", "/shares?file_id="+file.Text("id"), nil)
	if len(list.List) != 1 || list.List[0]["id"] != id {
		t.Fatalf("list = %s; want the one share", list.Raw)
	}
	if _, shown := list.List[0]["url"]; shown || bytes.Contains(list.Raw, []byte(path)) {
		t.Error("the list shows the link again")
	}
	if one := c.Must(t, 200, "GET", "/shares/"+id, nil); bytes.Contains(one.Raw, []byte(path)) {
		t.Error("the share shows the link again")
	}
	for range 2 { // repeatable
		if revoked := c.Must(t, 200, "DELETE", "/shares/"+id, nil); revoked.Body["revoked"] != true {
			t.Errorf("revoke = %s; want revoked true", revoked.Raw)
		}
	}
	everywhere(t, s, path, 410)
	if got := len(c.Must(t, 200, "GET", "/shares?file_id="+file.Text("id"), nil).List); got != 0 {
		t.Errorf("%d active shares after the revocation; want 0", got)
	}
	if got := len(c.Must(t, 200, "GET", "/shares?include_inactive=true&file_id="+file.Text("id"), nil).List); got != 1 {
		t.Errorf("%d shares with the inactive ones; want 1", got)
	}
}

// testInfected uploads EICAR in one piece and in parts, cut in two by their border. Both
// scanners find it anywhere in a file; most find it only at the beginning of a short one.
func testInfected(t *testing.T, s *testsystem.System) {
	c := s.Client()
	space := c.Space(t)
	after := func(n int) []byte { return append(bytes.Repeat([]byte("x"), n), testenv.EICAR()...) }
	parts := append(after(5<<20-30), make([]byte, 2<<20)...)
	for what, id := range map[string]string{
		"one piece": c.Upload(t, space, "virus.txt", "text/plain", after(70_000), nil).Text("id"),
		"parts":     sendParts(t, c, space, "virus.bin", parts),
	} {
		testsystem.Until(t, 20*time.Second, "infected", func() error {
			if got := c.Must(t, 200, "GET", "/files/"+id, nil).Text("scan_status"); got != "infected" {
				return fmt.Errorf("%s: scan_status %s", what, got)
			}
			return nil
		})
		refused := c.Must(t, 409, "POST", "/shares", testsystem.Object{"file_id": id})
		if want := "File is not shareable (scan_status='infected'); must be 'clean'."; refused.Detail() != want {
			t.Errorf("%s: detail = %q; want %q", what, refused.Detail(), want)
		}
		c.Must(t, 409, "GET", "/files/"+id+"/download", nil)
	}
}

func testExpiry(t *testing.T, s *testsystem.System) {
	c := s.Client()
	file := c.CleanFile(t, c.Space(t), "soon.txt", "text/plain", text(t))
	ends := time.Now().Add(6 * time.Second).UTC()
	_, path := c.Share(t, file, testsystem.Object{"expires_at": ends.Format(time.RFC3339)})
	for _, files := range s.Files {
		response, _, err := testsystem.Fetch(t, "GET", files+path)
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("before the end: %v, %v; want 200", response, err)
		}
		if got := response.Header.Get("Cache-Control"); got != "private, no-store" {
			t.Errorf("Cache-Control = %q; want private, no-store", got)
		}
		if got := response.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
			t.Errorf("Content-Disposition = %q; want attachment for an expiring link", got)
		}
	}
	testsystem.Until(t, 20*time.Second, "the end", func() error {
		if time.Now().Before(ends) {
			return fmt.Errorf("it is %s", time.Now())
		}
		return nil
	})
	for _, files := range s.Files {
		if got := status(t, files+path); got != 410 {
			t.Errorf("after the end: %d; want 410", got)
		}
	}
	days := c.Must(t, 201, "POST", "/shares", testsystem.Object{"file_id": file, "expires_in_days": 7, "permission": "view"})
	at, err := time.Parse("2006-01-02T15:04:05Z", days.Text("expires_at"))
	if left := time.Until(at); err != nil || left < 7*24*time.Hour-time.Minute || left > 7*24*time.Hour {
		t.Errorf("expires_at = %q (%v); want a time in 7 days", days.Text("expires_at"), err)
	}
}

func testUpdateShare(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: 1}))
	file := c.CleanFile(t, c.Space(t), "a.txt", "text/plain", text(t))
	id, path := c.Share(t, file, nil)
	served := everywhere(t, s, path, 200)
	change := func(want int, fields testsystem.Object) *testsystem.Answer {
		t.Helper()
		return c.Must(t, want, "PATCH", "/shares/"+id, fields)
	}
	ends := time.Now().Add(5 * time.Second)
	change(200, testsystem.Object{"expires_at": ends.UTC().Format(time.RFC3339)})
	time.Sleep(time.Until(ends))
	served += everywhere(t, s, path, 410) // shortened
	if got := change(200, testsystem.Object{"expires_in_days": nil}); got.Body["expires_at"] != nil {
		t.Errorf("expires_at = %v; want null", got.Body["expires_at"])
	}
	served += everywhere(t, s, path, 200)

	counted(t, c, id, served, 20*time.Second) // what comes later is part of a cap, too
	most := served + 1
	if got := change(200, testsystem.Object{"max_downloads": most}); got.Number("max_downloads") != most || got.Body["expires_at"] != nil {
		t.Errorf("a cap was set: %s", got.Raw)
	}
	for _, files := range s.Files { // every edge has heard of the cap
		testsystem.Until(t, heard, "the one download that is left", func() error {
			if response, _, err := testsystem.Fetch(t, "HEAD", files+path); err != nil || response.Header.Get("Cache-Control") != "no-store" {
				return fmt.Errorf("%v, %w", response, err)
			}
			return nil
		})
	}
	if got := status(t, s.Files[0]+path); got != 200 {
		t.Errorf("below the cap: %d; want 200", got)
	}
	everywhere(t, s, path, 410)

	other, _ := c.Share(t, file, nil) // the used-up link left its place
	overQuota(t, c.Do(t, "PATCH", "/shares/"+id, testsystem.Object{"max_downloads": most + 1}), `{"limit":1,"requested":1,"resource":"links","used":1}`)
	c.Must(t, 200, "DELETE", "/shares/"+other, nil)
	change(200, testsystem.Object{"max_downloads": most + 1})
	testsystem.Until(t, heard, "one more download", func() error {
		if got := status(t, s.Files[0]+path); got != 200 {
			return fmt.Errorf("an edge answers %d", got)
		}
		return nil
	})
	everywhere(t, s, path, 410)
	c.Must(t, 200, "DELETE", "/shares/"+id, nil)
	change(409, testsystem.Object{"max_downloads": nil})
}

func testLifecycle(t *testing.T, s *testsystem.System) {
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	content := text(t)
	space := c.Space(t)
	file := c.CleanFile(t, space, "a.txt", "text/plain", content)
	id, path := c.Share(t, file, nil)
	everywhere(t, s, path, 200)

	if trashed := c.Must(t, 200, "DELETE", "/files/"+file, nil); trashed.Text("deleted_at") == "" {
		t.Errorf("deleted_at is not set: %s", trashed.Raw)
	}
	everywhere(t, s, path, 404)
	if got := len(c.Must(t, 200, "GET", "/files?space_id="+space, nil).List); got != 0 {
		t.Errorf("%d files listed after the delete; want 0", got)
	}
	if got := len(c.Must(t, 200, "GET", "/files?trash=true&space_id="+space, nil).List); got != 1 {
		t.Errorf("%d files in the trash; want 1", got)
	}
	if got := c.Must(t, 200, "GET", "/quota", nil).Number("bytes_used"); got != int64(len(content)) {
		t.Errorf("bytes_used = %d with the file in the trash; want %d", got, len(content))
	}
	c.Must(t, 404, "POST", "/shares", testsystem.Object{"file_id": file})

	c.Must(t, 200, "POST", "/files/"+file+"/restore", nil)
	everywhere(t, s, path, 200)

	c.Must(t, 204, "DELETE", "/gdpr/files/"+file, nil)
	everywhere(t, s, path, 404)
	c.Must(t, 404, "GET", "/files/"+file, nil)
	c.Must(t, 404, "GET", "/shares/"+id, nil)
	quota := c.Must(t, 200, "GET", "/quota", nil)
	if quota.Number("bytes_used") != 0 || quota.Number("links_used") != 0 {
		t.Errorf("quota after the purge = %s; want nothing used", quota.Raw)
	}
}
