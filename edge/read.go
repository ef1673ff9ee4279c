package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"rawlink/cache/bytecache"
	"rawlink/internal/share"
)

// read gets the plan's first bytes ready, from memory, disk or the store; without
// a body it does nothing. Whatever the store says, its failure is one of ours:
// the record has promised these bytes.
func (e *Edge) read(k *known, p plan, t *tally) error {
	first := p.span
	if len(p.parts) > 0 {
		first = p.parts[0]
	}
	if first.length() == 0 {
		return nil
	}
	if err := e.bytes.Open(t.ctx, &t.body, k.object, first.from, first.length()); err != nil {
		return &storeError{err}
	}
	t.reading = true
	return nil
}

// storeError is any failure to get promised bytes. The record it disproves, if
// the object is gone or another one, has to be asked for again.
type storeError struct{ err error }

func (s *storeError) Error() string { return "read object: " + s.err.Error() }
func (s *storeError) Unwrap() error {
	return share.E(share.Unavailable, "read object", s.err)
}

// disproves reports whether the failure says that the record is out of date.
func (s *storeError) disproves() bool { return disproves(s.err) }

// disproves reports whether the store said that it doesn't have these bytes:
// asking again won't help.
func disproves(err error) bool {
	kind := share.KindOf(err)
	return kind == share.NotFound || kind == share.Changed
}

// newBytes makes the byte cache between the edge and the store.
func (e *Edge) newBytes() (*bytecache.Cache, error) {
	return bytecache.New(bytecache.Config{
		Open:        e.openObject,
		Final:       disproves,
		Check:       checkDigest,
		SmallMax:    e.cfg.SmallMax,
		RAMBytes:    e.cfg.CacheRAM,
		Dir:         e.cfg.CacheDir,
		DiskBytes:   e.cfg.CacheDisk,
		Await:       e.cfg.Succeeds,
		SliceSize:   e.cfg.SliceSize,
		ReadAhead:   e.cfg.ReadAhead,
		FirstByte:   e.cfg.FirstByteTimeout,
		FillTimeout: e.cfg.StoreStall,
		MaxFills:    e.cfg.MaxFills,
		Now:         e.now,
	})
}

// openObject is the cache's way to the store. What was purged is not fetched for
// a request that saw its record before.
func (e *Edge) openObject(ctx context.Context, o bytecache.Object, from, n int64) (io.ReadCloser, error) {
	if e.purged.has(o.ID) {
		return nil, share.E(share.NotFound, "read object", errPurged)
	}
	began := time.Now()
	body, err := e.parts.Objects.Open(ctx, o.Key, o.Version, from, n)
	if err == nil || ctx.Err() == nil { // else nobody wanted to know
		e.metrics.Store(err == nil, time.Since(began))
	}
	return body, err
}

// objectOf names a record's bytes by what they are, not by who links to them:
// all shares of a file read the same ones.
func objectOf(rec *share.Record) bytecache.Object {
	o := &rec.Object
	return bytecache.Object{ID: share.ObjectName(rec.FileID, o.Version), Key: o.Key, Version: o.Version, Size: o.Size, Digest: o.SHA256}
}

var errDigest = errors.New("bytes have another digest")

// checkDigest compares a small object's bytes with the digest that the scanner
// took, before the last of them leave: invariant 10 against a store that errs.
func checkDigest(o bytecache.Object, whole []byte) error {
	if o.Digest == "" {
		return nil
	}
	if sum := sha256.Sum256(whole); hex.EncodeToString(sum[:]) != o.Digest {
		return fmt.Errorf("check object: %w", errDigest)
	}
	return nil
}
