package testenv

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// RedisServer is a Redis of one test, empty at first and without a password.
type RedisServer struct {
	*Server
	Addr string // host:port
	Dir  string // where it keeps snapshots and logs, if told to write any
}

// Redis starts a redis-server of the test's own. It keeps nothing on disk: Stop
// and Start give an empty one. The settings are added to its command line, as in
// Redis(t, "--appendonly", "yes") or Redis(t, "--replicaof", host, port).
func Redis(tb testing.TB, settings ...string) RedisServer {
	tb.Helper()
	return Place{}.Redis(tb, settings...)
}

// Redis is Redis at the place.
func (p Place) Redis(tb testing.TB, settings ...string) RedisServer {
	tb.Helper()
	path, dir := prepare(tb, "redis", "redis-server", "/usr/sbin", "/usr/local/bin")
	server, port := open(tb, func(port int) command {
		args := []string{
			"--port", strconv.Itoa(port), "--dir", dir, "--save", "", "--appendonly", "no", "--protected-mode", "no", "--bind",
		}
		args = append(args, p.listens()...)
		return command{
			name: "redis-server", path: path, args: append(args, settings...), dir: dir, place: p,
			quit:  syscall.SIGTERM,
			ready: func(ctx context.Context, pid int) error { return redisReady(ctx, p.addr(port), pid) },
		}
	})
	return RedisServer{Server: server, Addr: p.addr(port), Dir: dir}
}

// redisReady asks the Redis at addr whether it is the process pid and has loaded
// its data.
func redisReady(ctx context.Context, addr string, pid int) error {
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "INFO server\r\n"); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	head, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(strings.Trim(head, "$\r\n"))
	if err != nil {
		return fmt.Errorf("redis answers %q", head) // -LOADING, and the like
	}
	info := make([]byte, size)
	if _, err := io.ReadFull(r, info); err != nil {
		return err
	}
	if !strings.Contains(string(info), fmt.Sprintf("\nprocess_id:%d\r\n", pid)) {
		return fmt.Errorf("another redis has %s", addr)
	}
	return nil
}

// dial connects for one question, to be answered before ctx's deadline.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline() // without one, the zero time: none
	return conn, conn.SetDeadline(deadline)
}
