package redisstore_test

import (
	"testing"

	"rawlink/internal/ledger"
	"rawlink/internal/redisstore"
	"rawlink/internal/share"
	"rawlink/internal/storecontract"
	"rawlink/internal/testenv"
)

// A Redis that doesn't tell its history may have lost anything since: no record of it is
// believed, and a listener that comes back takes it that it missed something.
func TestHiddenHistory(t *testing.T) {
	r := newRig(t, 0)
	raw := mustRaw(t, r.server.Addr)
	store := mustOpen(t, redisstore.Config{URL: "redis://" + r.server.Addr})
	believed := func(h share.Hash) bool {
		t.Helper()
		_, ok, err := patient{store.Records}.Get(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	put := func(h share.Hash) {
		t.Helper()
		storecontract.Insist(t, func() error { return store.Records.Put(t.Context(), h, share.Record{Version: 1}) })
	}
	seen := append(r.edge.Changes(), r.publish(t, 1)...)
	r.edge.AwaitChanges(t, seen...)
	put(share.Hash{1})
	if !believed(share.Hash{1}) {
		t.Error("a record is not believed while the history is told")
	}

	must(t, raw.Do(t.Context(), "ACL", "SETUSER", "default", "-info"))
	put(share.Hash{2})
	for _, h := range []share.Hash{{1}, {2}} {
		if believed(h) {
			t.Errorf("record %v is believed though nobody knows of which history it is", h[0])
		}
	}
	r.proxy.cut()
	seen = append(seen, "*")
	r.edge.AwaitChanges(t, seen...)
	r.proxy.cut() // now what it heard last has no history either
	r.edge.AwaitChanges(t, append(seen, "*")...)
}

// A Redis that takes no writes has no answer to a taking, though it could tell that a
// block is missing: each answer would have another block opened that is never stored.
func TestTakingsWhereWritesAreRefused(t *testing.T) {
	server := testenv.Redis(t)
	raw := mustRaw(t, server.Addr)
	blocks := mustOpen(t, redisstore.Config{URL: "redis://" + server.Addr}).Blocks
	if err := blocks.Prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ok, err := blocks.Install(t.Context(), "there", share.Block{ID: "1", Units: 3}, ""); !ok || err != nil {
		t.Fatal(ok, err)
	}
	must(t, raw.ConfigSet(t.Context(), "min-replicas-to-write", "1"))
	for _, id := range []string{"there", "missing"} {
		if a, err := blocks.Take(t.Context(), id, ledger.Take{Edge: "e", Seq: 1, N: 1}); share.KindOf(err) != share.Unavailable {
			t.Errorf("%s: taken %+v, %v; want Unavailable", id, a, err)
		}
	}
	if err := blocks.Prove(t.Context()); share.KindOf(err) != share.Unavailable {
		t.Errorf("proof: %v; want Unavailable", err)
	}
	if h, err := blocks.Look(t.Context(), "there", "1"); err != nil || h.Free != 3 {
		t.Errorf("look: %+v, %v; want 3 free, for reading is allowed", h, err)
	}
	must(t, raw.ConfigSet(t.Context(), "min-replicas-to-write", "0"))
	storecontract.Insist(t, func() error {
		_, err := blocks.Take(t.Context(), "there", ledger.Take{Edge: "e", Seq: 1, N: 1})
		return err
	})
}
