// Package wire is an HTTP/1.1 client made for load: one connection, one request at
// a time, answers read into a buffer of the connection's own. It allocates nothing
// per request. Requests are bytes made in advance; bodies are handed over in
// pieces, so that a caller may check, count, slow down or leave.
//
// It is strict where a proof needs it: a body that ends before its length, or an
// answer that is not HTTP, is an error and never a short success.
package wire
