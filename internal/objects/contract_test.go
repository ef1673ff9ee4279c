package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rawlink/internal/disposition"
	"rawlink/internal/objects"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

// contract is what every store keeps, whatever it is made of.
var contract = []struct {
	name string
	test func(*testing.T, lab)
}{
	{"an upload is there, whole", testUpload},
	{"an upload is held to what was signed", testUploadRefused},
	{"an empty upload is held to its length too", testEmpty},
	{"a digest is checked by the store", testDigest},
	{"a URL ends", testExpiry},
	{"a broken upload never looks whole", testBrokenUpload},
	{"a stream is stored whole or not at all", testPut},
	{"a stream that breaks says why", testBrokenPut},
	{"a stream costs no memory", testPutMemory},
	{"a read is pinned to its version", testPinned},
	{"any span reads as in memory", testSpans},
	{"a reader can be left and cancelled", testLeave},
	{"a presigned GET names and types the bytes", testGet},
	{"parts make one object", testParts},
	{"wrong parts are refused and can be corrected", testWrongParts},
	{"an aborted upload is gone", testAbort},
	{"open uploads are found", testOpenParts},
	{"settled bytes are out of a ticket's reach", testSettle},
	{"deleting twice is deleting once", testDelete},
	{"odd keys are kept apart", testKeys},
	{"bad arguments are refused unsent", testInvalid},
	{"a large object costs no memory", testMemory},
	{"the store is ready", func(t *testing.T, l lab) {
		if err := l.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}},
}

func TestLocalKeepsTheContract(t *testing.T) {
	runContract(t, func(t *testing.T) objects.Store { return newLocal(t, t.TempDir()) })
}

func TestS3KeepsTheContract(t *testing.T) {
	for name, server := range testenv.S3Servers() {
		t.Run(name, func(t *testing.T) {
			runContract(t, func(t *testing.T) objects.Store { return newS3(t, configOf(server(t))) })
		})
	}
}

func runContract(t *testing.T, open func(*testing.T) objects.Store) {
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) {
			noLeak(t)
			c.test(t, newLab(t, open(t)))
		})
	}
}

func testPinned(t *testing.T, l lab) {
	one, two := random(3<<20), random(3<<20+1)
	first := l.mustStore(t, "k", one)
	second := l.mustStore(t, "k", two)
	if first == second {
		t.Fatal("two contents have one ETag")
	}
	_, err := l.read(t, "k", first, 0, 10)
	wantKind(t, "the version before", err, share.Changed)
	_, err = l.read(t, "k", first, 1<<40, 10)
	wantKind(t, "the version before, outside", err, share.Changed)
	_, err = l.read(t, "k", first, 0, 0)
	wantKind(t, "nothing of the version before", err, share.Changed)
	_, err = l.read(t, "nowhere", first, 0, 10)
	wantKind(t, "no object", err, share.NotFound)
	_, err = l.read(t, "nowhere", first, 0, 0)
	wantKind(t, "nothing of no object", err, share.NotFound)

	// A reader that has begun gives its own version or fails, never a mixture.
	r, err := l.Open(t.Context(), "k", second, 0, int64(len(two)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l.mustStore(t, "k", one)
	if read, err := io.ReadAll(r); !bytes.HasPrefix(two, read) || err == nil && len(read) != len(two) {
		t.Fatalf("read %d bytes, error %v, while the object was replaced: not the version asked for", len(read), err)
	}
}

func testSpans(t *testing.T, l lab) {
	content := random(200_000)
	size := int64(len(content))
	etag := l.mustStore(t, "k", content)
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.OneOf(rapid.Int64Range(0, size+10), rapid.SampledFrom([]int64{0, 1, size - 1, size, size + 1})).Draw(rt, "from")
		n := rapid.OneOf(rapid.Int64Range(0, size+10), rapid.SampledFrom([]int64{0, 1, size - from, size - from + 1, size})).Draw(rt, "n")
		read, err := l.read(t, "k", etag, from, n)
		switch {
		case n < 0 || from+n > size:
			if share.KindOf(err) != share.NotSatisfiable {
				rt.Fatalf("%d bytes from %d: %d bytes, error %v; want not satisfiable", n, from, len(read), err)
			}
		case err != nil || !bytes.Equal(read, content[from:from+n]):
			rt.Fatalf("%d bytes from %d: %d bytes, error %v", n, from, len(read), err)
		}
	})
	_, err := l.read(t, "k", etag, 1, 1<<63-1)
	wantKind(t, "a span that overflows", err, share.NotSatisfiable)
}

