//go:build !race

package edge

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
	"rawlink/internal/tracing"
)

// The race detector allocates by itself, so scripts/test.sh runs the tests named
// …Allocates… without it.

func TestClaimAllocatesNothing(t *testing.T) {
	keys, err := share.ParseKeyring("1:" + share.NewKey())
	must(t, err)
	good := keys.Seal([16]byte{1})
	changed := []byte(good)
	changed[len(changed)-1] ^= 1
	forged := share.Token(changed)
	if n := testing.AllocsPerRun(1000, func() { _, _ = claim(keys, good); _, _ = claim(keys, forged) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	req, rec := &request{rangeText: "bytes=5-"}, &share.Record{Object: share.Object{Size: 10}}
	h := &heads{etag: testEtag}
	if n := testing.AllocsPerRun(1000, func() { decide(req, rec, h) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

// A whole request for a link in memory, from its bytes to the answer's: resolve,
// plan, pay, headers, body, tally.
func TestHitAllocatesNothing(t *testing.T) {
	for name, headers := range map[string]string{"plain": "", "browser": browserHeaders} {
		w := quietWorld(t)
		for _, size := range []int{0, 1024, 20_000} {
			hit := w.hit(w.link(content(size), nil), headers)
			for range 100 { // pools, buffers and the prepared header come to be
				hit()
			}
			if n := testing.AllocsPerRun(1000, hit); n != 0 {
				t.Errorf("%s, %d bytes: %v allocations; want 0", name, size, n)
			}
		}
	}
}

// The same where traces are on and this request's caller decided against one.
func TestUntracedHitAllocatesNothing(t *testing.T) {
	tracer, err := tracing.Open(t.Context(), tracing.Config{Endpoint: "http://127.0.0.1:9", Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { _ = tracer.Close(context.Background()) })
	w := newWorld(t, func(_ *Config, p *Parts, _ *world) {
		p.Log = slog.New(slog.DiscardHandler)
		p.LocalLeases = ledger.NewTable(1000, time.Now)
		p.Counter = ledger.NewCounts("test", nil, nil, p.Log)
		p.Tracer = tracer
	})
	hit := w.hit(w.link(content(1024), nil), "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\r\n")
	for range 100 {
		hit()
	}
	if n := testing.AllocsPerRun(1000, hit); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
