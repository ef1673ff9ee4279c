package edge

import (
	"errors"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// crowd counts what each client has under way, in a fixed number of places: two
// clients that share one share its limit, which at some thousand clients is
// rare and never lets one have more. Safe for concurrent use.
type crowd struct {
	seed   maphash.Seed
	limit  int32
	places [1 << 16]atomic.Int32
}

func newCrowd(limit int) *crowd { return &crowd{seed: maphash.MakeSeed(), limit: int32(limit)} } //nolint:gosec // checked by Config.Problems

// enter counts one more for the client. It returns nil if that is over the limit;
// else what leave takes.
func (c *crowd) enter(addr netip.Addr) *atomic.Int32 {
	place := &c.places[maphash.Comparable(c.seed, identity(addr))%uint64(len(c.places))]
	if place.Add(1) > c.limit {
		place.Add(-1)
		return nil
	}
	return place
}

// leave ends what enter counted.
func leave(place *atomic.Int32) { place.Add(-1) }

// limited is a listener that sends the connections of a client that has too many
// elsewhere. Trusted proxies have as many as they like: theirs are many clients'.
type limited struct {
	net.Listener
	crowd   *crowd
	trusted proxies
	rest    func(net.Conn)
	log     *slog.Logger
}

// Accept implements net.Listener. What it returns is a *net.TCPConn in disguise
// at most, so that the kernel can still be told to send a file.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.accept()
		if err != nil {
			return nil, err
		}
		addr := peerAddr(conn.RemoteAddr()).Unmap()
		if !addr.IsValid() || l.trusted.trust(addr) {
			return conn, nil
		}
		place := l.crowd.enter(addr)
		if place == nil {
			l.rest(conn)
			continue
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			leave(place)
			return conn, nil
		}
		return &counted{TCPConn: tcp, place: place}, nil
	}
}

// accept waits out what passes: fasthttp takes any failure for the listener's end, and an
// edge that ran out of descriptors would cut off everybody who has one.
func (l *limited) accept() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		conn, err := l.Listener.Accept()
		if err == nil || !passes(err) {
			return conn, err
		}
		l.log.Warn("connections wait to be accepted", "error", err)
		time.Sleep(pause)
	}
}

// passing are the errors of accept(2) that say that there is too much of something, or
// that are one connection's.
var passing = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPERM, syscall.EPROTO,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
}

func passes(err error) bool {
	return slices.ContainsFunc(passing, func(one syscall.Errno) bool { return errors.Is(err, one) })
}

// counted is a connection that leaves its client's count when it is closed.
type counted struct {
	*net.TCPConn
	place *atomic.Int32
	left  atomic.Bool
}

// Close implements net.Conn.
func (c *counted) Close() error {
	if !c.left.Swap(true) {
		leave(c.place)
	}
	return c.TCPConn.Close()
}
