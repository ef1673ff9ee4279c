package database

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"rawlink/internal/tracing"
)

// statements makes spans of statements that run under one. Their text holds no
// value, for all of those are parameters.
type statements struct{}

type spanKey struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, start pgx.TraceQueryStartData) context.Context {
	verb, _, _ := strings.Cut(strings.TrimSpace(start.SQL), " ")
	ctx, span := tracing.Call(ctx, "sql "+strings.ToUpper(verb))
	if span == nil {
		return ctx
	}
	span.Set("db.system.name", "postgresql")
	span.Set("db.query.text", start.SQL)
	return context.WithValue(ctx, spanKey{}, span)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, end pgx.TraceQueryEndData) {
	if span, ok := ctx.Value(spanKey{}).(*tracing.Span); ok {
		span.Fail(end.Err)
		span.End()
	}
}
