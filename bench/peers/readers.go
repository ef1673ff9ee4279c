package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// readAll runs all readers at once, and waits for them.
func readAll(c *http.Client, j *job, want []byte) (*haul, error) {
	h := &haul{}
	var mu sync.Mutex // guards what follows
	var failed error
	var total, cut atomic.Int64
	var readers sync.WaitGroup
	began := time.Now()
	for i, plan := range j.Plan {
		readers.Go(func() {
			time.Sleep(j.Within * time.Duration(i) / time.Duration(len(j.Plan)))
			for _, s := range plan {
				first, n, err := readOne(c, j, s, want)
				total.Add(n)
				if errors.Is(err, errCut) {
					cut.Add(1)
					err = nil
				}
				mu.Lock()
				h.TTFB = append(h.TTFB, first.Seconds()*1e3)
				failed = cmp.Or(failed, err) // thousands may say the same
				mu.Unlock()
				if err != nil {
					return
				}
				time.Sleep(j.Pause)
			}
		})
	}
	readers.Wait()
	h.Bytes, h.Cut, h.Seconds = total.Load(), cut.Load(), time.Since(began).Seconds()
	return h, failed
}

var errCut = errors.New("body ended early")

// readOne reads one span, and compares it.
func readOne(c *http.Client, j *job, s span, want []byte) (first time.Duration, n int64, err error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, j.URL, nil)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.From, s.From+s.Length-1))
	began := time.Now()
	resp, err := c.Do(req)
	if err != nil {
		return 0, 0, errors.New("no answer") // the cause would quote the URL
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return 0, 0, fmt.Errorf("status %d", resp.StatusCode)
	}
	p := make([]byte, 128<<10)
	if j.SlowBytes != 0 {
		p = p[:4<<10]
	}
	for n < s.Length {
		k, err := resp.Body.Read(p)
		if n == 0 && k > 0 {
			first = time.Since(began)
		}
		if at := s.From + n; at+int64(k) > s.From+s.Length || !bytes.Equal(p[:k], want[at:at+int64(k)]) {
			return first, n, fmt.Errorf("wrong bytes at %d", at)
		}
		n += int64(k)
		switch {
		case err != nil && n < s.Length && (j.SlowBytes != 0):
			return first, n, errCut
		case err != nil && !errors.Is(err, io.EOF), err != nil && n < s.Length:
			return first, n, fmt.Errorf("body broke at %d of %d", n, s.Length)
		}
		if j.SlowBytes != 0 {
			time.Sleep(time.Until(began.Add(time.Duration(float64(n) / float64(j.SlowBytes) * float64(time.Second)))))
			if time.Since(began) > time.Duration(j.Seconds)*time.Second {
				break
			}
		}
	}
	return first, n, nil
}
