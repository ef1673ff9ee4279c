// Package originclient is an edge's way to the origin's internal API: records
// that no cache holds, downloads of capped shares, and taking over counts. It
// speaks plain HTTP on a private network and authenticates with a shared secret.
//
// Every method is one attempt, as far as the caller can tell; all of them may be
// repeated, since the origin recognises what it has answered before.
package originclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/tracing"
)

// Client talks to one internal API. Safe for concurrent use.
type Client struct {
	base   string
	secret string
	http   *http.Client
}

// The connections to the origin, and the limit of one request that comes with no
// shorter one.
const (
	idleConns   = 64
	idleTimeout = 60 * time.Second
	limit       = 5 * time.Second
)

// maxRecord bounds an answer, in bytes.
const maxRecord = 64 << 10

// New returns a client of the internal API at base, such as
// http://origin.internal:8084.
func New(base, secret string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = idleConns, idleConns, idleTimeout
	return &Client{
		base:   strings.TrimSuffix(base, "/") + "/internal/v1",
		secret: secret,
		http:   &http.Client{Transport: &tracing.Transport{Base: transport, Peer: "origin", Pass: true}, Timeout: limit},
	}
}

// Record returns the record of the share with this token hash. Kinds: NotFound,
// Unavailable.
func (c *Client) Record(ctx context.Context, hash share.Hash) (share.Record, error) {
	raw, err := c.do(ctx, "look up record", http.MethodGet, "/records/"+hash.String(), nil)
	if err != nil {
		return share.Record{}, err
	}
	record, err := share.DecodeRecord(raw)
	if err != nil { // from something in between, or from an origin of another version
		return share.Record{}, share.E(share.Unavailable, "look up record", err)
	}
	return record, nil
}

// Redeem takes downloads of a capped share from its ceiling. The same ask may be
// put again and gets the same answer. Kinds: Gone if the share has ended,
// Unavailable if it is not known what was answered.
func (c *Client) Redeem(ctx context.Context, shareID string, ask share.Ask) (grant share.Grant, err error) {
	raw, err := c.post(ctx, "redeem", "/redeem/"+shareID, ask)
	if err != nil {
		return grant, err
	}
	if err := json.Unmarshal(raw, &grant); err != nil {
		return grant, share.E(share.Unavailable, "redeem", errors.New("the origin's answer is not a grant"))
	}
	return grant, nil
}

// Settle says what was served of blocks. It may be repeated.
func (c *Client) Settle(ctx context.Context, uses []share.Use) error {
	_, err := c.post(ctx, "settle", "/uses", uses)
	return err
}

// AddDownloads hands a batch of counts over. It may be repeated until it
// succeeds.
func (c *Client) AddDownloads(ctx context.Context, batch share.Batch) error {
	_, err := c.post(ctx, "hand over counts", "/counts", batch)
	return err
}

// Purged returns the purges that follow a number of the log.
func (c *Client) Purged(ctx context.Context, after int64) (share.Purges, error) {
	raw, err := c.do(ctx, "read purges", http.MethodGet, "/purges/"+strconv.FormatInt(after, 10), nil)
	if err != nil {
		return share.Purges{}, err
	}
	var purges share.Purges
	if err := json.Unmarshal(raw, &purges); err != nil {
		return share.Purges{}, share.E(share.Unavailable, "read purges", err)
	}
	return purges, nil
}

func (c *Client) post(ctx context.Context, op, path string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return c.do(ctx, op, http.MethodPost, path, raw)
}

func (c *Client) do(ctx context.Context, op, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.secret)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, share.E(share.Unavailable, op, err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxRecord))
	switch {
	case err != nil:
		return nil, share.E(share.Unavailable, op, err)
	case response.StatusCode < 300:
		return raw, nil
	case response.Header.Get("Content-Type") != "application/json": // not an origin's, whatever it says
	case response.StatusCode == http.StatusNotFound:
		return nil, share.E(share.NotFound, op, nil)
	case response.StatusCode == http.StatusGone:
		return nil, share.E(share.Gone, op, nil)
	}
	return nil, share.E(share.Unavailable, op, errors.New("origin answered "+response.Status))
}

// Check reports whether the origin answers and accepts the secret.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.Record(ctx, share.Hash{})
	if share.KindOf(err) == share.NotFound {
		return nil
	}
	return err
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }
