package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"rawlink/internal/share"
)

// Invariant 8: two hundred clients, each at a file of a gigabyte of its own, cost what the
// configuration says, with a directory for slices and without, whether they wait or read.
func TestMemoryOfManyStreams(t *testing.T) {
	const clients, size, part, cacheRAM = 200, 1 << 30, 2 << 20, 16 << 20
	pattern := content(1 << 20)
	for name, disk := range map[string]bool{"passing through": false, "kept on disk": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config, p *Parts, w *world) {
				if disk {
					withDisk(t)(c, p, w)
					c.SliceSize, c.CacheDisk = 4<<20, 64<<20
				}
				c.CacheRAM, c.SmallMax = cacheRAM, 1<<20
				p.Objects = fakeObjects(func(_ context.Context, _, _ string, from, n int64) (io.ReadCloser, error) {
					return io.NopCloser(io.LimitReader(&repeated{pattern, int(from % (1 << 20))}, n)), nil
				})
			})
			bodies := make([]io.Reader, clients)
			base := int64(heap())
			for i := range bodies {
				path := w.link(pattern[:i+1], func(r *share.Record) { r.Object.Size = size })
				conn, res := w.start(path, fmt.Sprint(i), "")
				t.Cleanup(func() { _ = conn.Close() })
				bodies[i] = res.Body
			}
			var most int64
			for round := range 3 {
				var reading sync.WaitGroup
				for i, body := range bodies {
					reading.Go(func() {
						got := make([]byte, part)
						if _, err := io.ReadFull(body, got); err != nil {
							t.Errorf("client %d: %v", i, err)
						}
						if at := round * part % len(pattern); !bytes.Equal(got[:part/2], append(pattern[at:len(pattern):len(pattern)], pattern[:at]...)[:part/2]) {
							t.Errorf("client %d: wrong bytes", i)
						}
					})
				}
				reading.Wait()
				most = max(most, int64(heap())-base) // below 0 where an earlier test left something
			}
			t.Logf("%d KiB a client", most/clients>>10)
			if limit := int64(cacheRAM + clients*(256<<10)); most > limit {
				t.Errorf("%d MiB for %d clients; want at most %d", most>>20, clients, limit>>20)
			}
		})
	}
}

// repeated reads a pattern again and again.
type repeated struct {
	pattern []byte
	at      int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.pattern[r.at:])
	r.at = (r.at + n) % len(r.pattern)
	return n, nil
}
