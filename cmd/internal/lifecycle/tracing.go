package lifecycle

import (
	"context"
	"log/slog"
	"time"

	"rawlink/cmd/internal/settings"
	"rawlink/internal/tracing"
)

// lastTraces bounds the sending of what is left at the end.
const lastTraces = 3 * time.Second

// Tracing opens the tracer that the settings describe, nil if they don't; stop
// sends what is left.
func Tracing(ctx context.Context, s *settings.Common, program, instance string, log *slog.Logger) (tracer *tracing.Tracer, stop func(), err error) {
	tracer, err = tracing.Open(ctx, tracing.Config{
		Endpoint: s.OTLPEndpoint, Header: string(s.OTLPHeader), Ratio: s.TraceRatio, Program: program, Instance: instance, Log: log,
	})
	if err != nil {
		return nil, nil, err
	}
	return tracer, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTraces)
		defer cancel()
		if err := tracer.Close(last); err != nil {
			log.WarnContext(ctx, "traces were left unsent", "error", err)
		}
	}, nil
}
