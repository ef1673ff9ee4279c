package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

// partner uploads and shares through the API, as a partner would.
type partner struct{ api, key string }

// cleanWithin bounds the wait for a file's verdict.
const cleanWithin = 60 * time.Second

// publish uploads the object, waits until it is clean, and shares it for good.
func (p *partner) publish(ctx context.Context, space string, o *object) error {
	var ticket struct {
		FileID    string            `json:"file_id"`
		Key       string            `json:"key"`
		UploadURL string            `json:"upload_url"`
		Headers   map[string]string `json:"headers"`
	}
	if err := p.call(ctx, "POST", "/uploads/initiate", map[string]any{
		"original_name": o.Name + ".bin", "content_type": "application/octet-stream", "size": o.Size, "space_id": space,
	}, &ticket); err != nil {
		return err
	}
	if err := put(ctx, ticket.UploadURL, ticket.Headers, o); err != nil {
		return err
	}
	if err := p.call(ctx, "POST", "/uploads/complete", map[string]any{"file_id": ticket.FileID, "key": ticket.Key}, nil); err != nil {
		return err
	}
	if err := p.awaitClean(ctx, ticket.FileID); err != nil {
		return err
	}
	var share struct {
		URL string `json:"url"`
	}
	if err := p.call(ctx, "POST", "/shares", map[string]any{"file_id": ticket.FileID}, &share); err != nil {
		return err
	}
	link, err := url.Parse(share.URL)
	if err != nil {
		return fmt.Errorf("share %s: its URL can't be read", o.Name) // the cause would quote it
	}
	o.Target = link.Path
	return nil
}

func (p *partner) awaitClean(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, cleanWithin)
	defer cancel()
	for {
		var file struct {
			Status string `json:"scan_status"`
		}
		if err := p.call(ctx, "GET", "/files/"+id, nil, &file); err != nil {
			return fmt.Errorf("wait for verdict: %w", err)
		}
		if file.Status == "clean" {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// call sends one request and reads its answer into result, unless that is nil.
func (p *partner) call(ctx context.Context, method, path string, body, result any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.api+"/api/v1"+path, reader)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("X-API-Key", p.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("%s %s: status %d: %.300s", method, path, resp.StatusCode, text)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(text, result); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func put(ctx context.Context, url string, headers map[string]string, o *object) error {
	file, err := os.Open(o.File)
	if err != nil {
		return fmt.Errorf("upload %s: %w", o.Name, err)
	}
	defer file.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, file)
	if err != nil {
		return fmt.Errorf("upload %s: the ticket's URL can't be used", o.Name)
	}
	req.ContentLength = o.Size
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("upload %s: no answer", o.Name) // the cause would quote the signed URL
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("upload %s: status %d", o.Name, resp.StatusCode)
	}
	return nil
}
