package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
)

// Answer is the head of a response. It is valid until the connection's next use.
type Answer struct {
	Status int
	Header []byte // the lines, with their ends
	Length int64  // of the body; -1 = not said
	Close  bool   // the server will not take another request

	chunked, bodiless bool
}

// ErrNotHTTP says that the other side speaks something else.
var ErrNotHTTP = errors.New("the answer is not HTTP")

// errTooLong is for heads that no server of files has.
var errTooLong = fmt.Errorf("%w: its header does not end within %d bytes", ErrNotHTTP, bufferSize)

// Read reads the head of the next response. head says that the request was HEAD:
// its answer has a length and no body. Informational answers are passed over.
func (c *Conn) Read(head bool) (a Answer, err error) {
	for {
		if a, err = c.readHead(); err != nil || a.Status/100 != 1 {
			break
		}
	}
	a.bodiless = head || a.Status == 204 || a.Status == 304
	return a, err
}

func (c *Conn) readHead() (Answer, error) {
	searched := 0
	for {
		unread := c.buffer[c.from:c.to]
		if end := bytes.Index(unread[searched:], []byte("\r\n\r\n")); end >= 0 {
			end += searched
			c.from += end + 4
			return parseHead(unread[:end+2])
		}
		if len(unread) >= 5 && !bytes.HasPrefix(unread, []byte("HTTP/")) {
			return Answer{}, ErrNotHTTP
		}
		if len(unread) == bufferSize {
			return Answer{}, errTooLong
		}
		searched = max(0, len(unread)-3)
		if err := c.fill(); err != nil {
			if errors.Is(err, io.EOF) && len(unread) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return Answer{}, fmt.Errorf("read the answer: %w", err)
		}
	}
}

func parseHead(text []byte) (Answer, error) {
	line, rest, _ := bytes.Cut(text, []byte("\r\n"))
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return Answer{}, ErrNotHTTP
	}
	a := Answer{Header: rest, Length: -1, Close: line[7] == '0'}
	for _, digit := range line[9:12] {
		if digit < '0' || digit > '9' {
			return Answer{}, ErrNotHTTP
		}
		a.Status = 10*a.Status + int(digit-'0')
	}
	if a.Status < 100 || a.Status > 599 {
		return Answer{}, ErrNotHTTP
	}
	if length, ok := a.Get("Content-Length"); ok {
		n, err := strconv.ParseInt(string(length), 10, 64)
		if err != nil || n < 0 {
			return Answer{}, fmt.Errorf("%w: Content-Length is not a number", ErrNotHTTP)
		}
		a.Length = n
	}
	if encoding, ok := a.Get("Transfer-Encoding"); ok && bytes.EqualFold(encoding, []byte("chunked")) {
		a.chunked, a.Length = true, -1
	}
	if connection, ok := a.Get("Connection"); ok {
		a.Close = bytes.EqualFold(connection, []byte("close"))
	}
	return a, nil
}

// Get returns a header's first value.
func (a Answer) Get(name string) (value []byte, ok bool) {
	for rest := a.Header; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		line := rest[:max(end, 0)]
		rest = rest[len(line)+1:]
		if len(line) > len(name) && line[len(name)] == ':' && line[0]|0x20 == name[0]|0x20 && equalFold(line[:len(name)], name) {
			return bytes.TrimSpace(line[len(name)+1:]), true
		}
	}
	return nil, false
}

// equalFold compares ASCII; bytes.EqualFold would want the name as bytes.
func equalFold(a []byte, b string) bool {
	for i := range a {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

// Body reads the answer's body and hands it to take in pieces, which are valid
// until take returns. It ends with an error if the body is shorter than was said.
// An error of take ends it, too: the connection is then not at an answer's end.
func (c *Conn) Body(a Answer, take func(piece []byte) error) error {
	switch {
	case a.bodiless:
		return nil
	case a.chunked:
		return c.chunks(take)
	case a.Length < 0:
		return c.rest(take)
	}
	for left := a.Length; left > 0; {
		if c.from == c.to {
			if err := c.fill(); err != nil {
				return cut(err, left)
			}
		}
		piece := c.buffer[c.from:min(c.to, c.from+int(min(left, bufferSize)))]
		c.from += len(piece)
		left -= int64(len(piece))
		if err := take(piece); err != nil {
			return err
		}
	}
	return nil
}

// cut says that a body broke off. EOF would look like an end.
func cut(err error, left int64) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read the body: %d bytes are missing: %w", left, err)
}

// chunks reads a chunked body, and its trailer's end. The reader may read ahead:
// no second request is on its way, so there is nothing to lose.
func (c *Conn) chunks(take func([]byte) error) error {
	ahead := bufio.NewReader(unread{c})
	if err := pass(httputil.NewChunkedReader(ahead), take); err != nil {
		return err
	}
	var end [2]byte
	_, err := io.ReadFull(ahead, end[:])
	return err
}

// rest reads a body that ends with the connection.
func (c *Conn) rest(take func([]byte) error) error { return pass(unread{c}, take) }

func pass(from io.Reader, take func([]byte) error) error {
	piece := make([]byte, bufferSize)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			if err := take(piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the body: %w", err)
		}
	}
}

// unread reads what the connection holds, then the connection.
type unread struct{ c *Conn }

// Read implements io.Reader.
func (u unread) Read(p []byte) (int, error) {
	if u.c.from == u.c.to {
		if err := u.c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.c.buffer[u.c.from:u.c.to])
	u.c.from += n
	return n, nil
}
