package redisstore_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rawlink/internal/ratelimit"
	"rawlink/internal/redisstore"
	"rawlink/internal/share"
	"rawlink/internal/storecontract"
	"rawlink/internal/testenv"
)

// TestClusterRepeatsNothing freezes every node, so that what is sent waits in its
// socket and is executed later, though its sender gave up: once, not once for
// each of the driver's tries. Connections made before are what a try could use.
func TestClusterRepeatsNothing(t *testing.T) {
	nodes := testenv.RedisCluster(t, 3)
	s := mustOpen(t, redisstore.Config{URL: "redis://" + nodes[0].Addr, Mode: redisstore.Cluster})
	budget := []ratelimit.Budget{{Name: "b", Most: 1000, Per: time.Minute}}
	take := func() int64 {
		t.Helper()
		got, err := s.Limits.Take(t.Context(), "c", budget)
		if err != nil {
			t.Error(err)
			return 0
		}
		return got[0].Used
	}
	var taking sync.WaitGroup
	for range 64 { // some of which a busy machine may refuse
		taking.Go(func() { _, _ = s.Limits.Take(t.Context(), "c", budget) })
	}
	taking.Wait()
	var before int64
	await(t, "a count", func() bool {
		got, err := s.Limits.Take(t.Context(), "c", budget)
		if err == nil {
			before = got[0].Used
		}
		return err == nil
	})
	for _, node := range nodes {
		node.Pause()
	}
	_, err := s.Limits.Take(t.Context(), "c", budget)
	if share.KindOf(err) != share.Unavailable || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("Take of a frozen cluster: %v; want Unavailable: … did not answer in time", err)
	}
	for _, node := range nodes {
		node.Resume()
	}
	if used := take(); used != before+2 {
		t.Errorf("%d requests are counted; want %d: one whose answer was lost, and the last", used, before+2)
	}
}

// TestClusterMoves sends a share's keys to another node while they are used.
func TestClusterMoves(t *testing.T) {
	nodes := testenv.RedisCluster(t, 3)
	s := mustOpen(t, redisstore.Config{URL: "redis://" + nodes[0].Addr, Mode: redisstore.Cluster})
	take := func() (int64, error) {
		got, err := s.Limits.Take(t.Context(), "moving", []ratelimit.Budget{{Name: "b", Most: 1000, Per: time.Minute}})
		if err != nil {
			return 0, err
		}
		return got[0].Used, nil
	}
	if _, err := take(); err != nil {
		t.Fatal(err)
	}
	slot := strings.TrimSpace(nodes[0].Ask(t, "CLUSTER", "KEYSLOT", "{moving}"))
	ids := make([]string, len(nodes))
	owner := -1
	for i, node := range nodes {
		ids[i] = strings.TrimSpace(node.Ask(t, "CLUSTER", "MYID"))
		if strings.TrimSpace(node.Ask(t, "CLUSTER", "COUNTKEYSINSLOT", slot)) == "1" {
			owner = i
		}
	}
	if owner < 0 {
		t.Fatal("no node has the key")
	}
	to := (owner + 1) % len(nodes)
	nodes[to].Ask(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[owner])
	nodes[owner].Ask(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
	host, port, _ := strings.Cut(nodes[to].Addr, ":")
	key := strings.TrimSpace(nodes[owner].Ask(t, "CLUSTER", "GETKEYSINSLOT", slot, "1"))
	nodes[owner].Ask(t, "MIGRATE", host, port, key, "0", "1000")
	if used, err := take(); err != nil || used != 2 { // by ASK
		t.Errorf("while the slot moves: %d, %v; want 2", used, err)
	}
	for _, node := range nodes {
		node.Ask(t, "CLUSTER", "SETSLOT", slot, "NODE", ids[to])
	}
	if used, err := take(); err != nil || used != 3 { // by MOVED
		t.Errorf("after the slot moved: %d, %v; want 3", used, err)
	}
}

// TestFailOver kills the primary: the store follows the Sentinels to the replica,
// listeners are told to forget, and ticks go on.
func TestFailOver(t *testing.T) {
	watched := testenv.RedisSentinels(t)
	s := mustOpen(t, redisstore.Config{URL: "redis://" + watched.Hosts(), Mode: redisstore.Sentinel, Primary: testenv.WatchedName})
	var heard storecontract.Recorder
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Bus.Listen(ctx, &heard) }()
	defer func() { cancel(); <-done }()
	verified := func() time.Time {
		if err := s.Bus.Tick(ctx); err != nil {
			return time.Time{}
		}
		return heard.LastVerified()
	}
	await(t, "a tick through the first primary", func() bool { return !verified().IsZero() })
	before := time.Now()
	watched.Primary.Kill()
	await(t, "the promotion", func() bool { return watched.Promoted(t) == nil })
	await(t, "a tick through the second primary", func() bool { return verified().After(before) })
	if forgot := slices.Index(heard.Changes()[1:], "*"); forgot < 0 { // the first one begins the listening
		t.Error("the listener was not told to forget what it knew before the fail-over")
	}
	if err := (patient{s.Records}).Put(ctx, share.Hash{1}, share.Record{Version: 1}); err != nil {
		t.Errorf("Put after the fail-over: %v", err)
	}
}
