// Package bytecache keeps bytes of immutable objects between readers and an
// object store: small objects whole in RAM, larger ones as slices in files.
//
// What it promises. A Reader delivers exactly the bytes that were asked for, or
// an error. At most one store read per slice is in progress, however many
// readers wait for it, and they are served while it fills. RAM, disk and store
// reads are bounded by Config, whatever the clients do: a slow reader costs at
// most one buffer, or keeps a small object from being evicted, and never holds up
// a fill or another reader. No damage to a
// file that its metadata or checksum betrays is ever served.
//
// What it refuses to know: shares, requests, HTTP. An object is named by the
// identity of its content, so nothing here is ever stale; Purge is for bytes
// that must go, not for bytes that changed.
//
// How it fails. A store's error reaches the reader wrapped, its kind untouched.
// Trouble of the cache itself costs only its benefit: a slice that is damaged
// is fetched again, and with no room in RAM or on disk bytes pass through. That
// state is in Stats, and ends when its cause does.
//
// A slice on its way:
//
//	Reader → RAM → disk → flight (joined or begun) → tap → store
//	                        ↓ bytes behind a watermark, to all its readers
//	                      memory or a temporary file, kept when complete
//
// Memory rule: bytes in a Chunk belong to the cache and are valid until the next
// call on the Reader. Nobody writes to them.
package bytecache