func testLeave(t *testing.T, l lab) {
	content := random(8 << 20)
	etag := l.mustStore(t, "k", content)
	r, err := l.Open(t.Context(), "k", etag, 0, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closing early: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if r, err = l.Open(ctx, "k", etag, 0, int64(len(content))); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	_, err = io.ReadAll(r)
	wantKind(t, "a cancelled read", err, share.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want a cancellation", err)
	}
}

func testGet(t *testing.T, l lab) {
	content := random(1000)
	l.mustStore(t, "k", content)
	for _, kind := range []string{disposition.Inline, disposition.Attachment} {
		name := "naïve \"name\"\r\nX-Evil: 1.txt"
		signed, err := l.PresignGet(t.Context(), objects.GetSpec{
			Key: "k", Name: name, Disposition: kind, ContentType: "application/x-test", Expires: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		got := l.do(t, http.MethodGet, signed.URL, nil, 0, signed.Headers)
		if got.status != http.StatusOK || got.body != string(content) {
			t.Fatalf("GET answered %d with %d bytes; want 200 with %d", got.status, len(got.body), len(content))
		}
		if h := got.header.Get("Content-Disposition"); h != disposition.Header(kind, name) {
			t.Errorf("Content-Disposition = %q", h)
		}
		if h := got.header.Get("Content-Type"); h != "application/x-test" {
			t.Errorf("Content-Type = %q", h)
		}
		got = l.do(t, http.MethodGet, signed.URL, nil, 0, map[string]string{"Range": "bytes=10-19"})
		if got.status != http.StatusPartialContent || got.body != string(content[10:20]) {
			t.Errorf("ranged GET answered %d with %d bytes", got.status, len(got.body))
		}
	}
	signed, err := l.PresignGet(t.Context(), objects.GetSpec{Key: "nowhere", Name: "x", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got := l.do(t, http.MethodGet, signed.URL, nil, 0, nil); got.status != http.StatusNotFound {
		t.Errorf("GET of nothing answered %d; want 404", got.status)
	}
}

func testSettle(t *testing.T, l lab) {
	one, two := []byte("the bytes that were looked at"), []byte("other bytes of the same size!")
	spec := objects.PutSpec{Key: "t/up load", Size: int64(len(one)), ContentType: "text/plain", Expires: time.Minute}
	signed, err := l.PresignPut(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	put := func(content []byte) string {
		t.Helper()
		request, err := http.NewRequest(http.MethodPut, signed.URL, bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "text/plain")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		info, err := l.Head(t.Context(), spec.Key)
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("PUT = %d, then %v", response.StatusCode, err)
		}
		return info.ETag
	}
	defer http.DefaultClient.CloseIdleConnections()
	wantKind(t, "nothing to settle", l.Settle(t.Context(), spec.Key, "x", "t/kept"), share.NotFound)
	before := put(two)
	etag := put(one)
	wantKind(t, "a version that is gone", l.Settle(t.Context(), spec.Key, before, "t/kept"), share.Changed)
	_, err = l.Head(t.Context(), "t/kept")
	wantKind(t, "what was not settled", err, share.NotFound)
	if err := l.Settle(t.Context(), spec.Key, etag, "t/kept"); err != nil {
		t.Fatal(err)
	}
	_, err = l.Head(t.Context(), spec.Key)
	wantKind(t, "the old key", err, share.NotFound)
	put(two) // the ticket is still good, for its own key
	kept, err := l.Head(t.Context(), "t/kept")
	if err != nil || kept.Size != int64(len(one)) {
		t.Fatalf("Head = %+v, %v", kept, err)
	}
	if read, err := l.read(t, "t/kept", kept.ETag, 0, kept.Size); err != nil || !bytes.Equal(read, one) {
		t.Errorf("the settled object reads %q, %v", read, err)
	}
}

func testDelete(t *testing.T, l lab) {
	etag := l.mustStore(t, "k", []byte("x"))
	for range 2 {
		if err := l.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := l.Head(t.Context(), "k")
	wantKind(t, "Head", err, share.NotFound)
	_, err = l.read(t, "k", etag, 0, 1)
	wantKind(t, "Open", err, share.NotFound)
}

func testKeys(t *testing.T, l lab) {
	keys := []string{
		"plain", "a/b/c", "a b", "a+b", "a%20b", "a%2Fb", "a&b=c", "a?b#c", "é/報告.pdf", "~!$'()*,;:@", "...", ".hidden",
	}
	etags := map[string]string{}
	for _, key := range keys {
		etags[key] = l.mustStore(t, key, []byte(key))
	}
	for _, key := range keys {
		if read, err := l.read(t, key, etags[key], 0, int64(len(key))); err != nil || string(read) != key {
			t.Errorf("%q holds %q, %v", key, read, err)
		}
		signed, err := l.PresignGet(t.Context(), objects.GetSpec{Key: key, Name: "x", Expires: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.do(t, http.MethodGet, signed.URL, nil, 0, nil); got.body != key {
			t.Errorf("GET of %q answered %d %q", key, got.status, got.body)
		}
	}
}

func testMemory(t *testing.T, l lab) {
	const size, allowed = 64 << 20, 24 << 20
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "large", Size: size, ContentType: "text/plain", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := l.do(t, http.MethodPut, signed.URL, io.LimitReader(zeros{}, size), size, signed.Headers)
	info, err := l.Head(t.Context(), "large")
	if got.status != http.StatusOK || err != nil || info.Size != size {
		t.Fatalf("PUT answered %d %s; Head = %+v, %v", got.status, got.body, info, err)
	}
	r, err := l.Open(t.Context(), "large", info.ETag, 0, size)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != size || err != nil {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > allowed {
		t.Errorf("64 MiB in and out allocated %d MiB; want at most %d", used>>20, allowed>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func mustParse(tb testing.TB, text string) *url.URL {
	tb.Helper()
	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}
