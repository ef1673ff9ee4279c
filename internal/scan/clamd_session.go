package scan

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"rawlink/internal/share"
)

// session is one connection that carries one command. Commands are sent in the
// "z" form, so requests and replies end in a NUL and a reply cut short is told
// from a whole one.
type session struct {
	conn    net.Conn
	release func() bool   // detaches the connection from its context
	chunk   time.Duration // to write one chunk
	reply   time.Duration // to answer once everything is sent
}

func (s *session) close() {
	s.release()
	_ = s.conn.Close()
}

// errRefused: clamd stopped taking content before its end.
var errRefused = errors.New("clamd stopped reading")

// instream sends the content in length-prefixed chunks and reads the verdict.
//
// If a write breaks, clamd may already have said why and closed, so the reply is
// read all the same; but then it saw a part only, and no verdict on a part
// counts: just a refusal does.
func (s *session) instream(r io.Reader, maxSize int64) (Verdict, error) {
	err := s.send(r, maxSize)
	if err == nil {
		text, err := s.readReply(s.reply)
		if err != nil {
			return Verdict{}, share.E(share.Unavailable, "clamd: read verdict", err)
		}
		return parseVerdict(text)
	}
	if !errors.Is(err, errRefused) {
		return Verdict{}, err
	}
	if text, replyErr := s.readReply(s.chunk); replyErr == nil {
		if _, refusal := parseVerdict(text); refusal != nil {
			return Verdict{}, refusal
		}
	}
	return Verdict{}, share.E(share.Unavailable, "clamd: send content", err)
}

// send writes the command, the content and the end mark. On an error the end
// mark is never sent, so clamd can't take a part for the whole.
func (s *session) send(r io.Reader, maxSize int64) error {
	if err := s.write([]byte("zINSTREAM\x00")); err != nil {
		return err
	}
	const prefix = 4 // each chunk's length, big endian
	frame := make([]byte, prefix+chunkSize)
	for sent := int64(0); ; {
		n, end, err := fill(r, frame[prefix:])
		if err != nil {
			return contentError(err)
		}
		if sent += int64(n); sent > maxSize {
			return share.E(share.Invalid, fmt.Sprintf("clamd: content is over the limit of %d bytes", maxSize), nil)
		}
		if n > 0 {
			binary.BigEndian.PutUint32(frame, uint32(n)) //nolint:gosec // at most a buffer
			if err := s.write(frame[:prefix+n]); err != nil {
				return err
			}
		}
		if end {
			return s.write(make([]byte, prefix))
		}
	}
}

// fill reads until p is full or r ends. Unlike io.ReadFull it keeps r's own
// io.ErrUnexpectedEOF (a broken body) apart from its end.
func fill(r io.Reader, p []byte) (n int, end bool, err error) {
	for n < len(p) {
		more, err := r.Read(p[n:])
		n += more
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

func (s *session) write(p []byte) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.chunk))
	if _, err := s.conn.Write(p); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

// maxReply bounds a reply, in bytes; clamd's are one line.
const maxReply = 4 << 10

// readReply returns one whole reply without its NUL.
func (s *session) readReply(within time.Duration) (string, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(within))
	line, err := bufio.NewReaderSize(s.conn, maxReply).ReadSlice(0)
	if err != nil {
		return "", err
	}
	return string(line[:len(line)-1]), nil
}

func (s *session) ping() error {
	if err := s.write([]byte("zPING\x00")); err != nil {
		return err
	}
	text, err := s.readReply(s.chunk)
	if err == nil && text != "PONG" {
		err = fmt.Errorf("unexpected answer %q", printable(text))
	}
	return err
}
