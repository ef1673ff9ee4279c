package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// errVoid means that the figures are worth nothing.
var errVoid = errors.New("the run is void")

// client sees what is sent: no compression, no redirects.
var client = &http.Client{
	Timeout:       60 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableCompression: true},
}

// unlike are the headers that may differ: nginx names itself, and some say that
// the connection stays open.
var unlike = []string{"Connection", "Keep-Alive", "Server"}

// answer is a response, its body reduced to a digest.
type answer struct {
	status  int
	headers []header // sorted by name
	sha256  string
}

func get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(req)
}

// fetch asks for a URL, conditionally if there is an ETag.
func fetch(ctx context.Context, url, etag string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, resp.Body); err != nil {
		return nil, err
	}
	a := &answer{status: resp.StatusCode, sha256: hex.EncodeToString(sum.Sum(nil))}
	for name, values := range resp.Header {
		if !slices.Contains(unlike, name) {
			a.headers = append(a.headers, header{name, strings.Join(values, ", ")})
		}
	}
	slices.SortFunc(a.headers, func(x, y header) int { return strings.Compare(x.Name, y.Name) })
	return a, nil
}

// verify asks a server twice for every object, which warms it, and checks that
// it answers as the edge does: bytes, header names, 304.
func (s *server) verify(ctx context.Context, objects []*object) error {
	s.etags = map[string]string{}
	for _, o := range objects {
		for range 2 {
			if err := s.verifyOne(ctx, o); err != nil {
				return fmt.Errorf("%s does not answer as the edge does: %s: %w", s.name, o.Name, err)
			}
		}
	}
	return nil
}

func (s *server) verifyOne(ctx context.Context, o *object) error {
	whole, err := fetch(ctx, s.base+o.Target, "")
	if err != nil {
		return err
	}
	s.etags[o.Name] = (&object{OK: whole.headers}).Value("Etag")
	again, err := fetch(ctx, s.base+o.Target, s.etags[o.Name])
	switch {
	case err != nil:
		return err
	case whole.status != http.StatusOK || whole.sha256 != o.SHA256:
		return fmt.Errorf("status %d, SHA-256 %s; want 200, %s", whole.status, whole.sha256, o.SHA256)
	case again.status != http.StatusNotModified:
		return fmt.Errorf("If-None-Match: status %d; want 304", again.status)
	}
	if have, want := names(whole.headers), names(o.OK); !slices.Equal(have, want) {
		return fmt.Errorf("headers\n%v; want\n%v", have, want)
	}
	return nil
}

func names(headers []header) []string {
	var all []string
	for _, h := range headers {
		all = append(all, h.Name)
	}
	return all
}
