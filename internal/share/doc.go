// Package share holds the words of Rawlink: token, record, event, count, and
// the kinds of failure that cross package borders. It imports only the
// standard library and does no I/O, so every layer may speak it.
//
// Memory rule: values are plain data. A Record handed out by a cache is shared
// by all readers and must not be changed.
package share
