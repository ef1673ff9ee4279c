// Package disposition renders the Content-Disposition header (RFC 6266) for a
// file name that somebody else chose. Whatever the name contains, the result is
// printable ASCII, can't start another header or parameter, and names a plain
// file: no directory, no hidden file, no text that reads backwards.
//
// It does no I/O and keeps no state.
package disposition
