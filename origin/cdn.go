package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rawlink/internal/share"
	"rawlink/origin/store"
)

// CDN is a cache in front of the edges that is told which answers to drop: each
// carries its share's id in Surrogate-Key and Cache-Tag. The zero value is none.
type CDN struct {
	PurgeURL string // takes a POST; "" = there is none
	Header   string // "Name: value" that authenticates it; may be empty
	Field    string // of the JSON body, with the list of ids: Fastly's surrogate_keys, Cloudflare's tags
}

// cdnLimit bounds one request to the CDN.
const cdnLimit = 15 * time.Second

func (c CDN) validate() error {
	if c.PurgeURL == "" {
		return nil
	}
	target, err := url.Parse(c.PurgeURL)
	if err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http" {
		return errors.New("cdn_purge_url: want an http or https URL")
	}
	if name, _, ok := c.header(); c.Header != "" && (!ok || strings.ContainsAny(name, " \t") || strings.ContainsAny(c.Header, "\r\n")) {
		return errors.New("cdn_purge_header: want NAME: VALUE, as in Fastly-Key: …")
	}
	if c.Field == "" {
		return errors.New("cdn_purge_field: want the JSON field that lists what to purge, such as surrogate_keys or tags")
	}
	return nil
}

func (c CDN) header() (name, value string, ok bool) {
	name, value, ok = strings.Cut(c.Header, ":")
	return strings.TrimSpace(name), strings.TrimSpace(value), ok && strings.TrimSpace(name) != ""
}

// purgeCDN has the CDN drop the answers of a job's shares. Whatever it answers
// but 2xx is tried again: giving up would leave a revoked link in the cache.
func (o *Origin) purgeCDN(ctx context.Context, job *store.Job) error {
	const op = "purge at the CDN"
	cdn := o.config.CDN
	if cdn.PurgeURL == "" { // configured no more
		return nil
	}
	body, err := json.Marshal(map[string][]string{cdn.Field: slices.Collect(strings.FieldsSeq(job.Ref))})
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	ctx, cancel := context.WithTimeout(ctx, cdnLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, cdn.PurgeURL, bytes.NewReader(body))
	if err != nil {
		return share.E(share.Unavailable, op, errors.New("request can't be built")) // the cause would quote the URL
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Surrogate-Key", job.Ref) // for caches that can't read JSON, such as Varnish
	if name, value, ok := cdn.header(); ok {
		request.Header.Set(name, value)
	}
	// A redirection is a mistake in the URL, and could take the secret anywhere.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // without the URL, which may hold a secret
		}
		return share.E(share.Unavailable, op, err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if response.StatusCode/100 != 2 {
		return share.E(share.Unavailable, op, errors.New("it answered "+response.Status))
	}
	return nil
}
