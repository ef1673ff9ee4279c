package testenv

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clusterSlots is how many slots the keys of a Redis Cluster are spread over.
const clusterSlots = 16384

// RedisCluster starts a Redis Cluster of the test's own: primaries that share the
// slots evenly, without replicas. Keys of its nodes are spread by hash tag.
func RedisCluster(tb testing.TB, primaries int) []RedisServer {
	tb.Helper()
	nodes := make([]RedisServer, primaries)
	buses := make([]int, primaries)
	for i := range nodes {
		buses[i] = FreePort(tb) // the usual one, 10000 above, may be in the kernel's range
		nodes[i] = Redis(tb, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(buses[i]),
			"--cluster-announce-ip", "127.0.0.1", "--cluster-node-timeout", "15000") // busy is not dead
	}
	for i, node := range nodes {
		from, to := i*clusterSlots/primaries, (i+1)*clusterSlots/primaries-1
		node.Ask(tb, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to))
		if i > 0 {
			host, port, _ := strings.Cut(node.Addr, ":")
			nodes[0].Ask(tb, "CLUSTER", "MEET", host, port, strconv.Itoa(buses[i]))
		}
	}
	for _, node := range nodes {
		node.await(tb, "a cluster of all nodes", func() bool {
			info := node.Ask(tb, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", primaries))
		})
	}
	return nodes
}

// Ask sends a command and returns the answer as redis-cli prints it. An error
// reply fails the test.
func (r RedisServer) Ask(tb testing.TB, command ...string) string {
	tb.Helper()
	cli, err := find("redis-cli", "/usr/bin", "/usr/local/bin")
	if err != nil {
		tb.Fatal(err)
	}
	host, port, _ := strings.Cut(r.Addr, ":")
	out, err := exec.Command(cli, append([]string{"-e", "-h", host, "-p", port}, command...)...).CombinedOutput()
	if err != nil {
		tb.Fatalf("redis-cli %s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

// await asks until the answer is yes.
func (r RedisServer) await(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for end := time.Now().Add(readyWithin); !is(); time.Sleep(askEvery) {
		if time.Now().After(end) {
			tb.Fatalf("redis %s: no %s within %v", r.Addr, what, readyWithin)
		}
	}
}
