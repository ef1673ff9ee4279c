package outbound

import (
	"context"
	"io"
	"time"
)

// patientBody waits for each read of a body, but not for ever. Only time spent
// reading counts: what the reader does with the bytes may take long.
type patientBody struct {
	body   io.ReadCloser
	ctx    context.Context // of the one answer that the body belongs to
	cancel context.CancelCauseFunc
	idle   time.Duration
}

// Read implements io.Reader.
func (b *patientBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.idle, func() { b.cancel(ErrIdle) })
	n, err := b.body.Read(p)
	timer.Stop()
	if err != nil && err != io.EOF && context.Cause(b.ctx) == ErrIdle { //nolint:errorlint // the very value that was the cause
		err = ErrIdle
	}
	return n, err
}

// Close implements io.Closer.
func (b *patientBody) Close() error {
	b.cancel(nil)
	return b.body.Close()
}
