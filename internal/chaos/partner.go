package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// Answer is what the API said. Status 0 is no answer at all.
type Answer struct {
	Status int
	Raw    []byte
	Body   map[string]any
}

// Text returns a string field.
func (a Answer) Text(field string) string { s, _ := a.Body[field].(string); return s }

// Number returns a numeric field.
func (a Answer) Number(field string) int64 { n, _ := a.Body[field].(float64); return int64(n) }

// Ask sends one request to an origin. Whatever fails, an origin answers 2xx, a
// refusal below 500, or 503 with advice when to ask again; the oracle notes
// anything else.
func (w *World) Ask(ctx context.Context, o *Oracle, origin int, key, method, path string, body any) Answer {
	raw, err := json.Marshal(body)
	if err != nil || body == nil {
		raw = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, w.APIs[origin]+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		o.Fault("request: %v", err)
		return Answer{}
	}
	req.Header.Set("X-API-Key", key)
	if raw != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := w.user.Do(req)
	if err != nil {
		return Answer{}
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode}
	if a.Raw, err = io.ReadAll(resp.Body); err != nil {
		return Answer{}
	}
	_ = json.Unmarshal(a.Raw, &a.Body) // lists are read from Raw
	if a.Status >= 500 && (a.Status != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "") {
		where, _, _ := strings.Cut(path[1:], "/")
		o.Fault("origin %d: %s /%s answers %d %.200s, Retry-After %q", origin, method, where, a.Status, a.Raw, resp.Header.Get("Retry-After"))
	}
	return a
}

// Insist asks one origin after the other until one answers with this status.
func (w *World) Insist(o *Oracle, status int, method, path string, body any) Answer {
	w.tb.Helper()
	var a Answer
	testsystem.Until(w.tb, recovery, method+" answered", func() error {
		for i := range Origins {
			if a = w.Ask(context.Background(), o, i, w.Key, method, path, body); a.Status == status {
				return nil
			}
		}
		return fmt.Errorf("%d %.200s; want %d", a.Status, a.Raw, status)
	})
	return a
}

// File is a stored file.
type File struct {
	ID   string
	Body []byte
}

// Upload stores content of this size, drawn from the seed, and waits until it is
// clean. Everything must work.
func (w *World) Upload(size int) *File {
	w.tb.Helper()
	c := w.System.As(w.Key)
	body := w.content(size)
	if w.Key == "" {
		w.tb.Fatal("no key")
	}
	return &File{ID: c.CleanFile(w.tb, c.Space(w.tb), "chaos.bin", "application/octet-stream", body), Body: body}
}

// content draws bytes that repeat nowhere.
func (w *World) content(size int) []byte {
	body := make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		v := w.Rand.Uint64()
		for j := range 8 {
			body[i+j] = byte(v >> (8 * j))
		}
	}
	return body
}

// Share makes a link, which the oracle then watches.
func (w *World) Share(o *Oracle, file *File, fields testsystem.Object) *Link {
	w.tb.Helper()
	body := testsystem.Object{"file_id": file.ID}
	for name, value := range fields {
		body[name] = value
	}
	return w.made(o, file, w.Insist(o, http.StatusCreated, "POST", "/shares", body))
}

// Capped makes a link with this many downloads.
func (w *World) Capped(o *Oracle, file *File, most int64) *Link {
	w.tb.Helper()
	return w.Share(o, file, testsystem.Object{"max_downloads": most})
}

// made is the link that the API answered with.
func (w *World) made(o *Oracle, file *File, a Answer) *Link {
	_, token, _ := strings.Cut(a.Text("url"), "/s/")
	l := &Link{ID: a.Text("id"), Path: "/s/" + token, Cap: a.Number("max_downloads"), Body: file.Body}
	o.Watch(l)
	return l
}

// Revoke revokes a link, at whichever origin answers, and notes when that was
// acknowledged.
func (w *World) Revoke(l *Link) {
	w.tb.Helper()
	w.Insist(&Oracle{}, http.StatusOK, "DELETE", "/shares/"+l.ID, nil)
	l.Ended(time.Now())
}

// Counted is a link's download_count, from the API.
func (w *World) Counted(tb testing.TB, l *Link) int64 {
	tb.Helper()
	return w.Insist(&Oracle{}, http.StatusOK, "GET", "/shares/"+l.ID, nil).Number("download_count")
}
