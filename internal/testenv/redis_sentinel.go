package testenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// WatchedName is the name under which the Sentinels of RedisSentinels watch their
// primary.
const WatchedName = "main"

// sentinels is how many watch; two of them agree on a fail-over.
const sentinels = 3

// RedisSentinel is a primary with a replica and three Sentinels over them.
type RedisSentinel struct {
	Primary, Replica RedisServer
	Sentinels        []RedisServer
}

// Route says by which address something at addr is reached; see RedisSentinels.
type Route func(addr string) string

// RedisSentinels starts a primary, a replica and three Sentinels that promote the
// replica once the primary has been silent for a second. With a route, clients,
// Sentinels and the replica reach the two servers by the addresses that it
// returns, such as a proxy's; nil is the direct way. The replica and the Sentinels
// are in step when it returns.
func RedisSentinels(tb testing.TB, route Route) RedisSentinel {
	tb.Helper()
	if route == nil {
		route = func(addr string) string { return addr }
	}
	var s RedisSentinel
	s.Primary = Redis(tb, "--repl-diskless-sync-delay", "0")
	primary := route(s.Primary.Addr)
	host, port, _ := strings.Cut(primary, ":")
	s.Replica = Redis(tb, "--repl-diskless-sync-delay", "0")
	host2, port2, _ := strings.Cut(route(s.Replica.Addr), ":")
	s.Primary.announce(tb, host, port)
	s.Replica.announce(tb, host2, port2)
	s.Replica.Ask(tb, "REPLICAOF", host, port)
	s.Replica.await(tb, "link to its primary", func() bool {
		return strings.Contains(s.Replica.Ask(tb, "INFO", "replication"), "master_link_status:up")
	})
	for range sentinels {
		s.Sentinels = append(s.Sentinels, startSentinel(tb, host, port))
	}
	for _, sentinel := range s.Sentinels {
		sentinel.await(tb, "view of replica and Sentinels", func() bool {
			info := sentinel.Ask(tb, "INFO", "sentinel")
			return strings.Contains(info, fmt.Sprintf("slaves=1,sentinels=%d", sentinels))
		})
	}
	return s
}

// announce has the server tell others this address of itself.
func (r RedisServer) announce(tb testing.TB, host, port string) {
	tb.Helper()
	r.Ask(tb, "CONFIG", "SET", "replica-announce-ip", host, "replica-announce-port", port)
}

// startSentinel starts one Sentinel, which keeps its state in its own file.
func startSentinel(tb testing.TB, host, port string) RedisServer {
	tb.Helper()
	path, err := find("redis-server", "/usr/sbin", "/usr/local/bin")
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := tempDir("sentinel", tb.Cleanup)
	if err != nil {
		tb.Fatal(err)
	}
	conf := filepath.Join(dir, "sentinel.conf")
	server, own := open(tb, func(own int) command {
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %[3]s %[4]s %[5]s 2\n"+
			"sentinel down-after-milliseconds %[3]s 1000\nsentinel failover-timeout %[3]s 3000\n", own, dir, WatchedName, host, port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		return command{
			name: "sentinel", path: path, args: []string{conf, "--sentinel"}, dir: dir, quit: syscall.SIGTERM,
			ready: func(ctx context.Context, pid int) error { return redisReady(ctx, loopback(own), pid) },
		}
	})
	return RedisServer{Server: server, Addr: loopback(own), Dir: dir}
}

// Hosts are the Sentinels' addresses as a URL of Redis lists them.
func (s RedisSentinel) Hosts() string {
	hosts := make([]string, len(s.Sentinels))
	for i, sentinel := range s.Sentinels {
		hosts[i] = sentinel.Addr
	}
	return strings.Join(hosts, ",")
}

// Promoted reports whether the Sentinels name the replica as the primary.
func (s RedisSentinel) Promoted(tb testing.TB, route Route) bool {
	tb.Helper()
	addr := s.Replica.Addr
	if route != nil {
		addr = route(addr)
	}
	_, port, _ := strings.Cut(addr, ":")
	for _, sentinel := range s.Sentinels {
		if !strings.Contains(sentinel.Ask(tb, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", WatchedName), "\n"+port+"\n") {
			return false
		}
	}
	return true
}
