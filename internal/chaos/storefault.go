package chaos

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
)

// StoreFront stands before the object store and can answer for it: with 500, as
// S3 does when it has trouble, or by cutting bodies off half-way.
type StoreFront struct {
	Addr string
	mode atomic.Int32
}

// What a StoreFront does.
const (
	storeWorks  = iota
	storeFails  // answers 500 InternalError
	storeBreaks // sends half of each body and cuts the connection
)

// NewStoreFront stands before the store at endpoint until the test ends.
func NewStoreFront(tb testing.TB, endpoint string) *StoreFront {
	tb.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		tb.Fatal(err)
	}
	f := &StoreFront{}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		// The signature covers the host that the client named; it stays as it is.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
		},
		Transport: transport,
		ModifyResponse: func(r *http.Response) error {
			if f.mode.Load() == storeBreaks && r.Request.Method == http.MethodGet && r.ContentLength > 1 {
				r.Body = &halfBody{ReadCloser: r.Body, left: r.ContentLength / 2}
			}
			return nil
		},
		ErrorLog:     log.New(io.Discard, "", 0), // it breaks bodies off on purpose
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.mode.Load() == storeFails {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>`))
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	f.Addr = server.Listener.Addr().String()
	return f
}

// Set says what it does from now on.
func (f *StoreFront) Set(mode int32) { f.mode.Store(mode) }

// halfBody ends with an error before its end.
type halfBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *halfBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
