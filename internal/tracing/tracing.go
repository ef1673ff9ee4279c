package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says where traces go.
type Config struct {
	Endpoint string  // URL of an OTLP/HTTP receiver; "" = tracing is off
	Header   string  // NAME: VALUE, for a receiver that asks who sends; secret
	Ratio    float64 // of the requests that begin a trace here, from 0 to 1
	Program  string
	Instance string // which of the processes of this program
	Log      *slog.Logger
}

// Tracer begins traces. The nil Tracer begins none. Safe for concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	ratio    float64
}

const (
	scope     = "rawlink"
	sendLimit = 5 * time.Second // of one batch
)

// Open returns a tracer, or nil if there is no endpoint. It does no I/O. Close it
// at the end.
func Open(ctx context.Context, cfg Config) (*Tracer, error) {
	if cfg.Endpoint == "" {
		return nil, nil
	}
	options, err := cfg.exporter()
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("open tracing: %w", err)
	}
	// OpenTelemetry tells of what it can't send by a function of the process alone.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		cfg.Log.Warn("traces are not sent", "error", err)
	}))
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.AlwaysSample()), // Wants has decided
		sdk.WithBatcher(exporter),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.namespace", "rawlink"),
			attribute.String("service.name", "rawlink-"+cfg.Program),
			attribute.String("service.instance.id", cfg.Instance),
		)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer(scope), ratio: cfg.Ratio}, nil
}

func (cfg *Config) exporter() ([]otlptracehttp.Option, error) {
	at, err := url.Parse(cfg.Endpoint)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil {
		return nil, errors.New("otlp_endpoint: want an http or https URL without credentials, such as http://127.0.0.1:4318")
	}
	if at.Path == "" || at.Path == "/" {
		at.Path = "/v1/traces"
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(at.String()), otlptracehttp.WithTimeout(sendLimit)}
	if cfg.Header == "" {
		return options, nil
	}
	name, value, ok := strings.Cut(cfg.Header, ":")
	if !ok || strings.TrimSpace(name) == "" {
		return nil, errors.New("otlp_header: want NAME: VALUE")
	}
	return append(options, otlptracehttp.WithHeaders(map[string]string{strings.TrimSpace(name): strings.TrimSpace(value)})), nil
}

// Close sends what is left, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// parentLen is the length of a traceparent header of version 00, whose last digits
// are the flags: 00-<32 digits>-<16 digits>-<2 digits>.
const parentLen = 55

// Wants decides whether a request is traced, from its traceparent header. A caller
// that is trusted has decided for us; anybody else could have every request of
// theirs traced, so the ratio decides. It does not allocate.
func (t *Tracer) Wants(traceparent []byte, trusted bool) bool {
	switch {
	case t == nil:
		return false
	case trusted && len(traceparent) >= parentLen:
		return strings.IndexByte("13579bdf", traceparent[parentLen-1]) >= 0
	}
	return rand.Float64() < t.ratio //nolint:gosec // a sample, not a secret
}

// Begin begins the span of a request that is wanted, as a part of the trace that
// its traceparent header names, if it names one.
func (t *Tracer) Begin(ctx context.Context, name, traceparent string) (context.Context, *Span) {
	return start(parent.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent}), t.tracer, name, trace.SpanKindServer)
}

// Job begins the trace of work that nobody waits for, as often as the ratio says.
func (t *Tracer) Job(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil || rand.Float64() >= t.ratio { //nolint:gosec // a sample, not a secret
		return ctx, nil
	}
	return start(ctx, t.tracer, name, trace.SpanKindInternal)
}
