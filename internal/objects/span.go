package objects

import (
	"context"
	"errors"
	"io"
	"os"

	"rawlink/internal/share"
)

// FileSpan is what Local.Open returns: the bytes as a piece of an open file, so
// that a sender may pass the file to the kernel instead of reading it.
type FileSpan struct {
	ctx  context.Context // the reader's: it cancels Read, see Store.Open
	file *os.File
	left int64
}

// File returns the file, its offset at the first byte not yet read, and how many
// bytes of it belong to the span: more bytes follow in the file that aren't the
// object's. The file stays the span's and is closed by Close. Whoever advances
// its offset must not call Read any more.
func (s *FileSpan) File() (file *os.File, left int64) { return s.file, s.left }

// Read implements io.Reader within the bounds that Store.Open sets.
func (s *FileSpan) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if err := s.ctx.Err(); err != nil {
		return 0, share.E(share.Unavailable, "read object", err)
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.file.Read(p)
	s.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && s.left > 0:
		err = io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		err = nil
	case err != nil:
		err = share.E(share.Unavailable, "read object", err)
	}
	return n, err
}

// Close closes the file.
func (s *FileSpan) Close() error { return s.file.Close() }
