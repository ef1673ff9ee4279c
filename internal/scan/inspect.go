package scan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/gabriel-vasile/mimetype"

	"rawlink/internal/share"
)

// Report is what one pass over stored content found out.
type Report struct {
	Verdict Verdict
	SHA256  string // lower-case hex, of the whole content
	MIME    string // guessed from the first bytes, never from a name; empty content is "text/plain"
	Size    int64  // bytes
}

// Inspect reads r once, to its end, and returns digest, type and the scanner's
// verdict. The content must be exactly size bytes long: a short stream is
// Unavailable (the store broke off), a long one Invalid (it is not the object
// that was recorded). On any error there is no report at all.
//
// Memory is a few buffers, whatever the size. ctx is checked between reads; a
// blocked Read is up to r's owner.
func Inspect(ctx context.Context, r io.Reader, size int64, s Scanner) (Report, error) {
	in := &intake{ctx: ctx, src: r, size: size, sum: sha256.New(), head: make([]byte, 0, sniffSize)}
	verdict, err := s.Scan(ctx, in)
	if in.err != nil { // the root cause, whatever the scanner made of it
		return Report{}, in.err
	}
	if err != nil {
		return Report{}, err
	}
	if err := in.accept(verdict); err != nil {
		return Report{}, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // what an infected file's scanner left unread
		return Report{}, err
	}
	return Report{
		Verdict: verdict,
		SHA256:  hex.EncodeToString(in.sum.Sum(nil)),
		MIME:    mimetype.Detect(in.head).String(),
		Size:    in.read,
	}, nil
}

// sniffSize is how much of the beginning decides the type, in bytes: as much as
// mimetype looks at.
const sniffSize = 3 << 10

// intake is the content on its way to the scanner: it digests and counts what
// passes, keeps the beginning, and turns a wrong length into an error before
// the scanner could see an end. Used by one goroutine.
type intake struct {
	ctx  context.Context // of the one Inspect that owns the intake
	src  io.Reader
	size int64 // what read must come to
	sum  hash.Hash
	head []byte
	read int64
	done bool  // the end was reached, at the right length
	err  error // why not; sticky
}

func (in *intake) Read(p []byte) (int, error) {
	if in.err == nil && in.ctx.Err() != nil {
		in.err = share.E(share.Unavailable, "inspect", in.ctx.Err())
	}
	if in.err != nil {
		return 0, in.err
	}
	if in.done {
		return 0, io.EOF
	}
	n, err := in.src.Read(p)
	in.sum.Write(p[:n])
	in.read += int64(n)
	in.head = append(in.head, p[:min(n, sniffSize-len(in.head))]...)
	end := err == io.EOF
	if end {
		err = nil
	}
	if in.err = in.judge(end, err); in.err != nil {
		return n, in.err
	}
	if in.done = end; end {
		return n, io.EOF
	}
	return n, nil
}

// judge returns why what was read so far can't be accepted, if it can't; failed
// is the reader's own error.
func (in *intake) judge(end bool, failed error) error {
	switch {
	case failed != nil:
		return contentError(failed)
	case in.read > in.size:
		return share.E(share.Invalid, fmt.Sprintf("inspect: content is longer than its %d bytes", in.size), nil)
	case end && in.read < in.size:
		return share.E(share.Unavailable, fmt.Sprintf("inspect: content broke off at %d of %d bytes", in.read, in.size), nil)
	}
	return nil
}

// accept refuses a verdict that the scanner can't have reached honestly.
func (in *intake) accept(v Verdict) error {
	switch {
	case v.Status == share.Infected:
		return nil
	case v.Status != share.Clean:
		return share.E(share.Internal, fmt.Sprintf("inspect: unknown verdict %q", v.Status), nil)
	case !in.done:
		return share.E(share.Internal, "inspect: scanner called content clean without reading its end", nil)
	}
	return nil
}
