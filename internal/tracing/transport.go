package tracing

import (
	"errors"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
)

// Transport makes a span of each request that is sent under one, from its first
// byte to the header of its answer. Neither its name nor anything in it is taken
// from the URL but the host: in the rest may be a key or a signature.
type Transport struct {
	Base http.RoundTripper
	Peer string // what is called, such as store; the span's name begins with it
	Pass bool   // the peer goes on with the trace
}

var errStatus = errors.New("server error")

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := Call(r.Context(), t.Peer+" "+r.Method)
	if span == nil {
		return t.Base.RoundTrip(r)
	}
	defer span.End()
	span.Set("http.request.method", r.Method)
	span.Set("server.address", r.URL.Host)
	r = r.Clone(ctx)
	if t.Pass {
		parent.Inject(ctx, propagation.HeaderCarrier(r.Header))
	}
	response, err := t.Base.RoundTrip(r)
	if err != nil {
		span.Fail(err)
		return nil, err
	}
	span.SetInt("http.response.status_code", int64(response.StatusCode))
	if response.StatusCode >= http.StatusInternalServerError {
		span.Fail(errStatus)
	}
	return response, nil
}

// CloseIdleConnections lets http.Client reach the transport's own.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.Base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
