package redisstore_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"rawlink/internal/redisstore"
	"rawlink/internal/share"
	"rawlink/internal/storecontract"
	"rawlink/internal/testenv"
)

// A stale replica, also one that was promoted, and an old snapshot may hold a record
// whose revocation they never saw. It must not be believed, nor lost as a floor.
func TestRecordsOfAnotherHistoryAreAbsent(t *testing.T) {
	primary := testenv.Redis(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(primary.Addr)
	replica := testenv.Redis(t, "--replicaof", host+" "+port)
	raw := mustRaw(t, replica.Addr)
	cfg := redisstore.Config{URL: "redis://" + primary.Addr}
	before := mustOpen(t, cfg)
	cfg.URL = "redis://" + replica.Addr
	after := mustOpen(t, cfg)

	h := share.Hash{1}
	put := func(s *redisstore.Store, version int64) {
		t.Helper()
		storecontract.Insist(t, func() error { return s.Records.Put(t.Context(), h, share.Record{Version: version}) })
	}
	check := func(want int64) { // 0 = absent
		t.Helper()
		got, ok, err := patient{after.Records}.Get(t.Context(), h)
		if err != nil || ok != (want > 0) || got.Version != want {
			t.Fatalf("Get = version %d, %v, %v; want %d", got.Version, ok, err, want)
		}
	}
	put(before, 5)
	await(t, "replication", func() bool { return raw.Exists(t.Context(), "rawlink:record:"+h.String()).Val() == 1 })
	check(0) // a replica may lag
	must(t, raw.ReplicaOf(t.Context(), "NO", "ONE"))
	check(0)
	put(after, 4) // older than what the old history knows: refused even so
	check(0)
	put(after, 5)
	check(5)
}

func TestRecordsAreForgotten(t *testing.T) {
	server := testenv.Redis(t)
	s, raw := mustOpen(t, redisstore.Config{URL: "redis://" + server.Addr}), mustRaw(t, server.Addr)
	h := share.Hash{1}
	for _, tt := range []struct {
		name string
		harm func()
	}{
		{"flush", func() { must(t, raw.FlushAll(t.Context())) }},
		{"restart", func() { server.Stop(); server.Start() }},
		{"crash", func() { server.Kill(); server.Start() }},
		{"another format", func() { must(t, raw.HSet(t.Context(), "rawlink:record:"+h.String(), "r", `{"f":99}`)) }},
	} {
		storecontract.Insist(t, func() error { return s.Records.Put(t.Context(), h, share.Record{Version: 1}) })
		if _, ok, err := (patient{s.Records}).Get(t.Context(), h); !ok || err != nil {
			t.Fatalf("before %s: %v, %v", tt.name, ok, err)
		}
		tt.harm()
		var err error
		await(t, "an answer", func() bool { _, _, err = s.Records.Get(t.Context(), h); return err == nil })
		if _, ok, err := s.Records.Get(t.Context(), h); ok || err != nil {
			t.Errorf("after %s: %v, %v; want absent", tt.name, ok, err)
		}
		await(t, "a put", func() bool { return s.Records.Put(t.Context(), share.Hash{}, share.Record{}) == nil })
	}
}

// With Redis frozen, a few requests wait for it, and the rest do not.
func TestBreakerSparesTheWait(t *testing.T) {
	server := testenv.Redis(t)
	s := mustOpen(t, redisstore.Config{URL: "redis://" + server.Addr})
	server.Pause()
	get := func() error { _, _, err := s.Records.Get(t.Context(), share.Hash{}); return err }
	for range 5 {
		if err := get(); share.KindOf(err) != share.Unavailable {
			t.Fatalf("frozen: %v; want Unavailable", err)
		}
	}
	began := time.Now()
	for range 1000 {
		put := s.Records.Put(t.Context(), share.Hash{}, share.Record{})
		if err := get(); share.KindOf(err) != share.Unavailable || share.KindOf(put) != share.Unavailable {
			t.Fatalf("breaker open: get %v, put %v; want Unavailable", err, put)
		}
	}
	if took := time.Since(began); took > 5*time.Second { // a quarter of a second each, if they waited
		t.Errorf("1000 reads and writes of a frozen Redis took %v", took)
	}
	server.Resume()
	await(t, "the breaker to close", func() bool { return get() == nil })
}

// Whoever reads Redis learns no password hash, and whoever has another secret
// takes no record with one for good.
func TestPasswordHashesAreSealed(t *testing.T) {
	server := testenv.Redis(t)
	cfg := redisstore.Config{URL: "redis://" + server.Addr, SealSecret: "a secret"}
	s, raw := mustOpen(t, cfg), mustRaw(t, server.Addr)
	cfg.SealSecret = "another secret"
	other := mustOpen(t, cfg)
	put := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
	h, rec := share.Hash{1}, share.Record{Version: 1, PasswordHash: hash}
	put(s.Records.Put(t.Context(), h, rec))
	if got, ok, err := s.Records.Get(t.Context(), h); got != rec || !ok || err != nil {
		t.Fatalf("Get = %+v, %v, %v; want what was put", got, ok, err)
	}
	kept, err := raw.HGet(t.Context(), "rawlink:record:"+h.String(), "r").Result()
	if err != nil || strings.Contains(kept, "argon2id") || strings.Contains(kept, "aGFzaA") {
		t.Errorf("in Redis: %s, %v", kept, err)
	}
	if _, ok, err := other.Records.Get(t.Context(), h); ok || err != nil {
		t.Errorf("with another secret: %v, %v; want absent", ok, err)
	}
	// Moved to another share, it opens nothing.
	must(t, raw.Copy(t.Context(), "rawlink:record:"+h.String(), "rawlink:record:"+share.Hash{3}.String(), 0, true))
	if _, ok, _ := s.Records.Get(t.Context(), share.Hash{3}); ok {
		t.Error("one share's sealed hash opened as another's")
	}
	put(other.Records.Put(t.Context(), h, rec)) // the truth, told again, replaces what can't be read
	if got, ok, err := other.Records.Get(t.Context(), h); got != rec || !ok || err != nil {
		t.Errorf("put again: %+v, %v, %v", got, ok, err)
	}
	plain := share.Record{Version: 1, Name: "a"}
	put(s.Records.Put(t.Context(), share.Hash{4}, plain))
	if got, ok, err := other.Records.Get(t.Context(), share.Hash{4}); got != plain || !ok || err != nil {
		t.Errorf("without a password: %+v, %v, %v", got, ok, err)
	}
}
