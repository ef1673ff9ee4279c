package redisstore_test

import (
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/redisstore"
	"rawlink/internal/storecontract"
	"rawlink/internal/testenv"
)

// Lives are checked on the key's own clock: set forward instead of waited for.
func TestLeaseLives(t *testing.T) {
	server := testenv.Redis(t)
	s, raw := mustOpen(t, redisstore.Config{URL: "redis://" + server.Addr}).Leases, mustRaw(t, server.Addr)
	name := ledger.Lease{ShareID: "s", Object: "o", Client: ledger.Client{'c'}}
	open := func(budget int64) {
		t.Helper()
		if err := s.Open(t.Context(), name, budget); err != nil {
			t.Fatal(err)
		}
	}
	take := func(bytes int64, want bool) {
		t.Helper()
		if got, err := s.Take(t.Context(), name, bytes); err != nil || got != want {
			t.Fatalf("Take(%d) = %v, %v; want %v", bytes, got, err, want)
		}
	}
	var key string
	idleFor := func(d time.Duration) { must(t, raw.PExpire(t.Context(), key, ledger.LeaseIdle-d)) }
	endsIn := func(d time.Duration) {
		must(t, raw.HSet(t.Context(), key, "ends", time.Now().Add(d).UnixMilli()))
	}
	left := func(want time.Duration) {
		t.Helper()
		if got := raw.PTTL(t.Context(), key).Val(); got > want || got < want-5*time.Second {
			t.Fatalf("the lease ends in %v; want %v", got, want)
		}
	}

	open(100)
	keys := raw.Keys(t.Context(), "rawlink:lease:{s}:*").Val()
	if len(keys) != 1 {
		t.Fatalf("keys of the share: %q; want one, in its slot", keys)
	}
	key = keys[0]
	left(ledger.LeaseIdle)

	idleFor(9 * time.Minute)
	take(101, false)
	left(time.Minute) // a refusal is no use
	take(10, true)
	left(ledger.LeaseIdle)

	endsIn(3 * time.Minute) // 24 h are nearly over: use does not carry it past them
	take(10, true)
	left(3 * time.Minute)
	endsIn(0)
	take(0, false)

	open(100)
	open(100) // a second counted download adds its budget and starts the time anew
	endsIn(time.Minute)
	open(100)
	take(300, true)
	left(ledger.LeaseIdle)
	take(1, false)

	idleFor(ledger.LeaseIdle - time.Millisecond)
	await(t, "the idle lease's end", func() bool { return raw.Exists(t.Context(), key).Val() == 0 })
	take(-5, false) // what is given back to a lease that ended does not revive it
	take(0, false)
}

// A command that is repeated, for its answer was lost, opens nothing twice.
func TestLeasesOpenOnce(t *testing.T) {
	s := mustOpen(t, redisstore.Config{URL: "redis://" + testenv.Redis(t).Addr}).Leases
	name := ledger.Lease{ShareID: "s", Object: "o", Client: ledger.Client{'c'}}
	for _, id := range []string{"a", "a", "b", "b"} {
		storecontract.Insist(t, func() error { return s.OpenAll(t.Context(), id, []ledger.Opening{{Lease: name, Budget: 100}}) })
	}
	for _, take := range []struct {
		bytes int64
		want  bool
	}{{201, false}, {200, true}} {
		if got, err := s.Take(t.Context(), name, take.bytes); err != nil || got != take.want {
			t.Errorf("Take(%d) = %v, %v; want %v", take.bytes, got, err, take.want)
		}
	}
}

// An Opener keeps the contract of what it opens leases in.
func TestOpener(t *testing.T) {
	server := testenv.Redis(t)
	storecontract.Leases(t, func(t *testing.T) storecontract.LeaseStore {
		o := ledger.NewOpener(mustOpenAt(t, server.Addr).Leases)
		t.Cleanup(o.Close)
		return o
	})
}
