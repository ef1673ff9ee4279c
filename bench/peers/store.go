package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// storeCommand makes this program a store of one file: store FILE ADDR LATENCY ETAG.
const storeCommand = "store"

// reads is what a store was asked for.
type reads struct{ Gets, Bytes int64 }

func (r reads) minus(earlier reads) reads {
	return reads{r.Gets - earlier.Gets, r.Bytes - earlier.Bytes}
}

// serveStore answers every path but one with the file, as S3 answers a GET:
// Range and If-Match are honoured, signatures are not looked at.
func serveStore(args []string) error {
	if len(args) != 4 {
		return errors.New("usage: peers store FILE ADDR LATENCY ETAG")
	}
	latency, err := time.ParseDuration(args[2])
	if err != nil {
		return fmt.Errorf("serve store: %w", err)
	}
	var gets, sent atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+countTarget, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(reads{gets.Load(), sent.Load()}) // who asks sees what is missing
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		gets.Add(1)
		time.Sleep(latency)
		file, err := os.Open(args[0])
		if err != nil {
			http.Error(w, "no such object", http.StatusNotFound)
			return
		}
		defer file.Close()
		w.Header().Set("ETag", strconv.Quote(args[3]))
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(&metered{w, &sent}, r, "", time.Unix(storedAt, 0), file)
	})
	s := &http.Server{Addr: args[1], Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return s.ListenAndServe()
}

// metered counts the bytes of bodies, and leaves the sending to the kernel.
type metered struct {
	http.ResponseWriter
	sent *atomic.Int64
}

// ReadFrom implements io.ReaderFrom.
func (m *metered) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(m.ResponseWriter, r)
	m.sent.Add(n)
	return n, err
}
