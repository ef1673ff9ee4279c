package objects

import (
	"io"
	"net/http"
	"time"
)

// The server's own timeouts are made for small API requests. Here deadlines move
// with progress instead. A server that can't move them keeps its own, so these
// errors don't matter.

// patientBody moves the read deadline before each read.
type patientBody struct {
	body io.Reader
	conn *http.ResponseController
	idle time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle))
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = bodyError{err}
	}
	return n, err
}

// answer gives the response its own time after a body that took long.
func (b *patientBody) answer() {
	_ = b.conn.SetWriteDeadline(time.Now().Add(b.idle))
}

// bodyError marks a failure as one of the client's connection, not of the disk.
type bodyError struct{ error }

func (e bodyError) Unwrap() error { return e.error }

// patientWriter moves the write deadline before each write.
type patientWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
	idle time.Duration
}

func (w patientWriter) Write(p []byte) (int, error) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.idle))
	return w.ResponseWriter.Write(p)
}
