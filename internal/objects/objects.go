package objects

import (
	"context"
	"io"
	"time"
)

// Limits that both stores keep. They are those of S3.
const (
	MaxPut      = 5 << 30 // bytes of one PUT, whole object or part
	MinPart     = 5 << 20 // bytes of every part but the last
	MaxParts    = 10000
	MaxKey      = 1024               // bytes of a key
	MinLifetime = time.Second        // of a presigned URL
	MaxLifetime = 7 * 24 * time.Hour // of a presigned URL
)

// UnknownSize is the size of what has to be read to its end to know.
const UnknownSize = -1

// PutPart is how much of a Put of unknown or great size is sent at a time, in
// bytes, and so how much of it is in memory.
const PutPart = 16 << 20

// PutSpec says which upload a presigned URL admits.
type PutSpec struct {
	Key         string
	Size        int64         // bytes, signed: the store refuses any other length
	ContentType string        // signed: the store refuses any other; "" admits all
	SHA256      string        // lower-case hex of the content, checked by the store; "" = not known
	Expires     time.Duration // from now, in whole seconds
}

// GetSpec says what a presigned URL gives out.
type GetSpec struct {
	Key         string
	Name        string        // file name to save under, as its owner wrote it
	Disposition string        // disposition.Inline or disposition.Attachment
	ContentType string        // sent with the bytes; "" leaves it to the store
	Expires     time.Duration // from now, in whole seconds
}

// Signed is a presigned URL: a credential until it expires. Don't log it.
type Signed struct {
	URL     string
	Headers map[string]string // which the client must send beside Content-Length; never nil
	Expires time.Time
}

// Part names one uploaded part of a multipart upload.
type Part struct {
	Number int    // 1 to MaxParts
	ETag   string // as the store answered its PUT; with quotes or without
}

// Info is what the store knows of an object.
type Info struct {
	Size     int64     // bytes
	ETag     string    // version of the bytes, without quotes; opaque
	SHA256   string    // lower-case hex; "" if the store doesn't know it
	Modified time.Time // when these bytes were stored
}

// Store is the contract of Local and S3, both safe for concurrent use. Consumers
// declare the few methods they need.
//
// Keys are UTF-8, 1 to MaxKey bytes, made of segments between single slashes;
// none is empty, "." or "..". Control characters and backslashes are refused. A
// key or spec that breaks a rule is share.Invalid. Whatever the store itself does
// wrong, such as not answering in time, is share.Unavailable.
type Store interface {
	// PresignPut returns the URL to which a client PUTs the whole object. The PUT
	// answers with the object's ETag and replaces the object of that key, if any,
	// at once and whole. The client sends Content-Type and Content-Length; further
	// headers are in Signed.Headers only if spec.SHA256 is given. It does no I/O.
	//
	// An upload that breaks off leaves nothing at Local and at AWS, but some
	// servers keep the bytes that came (versitygw 1.8 does). So whoever takes an
	// upload for complete compares Head's Size with the size signed.
	PresignPut(ctx context.Context, spec PutSpec) (Signed, error)

	// Put stores what r gives, to its end, under key, replacing what is there, and
	// returns what the store then knows of it. size is r's length in bytes, or
	// UnknownSize; an r that gives more or less than size fails with
	// share.Changed. contentType may be "". Memory is one part (PutPart) at most.
	//
	// An error of r comes back as it is, findable by errors.Is. After any error
	// the key may hold nothing, what it held before, or at some servers a
	// beginning of r: whoever gives up deletes it.
	Put(ctx context.Context, key, contentType string, size int64, r io.Reader) (Info, error)

	// StartParts begins a multipart upload and returns its id. Only Key and
	// ContentType of the spec count: no store can hold the sum of parts to a
	// digest or length, so a SHA256 is share.Invalid instead of being ignored, and
	// the caller compares Head with what was promised.
	StartParts(ctx context.Context, spec PutSpec) (uploadID string, err error)

	// PresignPart returns the URL to which a client PUTs one part, again with the
	// length signed and no header required. It does no I/O: an unknown upload is
	// refused when the part arrives.
	PresignPart(ctx context.Context, key, uploadID string, number int, size int64, expires time.Duration) (Signed, error)

	// CompleteParts puts the object together from the parts listed, in ascending
	// order. A list that is empty or out of order, a part that is missing, too
	// small or of another ETag is share.Invalid, and the upload lives on.
	//
	// Repeating it after a success changes nothing and answers nil or
	// share.NotFound, as the store pleases; share.NotFound is also the answer for
	// an upload that was aborted or never was. Head tells these apart, for a key
	// that is used once.
	CompleteParts(ctx context.Context, key, uploadID string, parts []Part) error

	// AbortParts ends a multipart upload and frees its parts. Aborting what isn't
	// there succeeds.
	AbortParts(ctx context.Context, key, uploadID string) error

	// OpenParts calls visit for each multipart upload that began before a time and
	// was neither completed nor aborted, until visit fails. visit may abort it.
	OpenParts(ctx context.Context, before time.Time, visit func(key, uploadID string) error) error

	// PresignGet returns the URL from which a client GETs the object, whichever
	// version is current then. It does no I/O.
	PresignGet(ctx context.Context, spec GetSpec) (Signed, error)

	// Head describes the current object; share.NotFound if there is none.
	Head(ctx context.Context, key string) (Info, error)

	// Open returns a reader of the n bytes from offset from, of the version that
	// etag names. It fails with share.NotFound if there is no object,
	// share.Changed if there is another version, share.NotSatisfiable if the span
	// isn't wholly inside, in this order. n == 0 is fine anywhere up to the end.
	//
	// The reader gives exactly n bytes of that version and then io.EOF, or fails:
	// with io.ErrUnexpectedEOF if the store has no more. Cancelling ctx fails the
	// reads that follow. The caller closes the reader, at any time; closing early
	// ends the read at the store. One goroutine at a time may use it.
	Open(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error)

	// Settle moves the version etag of key to another key, whole or not at all. A
	// presigned PUT names one key for as long as its URL lives; bytes under another
	// one are out of its reach. It fails with share.NotFound if there is no object
	// under key, and share.Changed if there is another version.
	Settle(ctx context.Context, key, etag, to string) error

	// Delete removes the object. Deleting what isn't there succeeds. Bytes that a
	// reader has open may still be read to their end.
	Delete(ctx context.Context, key string) error

	// Check returns nil if the store can be used now: the readiness probe.
	Check(ctx context.Context) error
}
