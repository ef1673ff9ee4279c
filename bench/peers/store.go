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
		http.ServeContent(&metered{w, &sent, time.Now()}, r, "", time.Unix(storedAt, 0), file)
	})
	s := &http.Server{Addr: args[1], Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return s.ListenAndServe()
}

// storeRate is what one GET gets of the store, in bytes a second: about what S3
// gives a single stream. Several at once get several times that.
const storeRate = 100e6

// metered counts the bytes of bodies, and gives them out at the store's rate.
type metered struct {
	http.ResponseWriter
	sent  *atomic.Int64
	began time.Time
}

// ReadFrom implements io.ReaderFrom.
func (m *metered) ReadFrom(r io.Reader) (sum int64, err error) {
	for {
		n, err := io.CopyN(m.ResponseWriter, r, 256<<10)
		sum += n
		m.sent.Add(n)
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		time.Sleep(time.Until(m.began.Add(time.Duration(float64(sum) / storeRate * float64(time.Second)))))
	}
}
