package memstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"rawlink/internal/share"
)

// Config bounds what is kept.
type Config struct {
	MaxRecords   int           // 0 = 65536; each costs about a kilobyte
	RecordTTL    time.Duration // 0 = 1 h
	TombstoneTTL time.Duration // of records that are revoked or gone; 0 = 24 h
}

// Records keeps each share's newest record. At its limit it forgets, among a few
// it looks at, the one that would end first; so tombstones stay longest. Safe
// for concurrent use.
type Records struct {
	cfg Config
	now func() time.Time

	mu   sync.RWMutex // guards held
	held map[share.Hash]held
}

type held struct {
	record share.Record
	ends   time.Time
}

// NewRecords returns an empty cache that reads the time from now.
func NewRecords(cfg Config, now func() time.Time) *Records {
	if cfg.MaxRecords <= 0 {
		cfg.MaxRecords = 1 << 16
	}
	if cfg.RecordTTL <= 0 {
		cfg.RecordTTL = time.Hour
	}
	if cfg.TombstoneTTL <= 0 {
		cfg.TombstoneTTL = 24 * time.Hour
	}
	return &Records{cfg: cfg, now: now, held: make(map[share.Hash]held)}
}

// Put stores the record unless a newer version is held; either is success.
func (r *Records) Put(_ context.Context, h share.Hash, rec share.Record) error {
	if rec.Version < 0 {
		return share.E(share.Invalid, "put record", errors.New("negative version"))
	}
	life := r.cfg.RecordTTL
	if rec.Revoked || rec.Gone {
		life = r.cfg.TombstoneTTL
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	old, known := r.held[h]
	if known && now.Before(old.ends) && old.record.Version > rec.Version {
		return nil
	}
	if !known && len(r.held) >= r.cfg.MaxRecords {
		r.evictLocked()
	}
	r.held[h] = held{rec, now.Add(life)}
	return nil
}

// Get returns the record, or false if none is held.
func (r *Records) Get(_ context.Context, h share.Hash) (share.Record, bool, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, ok := r.held[h]
	if !ok || !r.now().Before(e.ends) {
		return share.Record{}, false, nil
	}
	return e.record, true, nil
}

// evictLocked makes room for one, at a cost that does not grow with the size.
func (r *Records) evictLocked() {
	const sample = 8
	var victim share.Hash
	var ends time.Time
	looked := 0
	for h, e := range r.held { // in an order that varies, which is all we need
		if looked == 0 || e.ends.Before(ends) {
			victim, ends = h, e.ends
		}
		if looked++; looked == sample {
			break
		}
	}
	delete(r.held, victim)
}
