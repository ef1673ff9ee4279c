package seed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client speaks to the origin's API with one key. Safe for concurrent use.
type Client struct {
	api  string // base URL
	key  string
	http *http.Client
	note func(format string, args ...any)
}

// NewClient returns a client. note is told what takes long, such as a rate limit
// that is waited out. The client is to be closed.
func NewClient(api, key string, note func(format string, args ...any)) *Client {
	return &Client{api: api, key: key, note: note, http: &http.Client{
		Timeout: 5 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16, ResponseHeaderTimeout: 60 * time.Second},
	}}
}

// Close gives back idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Refusal is an answer other than 2xx.
type Refusal struct {
	What       string // method and path without ids
	Status     int
	Detail     string
	retryAfter time.Duration
}

func (r *Refusal) Error() string {
	advice := ""
	switch r.Status {
	case http.StatusUnauthorized:
		advice = ": the key is not one of this origin's; see --key"
	case http.StatusPaymentRequired:
		advice = ": the tenant's quota has no room; raise it or ask for less"
	}
	return fmt.Sprintf("%s: status %d (%s)%s", r.What, r.Status, r.Detail, advice)
}

// StatusOf returns the status of a refusal, 0 for any other error.
func StatusOf(err error) int {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// patience is how often a rate limit is waited out for one request.
const patience = 20

// Call sends one request and reads its answer into result, unless that is nil.
// what names it in errors. A rate limit is waited out.
func (c *Client) Call(ctx context.Context, what, method, path string, body, result any) error {
	for try := 1; ; try++ {
		err := c.once(ctx, what, method, path, body, result)
		var r *Refusal
		if !errors.As(err, &r) || r.Status != http.StatusTooManyRequests || try == patience {
			return err
		}
		c.note("%s: the key's rate limit is reached; going on in %v (raise --limit-* at the origin to be faster)", what, r.retryAfter)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.retryAfter):
		}
	}
}

func (c *Client) once(ctx context.Context, what, method, path string, body, result any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.api+"/api/v1"+path, reader)
	if err != nil {
		return fmt.Errorf("%s: the API's URL can't be used", what)
	}
	req.Header.Set("X-API-Key", c.key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, what, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	switch {
	case err != nil:
		return fmt.Errorf("%s: the answer broke off: %w", what, bare(err))
	case resp.StatusCode/100 != 2:
		return refusal(what, resp, text)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(text, result); err != nil {
		return fmt.Errorf("%s: %s does not answer as an origin does: its body is not the JSON that was expected", what, c.api)
	}
	return nil
}

func (c *Client) unreachable(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%s: no answer from the origin at %s: %w", what, c.api, bare(err))
}

// bare takes the URL off an error of net/http: a signed one is a credential.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func refusal(what string, resp *http.Response, text []byte) error {
	r := &Refusal{What: what, Status: resp.StatusCode, Detail: resp.Status, retryAfter: time.Second}
	var said struct{ Detail any }
	if json.Unmarshal(text, &said) == nil && said.Detail != nil {
		r.Detail = fmt.Sprint(said.Detail)
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		r.retryAfter = time.Duration(min(max(seconds, 1), 120)) * time.Second
	}
	return r
}
