package origin

import (
	"net/http"
	"net/netip"

	"rawlink/internal/tracing"
)

// trace begins the request's span, if it is to have one, and gives it to what the
// request asks for.
func (o *Origin) trace(r *http.Request, trusts func(*http.Request) bool) (*http.Request, *tracing.Span) {
	parent := r.Header.Get("Traceparent")
	if !o.Tracer.Wants([]byte(parent), parent != "" && trusts(r)) {
		return r, nil
	}
	ctx, span := o.Tracer.Begin(r.Context(), r.Method, parent)
	return r.WithContext(ctx), span
}

// endSpan ends the span with what the frame has learned; the path may name things.
func endSpan(span *tracing.Span, about *request, status int) {
	span.Name(about.operation)
	span.SetInt("http.response.status_code", int64(status))
	span.Set("rawlink.request", about.id)
	if status >= http.StatusInternalServerError {
		span.Fail(reject(status, ""))
	}
	span.End()
}

// behindProxy reports whether it is a trusted proxy that sends the request.
func (o *Origin) behindProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	return o.trusted(peer.Addr().Unmap())
}
