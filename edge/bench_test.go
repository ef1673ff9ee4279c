package edge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"rawlink/internal/ledger"
	"rawlink/internal/share"

	"github.com/valyala/fasthttp"
)

// quietWorld is a world as an operator would run it for speed: with the counters
// of the real edge, and without a line for each request.
func quietWorld(tb testing.TB) *world {
	return newWorld(tb, func(_ *Config, p *Parts, _ *world) {
		p.Log = slog.New(slog.DiscardHandler)
		p.LocalLeases = ledger.NewTable(1000, time.Now)
		p.Counter = ledger.NewCounts("bench", nil, nil, p.Log)
	})
}

// hit returns a function that handles one request for a link in memory and
// writes the answer, all but the sockets.
func (w *world) hit(path string, headers string) func() {
	w.get(path)
	w.edge.records.Wait()
	w.settle()
	conn, peer := net.Pipe() // for its deadlines and addresses
	w.tb.Cleanup(func() { conn.Close(); peer.Close() })
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: files.example.com\r\nUser-Agent: bench\r\n" + headers + "\r\n")
	ctx := &fasthttp.RequestCtx{}
	ctx.Init2(conn, nil, false)
	source := bytes.NewReader(nil)
	in, out := bufio.NewReader(source), bufio.NewWriterSize(io.Discard, writeBuffer)
	return func() {
		source.Reset(request)
		in.Reset(source)
		ctx.Response.Reset()
		if ctx.Request.Header.Read(in) != nil {
			panic("request not read")
		}
		w.edge.handle(ctx)
		if ctx.Response.Write(out) != nil {
			panic("answer not written")
		}
	}
}

func BenchmarkHit(b *testing.B) {
	for name, headers := range map[string]string{
		"plain":   "",
		"browser": browserHeaders,
		"range":   "Range: bytes=100-199\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			w := quietWorld(b)
			path := w.link(content(1024), func(r *share.Record) { r.Permission = share.View })
			hit := w.hit(path, headers)
			b.ReportAllocs()
			for b.Loop() {
				hit()
			}
		})
	}
}

const browserHeaders = "Sec-Ch-Ua: \"Chromium\";v=\"150\", \"Not_A Brand\";v=\"8\"\r\n" +
	"Sec-Ch-Ua-Mobile: ?0\r\nSec-Ch-Ua-Platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"

// BenchmarkLearn is what it takes to learn a record that another layer has, and
// what each takes in memory afterwards, in bytes, with the index around it.
// BenchmarkListing is what a body of more than a write pays to end with its link.
func BenchmarkListing(b *testing.B) {
	u := newUnderway()
	b.RunParallel(func(pb *testing.PB) {
		t := &tally{hash: share.HashToken(share.NewKey())}
		t.stream.tally = t
		for pb.Next() {
			u.enter(&t.stream, u.mark(t.hash))
			u.leave(&t.stream)
		}
	})
}

func BenchmarkLearn(b *testing.B) {
	const links = 100_000
	w := newWorld(b, func(c *Config, p *Parts, _ *world) {
		c.RecordCacheBytes = 4 << 30
		p.Records = fakeRecords(func(_ context.Context, h share.Hash) (share.Record, string, error) {
			id := h.String()[:36]
			return share.Record{
				Version: 1, ShareID: id, FileID: strings.ToUpper(id), TenantID: id[1:] + "x", Permission: share.Download, Scan: share.Clean,
				Name: "quarterly report of " + id[:8] + ".pdf", MIME: "application/" + id[:4], Modified: modified,
				Object: share.Object{Key: "objects/" + id, Version: id[:32], Size: 1 << 20, SHA256: h.String()},
			}, "l2", nil
		})
	})
	n := 0
	before := heap()
	for b.Loop() {
		var h share.Hash
		binary.LittleEndian.PutUint64(h[:], uint64(n))
		if _, err := w.edge.records.Fill(b.Context(), h); err != nil {
			b.Fatal(err)
		}
		if n++; n%10_000 == 0 {
			w.edge.records.Wait() // or the queue overflows
		}
		if n == links {
			b.StopTimer()
			w.edge.records.Wait()
			b.ReportMetric(float64(heap()-before)/links, "B/record")
			b.StartTimer()
		}
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
