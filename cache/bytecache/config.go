package bytecache

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"
)

// Object names immutable bytes.
type Object struct {
	ID      string // identity of the content: never given to other bytes
	Key     string // where the store has it; passed to Open
	Version string // which version the store has to give; passed to Open
	Size    int64  // bytes
	Digest  string // of all of it, for Config.Check to compare with; "" = unknown
}

// Config says where bytes come from and how many may be held. The zero value of
// every field but Open has a meaning.
type Config struct {
	// Open reads n bytes of the object from offset from: exactly n, or an error.
	// Cancelling ctx must fail it and the reads that follow; ctx is the cache's,
	// never a client's.
	Open func(ctx context.Context, o Object, from, n int64) (io.ReadCloser, error)

	// Final reports that trying again won't help, such as for an object that
	// isn't there. nil: nothing is final.
	Final func(error) bool

	SmallMax int64 // objects up to this many bytes live in RAM, whole; 0 = 256 KiB
	RAMBytes int64 // bound of the bytes held in RAM, filling or full; 0 = 256 MiB

	Dir       string // of the slices of larger objects, for one process alone; "" = they aren't kept
	Await     bool   // Dir may still be another process's at first: see Settle
	DiskBytes int64  // bound of the bytes in Dir; 0 = 10 GiB
	SliceSize int64  // bytes; 0 = 4 MiB
	ReadAhead int    // slices fetched ahead of a sequential reader, at most; 0 = 2, negative = none

	// Check is told a small object's bytes when all are there, before the last of
	// them are given out: an error fails the fill and nothing is kept. nil: the
	// store's word is taken.
	Check func(o Object, whole []byte) error

	FirstByte   time.Duration // for a reader's first bytes to come; 0 = FillTimeout
	FillTimeout time.Duration // for the store to deliver anything later on; 0 = 30 s
	MaxFills    int           // fills of slices at a time, and as many of small objects, and as many reads past late fills; 0 = 64
	VerifyEvery time.Duration // age at which a slice's checksum is verified anew; 0 = 1 h
	DiskRetry   time.Duration // pause after the disk refused a write; 0 = 5 s

	Now func() time.Time // nil = time.Now
}

func (c Config) withDefaults() Config {
	c.SmallMax = cmp.Or(c.SmallMax, 256<<10)
	c.RAMBytes = cmp.Or(c.RAMBytes, 256<<20)
	c.DiskBytes = cmp.Or(c.DiskBytes, 10<<30)
	c.SliceSize = cmp.Or(c.SliceSize, 4<<20)
	c.ReadAhead = max(0, cmp.Or(c.ReadAhead, 2))
	c.FillTimeout = cmp.Or(c.FillTimeout, 30*time.Second)
	c.FirstByte = cmp.Or(c.FirstByte, c.FillTimeout)
	c.MaxFills = cmp.Or(c.MaxFills, 64)
	c.VerifyEvery = cmp.Or(c.VerifyEvery, time.Hour)
	c.DiskRetry = cmp.Or(c.DiskRetry, 5*time.Second)
	if c.Check == nil {
		c.Check = func(Object, []byte) error { return nil }
	}
	if c.Final == nil {
		c.Final = func(error) bool { return false }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// validate checks a Config that has its defaults.
func (c Config) validate() error {
	var errs []error
	check := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	check(c.Open != nil, "Open is missing")
	check(c.SmallMax > 0, "SmallMax is negative")
	check(c.RAMBytes >= c.SmallMax, "RAMBytes is less than SmallMax: no object would fit")
	check(c.SliceSize > 0, "SliceSize is negative")
	check(c.Dir == "" || c.DiskBytes >= c.SliceSize+footerSize, "DiskBytes is less than a slice")
	check(c.FirstByte > 0, "FirstByte is negative")
	check(c.FillTimeout > 0, "FillTimeout is negative")
	check(c.MaxFills > 0, "MaxFills is negative")
	check(c.VerifyEvery > 0, "VerifyEvery is negative")
	check(c.DiskRetry > 0, "DiskRetry is negative")
	return errors.Join(errs...)
}
