package seed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Object is a stored file.
type Object struct {
	Content
	FileID string
	SHA256 string // hex
	ETag   string // as the edge sends it
}

// Link is a raw link to an object.
type Link struct {
	ID     string
	Path   string // of its URL: a credential
	Object *Object
	Cap    int64 // 0 = none
}

// contentType is shown as an attachment by every edge, and never compressed.
const contentType = "application/octet-stream"

// Ticket is an upload that was begun.
type Ticket struct {
	Mode      string            `json:"mode"`
	FileID    string            `json:"file_id"`
	Key       string            `json:"key"`
	UploadURL string            `json:"upload_url"`
	Headers   map[string]string `json:"headers"`
	UploadID  *string           `json:"upload_id"`
	PartSize  int64             `json:"part_size"`
	PartURLs  []struct {
		PartNumber int    `json:"part_number"`
		URL        string `json:"url"`
	} `json:"part_urls"`
}

type partDone struct {
	PartNumber int
	ETag       string
}

// cleanWithin bounds the wait for a file's verdict.
const cleanWithin = 5 * time.Minute

// Upload stores content as a file and waits until it is clean. made is called as
// soon as there may be something to remove.
func (c *Client) Upload(ctx context.Context, space, name string, content Content, made func(fileID string)) (*Object, error) {
	o := &Object{Content: content, SHA256: content.SHA256()}
	o.ETag = `"` + o.SHA256 + `"`
	var err error
	o.FileID, err = c.Store(ctx, space, name, Bytes{content, content.Size, o.SHA256}, made)
	return o, err
}

// Bytes are what a file is made of.
type Bytes struct {
	io.ReaderAt
	Size   int64
	SHA256 string // hex
}

// Store is Upload for bytes from anywhere.
func (c *Client) Store(ctx context.Context, space, name string, b Bytes, made func(fileID string)) (fileID string, err error) {
	var t Ticket
	if err := c.Call(ctx, "begin an upload", "POST", "/uploads/initiate", map[string]any{
		"original_name": name, "content_type": contentType, "size": b.Size, "space_id": space,
	}, &t); err != nil {
		return "", err
	}
	made(t.FileID)
	parts, err := c.send(ctx, &t, b)
	if err != nil {
		return "", err
	}
	complete := map[string]any{"file_id": t.FileID, "key": t.Key, "sha256": b.SHA256}
	if parts != nil {
		complete["upload_id"], complete["parts"] = t.UploadID, parts
	}
	if err := c.Call(ctx, "complete an upload", "POST", "/uploads/complete", complete, nil); err != nil {
		return "", err
	}
	return t.FileID, c.awaitClean(ctx, t.FileID)
}

// send puts the bytes where the ticket says, in one piece or in parts.
func (c *Client) send(ctx context.Context, t *Ticket, b Bytes) ([]partDone, error) {
	if t.Mode != "multipart" {
		_, err := c.put(ctx, t.UploadURL, t.Headers, io.NewSectionReader(b, 0, b.Size), b.Size)
		return nil, err
	}
	parts := make([]partDone, 0, len(t.PartURLs))
	for _, part := range t.PartURLs {
		from := int64(part.PartNumber-1) * t.PartSize
		to := min(from+t.PartSize, b.Size)
		etag, err := c.put(ctx, part.URL, nil, io.NewSectionReader(b, from, to-from), to-from)
		if err != nil {
			return nil, err
		}
		parts = append(parts, partDone{part.PartNumber, etag})
	}
	return parts, nil
}

func (c *Client) put(ctx context.Context, to string, headers map[string]string, body io.Reader, size int64) (etag string, err error) {
	const what = "send an upload's bytes"
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, to, body)
	if err != nil {
		return "", fmt.Errorf("%s: the ticket's URL can't be used", what)
	}
	req.ContentLength = size
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, bare(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // for the connection's next use
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: the store answers %d", what, resp.StatusCode)
	}
	return resp.Header.Get("ETag"), nil
}

func (c *Client) awaitClean(ctx context.Context, fileID string) error {
	end := time.Now().Add(cleanWithin)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		var file struct {
			Status string  `json:"scan_status"`
			Detail *string `json:"scan_detail"`
		}
		if err := c.Call(ctx, "ask for a verdict", "GET", "/files/"+fileID, nil, &file); err != nil {
			return err
		}
		switch {
		case file.Status == "clean":
			return nil
		case file.Status == "infected":
			return fmt.Errorf("file %s was found infected: made-up bytes resemble something", fileID)
		case time.Now().After(end):
			return fmt.Errorf("file %s is %s after %v: is the scanner up?", fileID, file.Status, cleanWithin)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// Share mints a link; most is its cap, 0 for none.
func (c *Client) Share(ctx context.Context, o *Object, most int64) (*Link, error) {
	l, err := c.Mint(ctx, o.FileID, most)
	if err == nil {
		l.Object = o
	}
	return l, err
}

// Mint is Share for a file that is known by its id alone.
func (c *Client) Mint(ctx context.Context, fileID string, most int64) (*Link, error) {
	body := map[string]any{"file_id": fileID}
	if most > 0 {
		body["max_downloads"] = most
	}
	var made struct{ ID, URL string }
	if err := c.Call(ctx, "mint a link", "POST", "/shares", body, &made); err != nil {
		return nil, err
	}
	at, err := url.Parse(made.URL)
	if err != nil || at.Path == "" {
		return nil, fmt.Errorf("link %s: its URL can't be read", made.ID) // the cause would quote it
	}
	return &Link{ID: made.ID, Path: at.Path, Cap: most}, nil
}

// Revoke ends a link.
func (c *Client) Revoke(ctx context.Context, l *Link) error {
	return c.Call(ctx, "revoke a link", "DELETE", "/shares/"+l.ID, nil, nil)
}
