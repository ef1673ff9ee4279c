package testenv

import (
	"context"
	"errors"
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

// Sentinels is how many watch; two of them agree on a fail-over.
const Sentinels = 3

// RedisSentinel is a primary with a replica and three Sentinels over them.
type RedisSentinel struct {
	Primary, Replica RedisServer
	Sentinels        []RedisServer
}

// RedisSentinels starts a primary, a replica and three Sentinels that promote the
// replica once the primary has been silent for a second. The replica and the
// Sentinels are in step when it returns.
func RedisSentinels(tb testing.TB) RedisSentinel {
	tb.Helper()
	return RedisSentinelsAt(tb, [2]Place{}, [Sentinels]Place{})
}

// RedisSentinelsAt is RedisSentinels with primary, replica and each Sentinel at a
// place.
func RedisSentinelsAt(tb testing.TB, servers [2]Place, watchers [Sentinels]Place) RedisSentinel {
	tb.Helper()
	var s RedisSentinel
	s.Primary = servers[0].Redis(tb, "--repl-diskless-sync-delay", "0")
	s.Replica = servers[1].Redis(tb, "--repl-diskless-sync-delay", "0")
	host, port, _ := strings.Cut(s.Primary.Addr, ":")
	s.Replica.Ask(tb, "REPLICAOF", host, port)
	s.Replica.await(tb, "link to its primary", func() bool { return s.Replica.Replicates(tb) == nil })
	for _, place := range watchers {
		s.Sentinels = append(s.Sentinels, place.startSentinel(tb, host, port))
	}
	for _, sentinel := range s.Sentinels {
		sentinel.await(tb, "view of replica and Sentinels", func() bool {
			info := sentinel.Ask(tb, "INFO", "sentinel")
			return strings.Contains(info, fmt.Sprintf("slaves=1,sentinels=%d", Sentinels))
		})
	}
	return s
}

// startSentinel starts one Sentinel, which keeps its state in its own file.
func (p Place) startSentinel(tb testing.TB, host, port string) RedisServer {
	tb.Helper()
	path, dir := prepare(tb, "sentinel", "redis-server", "/usr/sbin", "/usr/local/bin")
	conf := filepath.Join(dir, "sentinel.conf")
	server, own := open(tb, func(own int) command {
		text := fmt.Sprintf("port %d\nbind "+strings.Join(p.listens(), " ")+"\nprotected-mode no\ndir %s\nsentinel monitor %[3]s %[4]s %[5]s 2\n"+
			"sentinel down-after-milliseconds %[3]s 1000\nsentinel failover-timeout %[3]s 3000\n", own, dir, WatchedName, host, port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		return command{
			name: "sentinel", path: path, args: []string{conf, "--sentinel"}, dir: dir, quit: syscall.SIGTERM, place: p,
			ready: func(ctx context.Context, pid int) error { return redisReady(ctx, p.addr(own), pid) },
		}
	})
	return RedisServer{Server: server, Addr: p.addr(own), Dir: dir}
}

// Steady has the Sentinels bear any silence, for tests that want no fail-over: to them a
// primary on a busy machine looks as one that is gone.
func (s RedisSentinel) Steady(tb testing.TB) {
	tb.Helper()
	for _, sentinel := range s.Sentinels {
		sentinel.Ask(tb, "SENTINEL", "SET", WatchedName, "down-after-milliseconds", "600000")
	}
}

// Hosts are the Sentinels' addresses as a URL of Redis lists them.
func (s RedisSentinel) Hosts() string {
	hosts := make([]string, len(s.Sentinels))
	for i, sentinel := range s.Sentinels {
		hosts[i] = sentinel.Addr
	}
	return strings.Join(hosts, ",")
}

// Promoted returns nil once every Sentinel names the replica as the primary and
// it is one.
func (s RedisSentinel) Promoted(tb testing.TB) error {
	tb.Helper()
	host, port, _ := strings.Cut(s.Replica.Addr, ":")
	for _, sentinel := range s.Sentinels {
		named := sentinel.Ask(tb, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", WatchedName)
		if !strings.Contains(named, host+"\n") || !strings.Contains(named, "\n"+port+"\n") {
			return errors.New("a Sentinel names the old primary")
		}
	}
	if !strings.Contains(s.Replica.Ask(tb, "INFO", "replication"), "role:master") {
		return errors.New("the replica is still one")
	}
	return nil
}

// Replicates returns nil once the server is a replica in step with its primary.
func (r RedisServer) Replicates(tb testing.TB) error {
	tb.Helper()
	if !strings.Contains(r.Ask(tb, "INFO", "replication"), "master_link_status:up") {
		return errors.New("no link to the primary")
	}
	return nil
}
