package edge

import (
	"fmt"
	"testing"

	"rawlink/internal/share"
)

// A lease is one client's: who has 16 of its ranges under way pays for the next,
// and only for it.
func TestLeaseStreams(t *testing.T) {
	for _, limit := range []int64{0, 3} {
		w := newWorld(t, nil)
		path := w.link(content(32<<20), func(r *share.Record) { r.MaxDownloads, r.Permission, r.MIME = limit, share.View, "video/mp4" })
		var hang []interface{ Close() error }
		open := func(i int) { // of 24 MiB: 17 of them are within a lease's budget
			conn, res := w.start(path, testAgent, fmt.Sprintf("bytes=%d-%d", i, i+24<<20))
			if res.StatusCode != 206 {
				t.Fatalf("cap %d, stream %d: %d; want 206", limit, i, res.StatusCode)
			}
			hang = append(hang, conn)
		}
		for i := range leaseStreams {
			open(i)
		}
		if n := w.count(path); n != 1 {
			t.Errorf("cap %d: %d streams counted %d; want 1", limit, leaseStreams, n)
		}
		open(leaseStreams)
		if n := w.count(path); n != 2 {
			t.Errorf("cap %d: one more counted %d in all; want 2", limit, n)
		}
		if conn, _ := w.start(path, "another", "bytes=1-"); conn != nil {
			hang = append(hang, conn)
		}
		if n := w.count(path); n != 3 {
			t.Errorf("cap %d: another client's first counted %d in all; want 3", limit, n)
		}
		for _, conn := range hang {
			_ = conn.Close()
		}
		eventually(t, "the streams have ended", func() bool { return w.edge.inFlight.Load() == 0 })
		if got := w.get(path, "Range", "bytes=100-199", "User-Agent", testAgent); got.status != 206 || w.count(path) != 3 {
			t.Errorf("cap %d, after the streams: %d, count %d; want 206, 3", limit, got.status, w.count(path))
		}
		for i := range w.edge.streams.shards {
			if n := len(w.edge.streams.shards[i].open); n != 0 {
				t.Errorf("cap %d: %d leases have streams though none is under way", limit, n)
			}
		}
	}
}
