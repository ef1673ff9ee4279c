package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"rawlink/internal/share"
)

// Span is a piece of a request's work. The nil Span is one that is not recorded.
// Used by one goroutine at a time.
type Span struct{ span trace.Span }

// Inside begins a span within the one that ctx carries; nil if it carries none.
func Inside(ctx context.Context, name string) (context.Context, *Span) {
	return under(ctx, name, trace.SpanKindInternal)
}

// Call is Inside for work that another process does.
func Call(ctx context.Context, name string) (context.Context, *Span) {
	return under(ctx, name, trace.SpanKindClient)
}

// Under returns ctx with the span that another context carries: what is asked for
// several requests is part of the trace of one of them.
func Under(ctx, other context.Context) context.Context {
	span := trace.SpanFromContext(other)
	if !span.SpanContext().IsSampled() {
		return ctx
	}
	return trace.ContextWithSpan(ctx, span)
}

func under(ctx context.Context, name string, kind trace.SpanKind) (context.Context, *Span) {
	above := trace.SpanFromContext(ctx)
	if !above.SpanContext().IsSampled() {
		return ctx, nil
	}
	return start(ctx, above.TracerProvider().Tracer(scope), name, kind)
}

func start(ctx context.Context, tracer trace.Tracer, name string, kind trace.SpanKind) (context.Context, *Span) {
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, &Span{span}
}

// End ends the span.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}

// Name names the span anew, once it is known what it is.
func (s *Span) Name(name string) {
	if s != nil {
		s.span.SetName(name)
	}
}

// Set notes a word about the work.
func (s *Span) Set(key, value string) {
	if s != nil {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// SetInt notes a number.
func (s *Span) SetInt(key string, value int64) {
	if s != nil {
		s.span.SetAttributes(attribute.Int64(key, value))
	}
}

// Fail marks the span as failed if there is an error: with its kind, for its text
// may say more than a trace is to hold.
func (s *Span) Fail(err error) {
	if s != nil && err != nil {
		s.span.SetStatus(codes.Error, share.KindOf(err).String())
	}
}

// parent reads and writes the traceparent header of W3C's Trace Context.
var parent propagation.TraceContext
