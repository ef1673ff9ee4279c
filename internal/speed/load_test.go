package speed

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"rawlink/bench/wire"
)

// clients is how many ask at the same time, each on a connection of its own and
// again as soon as it has its answer.
const clients = 32

// patience bounds one request: a benchmark that hangs says so.
const patience = 10 * time.Second

// measure has the clients send b.N requests, client i what request(i) returns, and
// reports how fast the answers came. Every one must have the status wanted.
func measure(b *testing.B, api string, wanted int, request func(client int) []byte) {
	target, err := wire.ParseTarget(api)
	if err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	took := hdrhistogram.New(1, patience.Microseconds(), 3)
	var mu sync.Mutex // guards took
	var running sync.WaitGroup
	before := usage()
	b.ResetTimer()
	start := time.Now()
	for i := range clients {
		running.Go(func() {
			own := hdrhistogram.New(1, patience.Microseconds(), 3)
			ask(b, target, request(i), wanted, &left, own)
			mu.Lock()
			defer mu.Unlock()
			took.Merge(own)
		})
	}
	running.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "req/s")
	b.ReportMetric(float64(took.ValueAtQuantile(50))/1000, "p50-ms")
	b.ReportMetric(float64(took.ValueAtQuantile(99))/1000, "p99-ms")
	for name, spent := range usage() {
		b.ReportMetric(float64((spent-before[name]).Microseconds())/float64(b.N), name+"-cpu-µs/op")
	}
}

// ask sends one request over and over until none is left.
func ask(b *testing.B, target wire.Target, request []byte, wanted int, left *atomic.Int64, took *hdrhistogram.Histogram) {
	conn, err := wire.Dial(context.Background(), target, patience)
	if err != nil {
		b.Error(err)
		return
	}
	defer conn.Close()
	var body []byte
	for left.Add(-1) >= 0 {
		sent := time.Now()
		if err := conn.Send(request); err != nil {
			b.Error(err)
			return
		}
		answer, err := conn.Read(false)
		if err != nil {
			b.Error(err)
			return
		}
		status := answer.Status
		body = body[:0]
		if err := conn.Body(answer, func(piece []byte) error { body = append(body, piece...); return nil }); err != nil {
			b.Error(err)
			return
		}
		_ = took.RecordValue(max(1, time.Since(sent).Microseconds()))
		if status != wanted || !json.Valid(body) {
			b.Errorf("answer %d: %.300s; want %d", status, body, wanted)
			return
		}
	}
}
