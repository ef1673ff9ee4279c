// Package tracing makes OpenTelemetry traces of requests and sends them by
// OTLP/HTTP. It is the only importer of OpenTelemetry.
//
// Off, which is the default, there is no Tracer: its nil pointer samples nothing,
// and what is under no span begins none, so code that makes spans asks nobody
// whether tracing is on. Whether a request is traced is decided once, at its start
// and without an allocation; what follows may allocate.
//
// A span is named by what is done, never by whom or what for: no URL, path, token,
// key or error text is ever in one. What it holds are ids, sizes, statuses and the
// text of SQL statements, whose values are parameters.
//
// What can't be sent is dropped: the queue is bounded, and a receiver that is down
// or slow costs a line in the log and nothing else.
package tracing
