package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// bufferSize holds any header that is sensible, and a small body beside it.
const bufferSize = 32 << 10

// Conn is a keep-alive connection. After an error it is to be closed. For one
// goroutine.
type Conn struct {
	conn    net.Conn
	buffer  []byte
	from    int // unread bytes are buffer[from:to]
	to      int
	patient time.Duration
	until   time.Time // the deadline that is set
}

// Dial connects. patience bounds the dial, each request's way out, and each wait
// for more of an answer.
func Dial(ctx context.Context, t Target, patience time.Duration) (*Conn, error) {
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if t.tls != nil {
		secure := tls.Client(conn, t.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("connect: %w", err)
		}
		conn = secure
	}
	return &Conn{conn: conn, buffer: make([]byte, bufferSize), patient: patience}, nil
}

// Send writes a request.
func (c *Conn) Send(request []byte) error {
	c.wait()
	if _, err := c.conn.Write(request); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// Close closes the connection.
func (c *Conn) Close() { _ = c.conn.Close() }

// Reset closes the connection as a client does that was killed: what is still on
// its way is thrown away.
func (c *Conn) Reset() {
	conn := c.conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn() // and no farewell through TLS
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// wait moves the deadline on, rarely: each move costs as much as a tenth of a
// small request.
func (c *Conn) wait() {
	if now := time.Now(); c.until.Sub(now) < c.patient {
		c.until = now.Add(c.patient + c.patient/4)
		_ = c.conn.SetDeadline(c.until)
	}
}

// fill reads more behind what is unread.
func (c *Conn) fill() error {
	if c.from > 0 {
		c.to = copy(c.buffer, c.buffer[c.from:c.to])
		c.from = 0
	}
	c.wait()
	n, err := c.conn.Read(c.buffer[c.to:])
	c.to += n
	if n > 0 {
		return nil
	}
	return err
}

// Status makes a request, throws its body away, and returns the answer's status.
func (c *Conn) Status(request []byte) (int, error) {
	if err := c.Send(request); err != nil {
		return 0, err
	}
	a, err := c.Read(false)
	if err != nil {
		return 0, err
	}
	return a.Status, c.Body(a, func([]byte) error { return nil })
}
