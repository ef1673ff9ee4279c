package memstore_test

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rawlink/internal/ledger"
	"rawlink/internal/memstore"
	"rawlink/internal/ratelimit"
	"rawlink/internal/share"
	"rawlink/internal/storecontract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRecords(t *testing.T) {
	storecontract.Records(t, func(_ *testing.T, life, tombstone time.Duration) storecontract.RecordStore {
		return memstore.NewRecords(memstore.Config{RecordTTL: life, TombstoneTTL: tombstone}, time.Now)
	})
}

func TestBus(t *testing.T) {
	storecontract.Bus(t, func(*testing.T) storecontract.EventBus { return memstore.NewBus() })
}

func TestLeases(t *testing.T) {
	t.Run("leases", func(t *testing.T) {
		storecontract.Leases(t, func(*testing.T) storecontract.LeaseStore { return ledger.NewLeases(1000, time.Now) })
	})
	t.Run("table", func(t *testing.T) {
		storecontract.Leases(t, func(*testing.T) storecontract.LeaseStore { return ledger.NewTable(1000, time.Now) })
	})
}

func TestBlocks(t *testing.T) {
	storecontract.Blocks(t, func(*testing.T) storecontract.BlockStore { return memstore.NewBlocks(time.Now) })
}

func TestLimits(t *testing.T) {
	storecontract.Limits(t, func(*testing.T) storecontract.LimitStore { return memstore.NewLimits(1000, time.Now) })
}

// TestLimitsAreBounded meets more clients than there is room for, twice: first
// some must be forgotten, later the ended windows make room.
func TestLimitsAreBounded(t *testing.T) {
	const limit = 10
	now := time.Now()
	s := memstore.NewLimits(limit, func() time.Time { return now })
	budget := []ratelimit.Budget{{Name: "b", Most: 1, Per: time.Minute}}
	for i := range 5 * limit {
		if _, err := s.Take(t.Context(), fmt.Sprint(i), budget); err != nil {
			t.Fatal(err)
		}
		if s.Len() > limit {
			t.Fatalf("%d windows held; want at most %d", s.Len(), limit)
		}
	}
	now = now.Add(time.Minute)
	if _, err := s.Take(t.Context(), "later", budget); err != nil || s.Len() != 1 {
		t.Errorf("%d windows held after all have ended, %v; want the new one", s.Len(), err)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	const limit = 100
	s := memstore.NewRecords(memstore.Config{MaxRecords: limit}, time.Now)
	hash := func(i int) share.Hash { return share.Hash{byte(i >> 8), byte(i)} }
	for i := range 10 * limit {
		rec := share.Record{Version: 1, Revoked: i < 10} // the first ten are tombstones
		if err := s.Put(t.Context(), hash(i), rec); err != nil {
			t.Fatal(err)
		}
	}
	kept, tombstones := 0, 0
	for i := range 10 * limit {
		if _, ok, _ := s.Get(t.Context(), hash(i)); ok {
			kept++
			if i < 10 {
				tombstones++
			}
		}
	}
	if kept != limit || tombstones < 10 {
		t.Errorf("%d records kept, %d of 10 tombstones; want %d and all", kept, tombstones, limit)
	}
}
