package testenv

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
)

// firstPort is the lowest port that is handed out.
const firstPort = 10240

// FreePort returns a TCP port on 127.0.0.1 that nobody listens on now, and that no
// other caller, of this process or another one, gets before the test ends. A stranger
// may bind it a moment later.
func FreePort(tb testing.TB) int {
	tb.Helper()
	port, claim, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = claim.Close() })
	return port
}

// freePort draws from below the range of ports that the kernel gives to outgoing
// connections. In that range a stopped server's port can be taken before its
// restart, by a stranger or by a client that dials it and meets itself. No other call,
// of any process, returns the port until what comes with it is closed: that has UDP's
// port of the same number, which no server of the tests wants.
func freePort() (int, io.Closer, error) {
	limit := firstOutgoingPort()
	var failed error
	for range 100 {
		port := firstPort + rand.IntN(limit-firstPort)
		udp, err := net.ListenPacket("udp", loopback(port))
		if err != nil {
			failed = err
			continue
		}
		l, err := net.Listen("tcp", loopback(port))
		if err == nil {
			return port, udp, l.Close()
		}
		_ = udp.Close()
		failed = err
	}
	return 0, nil, fmt.Errorf("find a free port: %w", failed)
}

// firstOutgoingPort returns where the kernel's own range begins, or Linux's
// default if it can't be read or leaves too little room below.
func firstOutgoingPort() int {
	const usual = 32768
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	var first int
	if _, scanErr := fmt.Sscan(string(text), &first); errors.Join(err, scanErr) != nil || first < firstPort+1000 {
		return usual
	}
	return first
}

// loopback returns the address of a port of this machine.
func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
