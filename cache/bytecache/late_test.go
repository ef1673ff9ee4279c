package bytecache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// A reader whose fill waits behind others, or hasn't come to the reader's first
// byte, gets its first bytes in time as long as the store delivers, and the rest
// from the fill.
func TestFirstBytesPastALateFill(t *testing.T) {
	const size, slice = 40 * bufferSize, 4 * bufferSize
	for name, from := range map[string]int64{"behind others": 3 * slice, "in the same slice": 2 * bufferSize} {
		withBoth(t, func(t *testing.T, config func(*store) Config) {
			synctest.Test(t, func(t *testing.T) { // its clock is never late
				release := make(chan struct{})
				s := &store{step: 4096}
				s.before = func(ctx context.Context, o Object, at int64) error {
					if at == 4096 { // the first slice's fill
						return holdAt(0, release)(ctx, o, at)
					}
					return nil
				}
				cfg := config(s)
				cfg.MaxFills, cfg.FirstByte, cfg.SliceSize, cfg.RAMBytes, cfg.DiskBytes = 1, 2*time.Second, slice, 8<<20, 8<<20
				c := mustNew(t, cfg)
				o := Object{ID: "a", Size: size}
				mustOpen(t, c, o, 0, 10)
				r, err := open(c, o, from, 2*bufferSize)
				if err != nil {
					t.Fatalf("%s: %v; want the first bytes", name, err)
				}
				defer r.Close()
				first, err := r.Next()
				if err != nil || !bytes.Equal(first.Bytes, content(o)[from:from+lateBytes]) {
					t.Fatalf("%s: %d bytes, %v", name, first.Len(), err)
				}
				close(release)
				if rest, err := drain(r); err != nil || !bytes.Equal(rest, content(o)[from+lateBytes:from+2*bufferSize]) {
					t.Errorf("%s: then %d bytes, %v", name, len(rest), err)
				}
				if st := c.Stats(); st.Overtaken != 1 || st.Passed != 0 {
					t.Errorf("%s: %+v; want one read past the fill", name, st)
				}
			})
		})
	}
}

// A store that delivers nothing is asked by no more readers than may be, and all
// of them hear of it in time.
func TestLateStoreIsNotStormed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock is never late
		s := &store{before: holdAt(0, nil)}
		cfg := testConfig(s)
		cfg.MaxFills, cfg.FirstByte, cfg.FillTimeout = 2, 100*time.Millisecond, time.Hour
		c := mustNew(t, cfg)
		o := Object{ID: "a", Size: 4096}
		failed := make(chan error, 30)
		for range 30 {
			go func() {
				_, err := open(c, o, 0, o.Size)
				failed <- err
			}()
		}
		for range 30 {
			select {
			case err := <-failed:
				if !errors.Is(err, ErrStalled) {
					t.Errorf("%v; want ErrStalled", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("readers wait for longer than FirstByte")
			}
		}
		if opens, _, _ := s.seen(); opens > 1+2*2 {
			t.Errorf("%d opens; want a fill and two readers at a time", opens)
		}
	})
}

// A store's refusal of such a read is the reader's answer.
func TestLateReadFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock is never late
		s := &store{before: holdAt(0, nil)}
		s.opened = func(_ Object, _, n int64, body io.Reader) (io.Reader, error) {
			if n < 4096 {
				return nil, errStore
			}
			return body, nil
		}
		cfg := testConfig(s)
		cfg.FirstByte = 50 * time.Millisecond
		c := mustNew(t, cfg)
		if _, err := open(c, Object{ID: "a", Size: 4096}, 4000, 10); !errors.Is(err, errStore) {
			t.Errorf("%v; want the store's error", err)
		}
	})
}

// Small objects don't queue behind slices.
func TestSmallObjectsPassSlices(t *testing.T) {
	s := &store{}
	s.before = func(ctx context.Context, o Object, at int64) error {
		if o.ID == "large" {
			return holdAt(10, nil)(ctx, o, at)
		}
		return nil
	}
	s.step = 10
	cfg := testConfig(s)
	cfg.MaxFills, cfg.FirstByte = 1, 5*time.Second
	c := mustNew(t, cfg)
	mustOpen(t, c, Object{ID: "large", Size: 4096}, 0, 10)
	mustFetch(t, c, Object{ID: "small", Size: 900}, 0, 900)
}
