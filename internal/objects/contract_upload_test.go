package objects_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/share"
)

func testUpload(t *testing.T, l lab) {
	content := random(100_000)
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{
		Key: "t/one", Size: int64(len(content)), ContentType: "image/png", Expires: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(signed.Headers) != 1 || signed.Headers["Content-Type"] != "image/png" {
		t.Fatalf("Headers = %v; want Content-Type alone: clients send nothing else", signed.Headers)
	}
	if left := time.Until(signed.Expires); left > time.Minute || left < 50*time.Second {
		t.Fatalf("Expires in %v; want about a minute", left)
	}
	got := l.put(t, signed, content)
	info, err := l.Head(t.Context(), "t/one")
	if got.status != http.StatusOK || err != nil {
		t.Fatalf("PUT answered %d %s; Head failed with %v", got.status, got.body, err)
	}
	if got.header.Get("ETag") != `"`+info.ETag+`"` || info.ETag == "" {
		t.Errorf("ETag of the PUT = %s; of Head, without quotes, = %s", got.header.Get("ETag"), info.ETag)
	}
	if info.Size != int64(len(content)) || time.Since(info.Modified).Abs() > time.Minute {
		t.Errorf("Head = %d bytes of %v; want %d of now", info.Size, info.Modified, len(content))
	}
	if info.SHA256 != "" && info.SHA256 != digest(content) {
		t.Errorf("SHA256 = %s; want %s or none", info.SHA256, digest(content))
	}
	if read, err := l.read(t, "t/one", info.ETag, 0, info.Size); err != nil || !bytes.Equal(read, content) {
		t.Errorf("read %d bytes, error %v; want what was stored", len(read), err)
	}
}

func testUploadRefused(t *testing.T, l lab) {
	content := []byte("twelve bytes")
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 12, ContentType: "text/plain", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.PresignPut(t.Context(), objects.PutSpec{Key: "other", Size: 12, ContentType: "text/plain", Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	mine, yours := mustParse(t, signed.URL), mustParse(t, other.URL)
	mine.RawQuery, yours.RawQuery = yours.RawQuery, mine.RawQuery
	typed := func(text string) map[string]string { return map[string]string{"Content-Type": text} }
	for _, c := range []struct {
		name, method, url string
		body              string
		header            map[string]string
	}{
		{"longer", http.MethodPut, signed.URL, "thirteen byte", signed.Headers},
		{"shorter", http.MethodPut, signed.URL, "eleven byte", signed.Headers},
		{"empty", http.MethodPut, signed.URL, "", signed.Headers},
		{"another type", http.MethodPut, signed.URL, string(content), typed("text/html")},
		{"no type", http.MethodPut, signed.URL, string(content), nil},
		{"another key", http.MethodPut, mine.String(), string(content), signed.Headers},
		{"another method", http.MethodGet, signed.URL, "", nil},
		{"no signature", http.MethodPut, (&url.URL{Scheme: mine.Scheme, Host: mine.Host, Path: mine.Path}).String(), string(content), signed.Headers},
		{"a forged signature", http.MethodPut, signed.URL[:len(signed.URL)-4] + "0000", string(content), signed.Headers},
	} {
		wantRefused(t, c.name, l.do(t, c.method, c.url, bytes.NewReader([]byte(c.body)), int64(len(c.body)), c.header))
	}
	for _, key := range []string{"k", "other"} {
		_, err := l.Head(t.Context(), key)
		wantKind(t, "Head after refusals", err, share.NotFound)
	}
	if got := l.put(t, signed, content); got.status != http.StatusOK {
		t.Fatalf("the right PUT answered %d %s", got.status, got.body)
	}
}

func testEmpty(t *testing.T, l lab) {
	for _, spec := range []objects.PutSpec{
		{ContentType: "text/plain"}, {ContentType: "text/plain", SHA256: digest(nil)}, {},
	} {
		spec.Key, spec.Expires = "a b/empty+1", time.Minute
		signed, err := l.PresignPut(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		wantRefused(t, "a body", l.put(t, signed, []byte("smuggled")))
		if spec.ContentType != "" {
			wantRefused(t, "another type", l.do(t, http.MethodPut, signed.URL, nil, 0, map[string]string{"Content-Type": "text/html"}))
		}
		if got := l.put(t, signed, nil); got.status != http.StatusOK {
			t.Fatalf("empty PUT answered %d %s", got.status, got.body)
		}
	}
	info, err := l.Head(t.Context(), "a b/empty+1")
	if err != nil || info.Size != 0 {
		t.Fatalf("Head = %+v, %v; want 0 bytes", info, err)
	}
	if read, err := l.read(t, "a b/empty+1", info.ETag, 0, 0); err != nil || len(read) != 0 {
		t.Fatalf("read %q, %v; want nothing", read, err)
	}
	_, err = l.read(t, "a b/empty+1", info.ETag, 0, 1)
	wantKind(t, "a byte of nothing", err, share.NotSatisfiable)
	_, err = l.read(t, "a b/empty+1", "other", 0, 0)
	wantKind(t, "nothing of another version", err, share.Changed)
}

func testDigest(t *testing.T, l lab) {
	content := random(5000)
	signed, err := l.PresignPut(t.Context(), objects.PutSpec{
		Key: "k", Size: 5000, ContentType: "text/plain", SHA256: digest(content), Expires: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "another content of the same length", l.put(t, signed, make([]byte, 5000)))
	_, err = l.Head(t.Context(), "k")
	wantKind(t, "Head", err, share.NotFound)
	if got := l.put(t, signed, content); got.status != http.StatusOK {
		t.Fatalf("PUT answered %d %s", got.status, got.body)
	}
	if info, err := l.Head(t.Context(), "k"); err != nil || info.SHA256 != digest(content) {
		t.Fatalf("Head = %+v, %v; want the digest", info, err)
	}
}

func testExpiry(t *testing.T, l lab) {
	etag := l.mustStore(t, "k", []byte("x"))
	var put, get objects.Signed
	eventually(t, "a fresh URL is good", func() bool { // a busy machine may be too slow to use it
		var errPut, errGet error
		put, errPut = l.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 1, ContentType: "text/plain", Expires: 2 * time.Second})
		get, errGet = l.PresignGet(t.Context(), objects.GetSpec{Key: "k", Name: "x", Expires: 2 * time.Second})
		if err := errors.Join(errPut, errGet); err != nil {
			t.Fatal(err)
		}
		return l.do(t, http.MethodGet, get.URL, nil, 0, nil).status == http.StatusOK
	})
	eventually(t, "the URLs end", func() bool {
		return l.do(t, http.MethodGet, get.URL, nil, 0, nil).status == http.StatusForbidden
	})
	eventually(t, "the URLs end", func() bool { return l.put(t, put, []byte("x")).status == http.StatusForbidden })
	if time.Now().Before(get.Expires.Add(-time.Second)) {
		t.Errorf("the URL ended long before %v", get.Expires)
	}
	if info, err := l.Head(t.Context(), "k"); err != nil || info.ETag != etag {
		t.Errorf("Head = %+v, %v", info, err)
	}
}

func testBrokenUpload(t *testing.T, l lab) {
	const size = 1 << 20
	old := l.mustStore(t, "replaced", []byte("old"))
	for _, key := range []string{"new", "replaced"} {
		signed, err := l.PresignPut(t.Context(), objects.PutSpec{Key: key, Size: size, ContentType: "text/plain", Expires: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			info, err := l.Head(t.Context(), key)
			absent := key == "new" && share.KindOf(err) == share.NotFound
			if !absent && (err != nil || info.ETag != old && info.Size >= size) {
				t.Fatalf("%s: Head = %+v, %v; want nothing, the old version, or less than was signed", when, info, err)
			}
		}
		conn := halfPut(t, signed.URL, random(size))
		check("half-way")
		_ = conn.Close()
		check("broken off")
		if got := l.put(t, signed, random(size)); got.status != http.StatusOK {
			t.Fatalf("the repeated PUT answered %d %s", got.status, got.body)
		}
	}
}

// halfPut sends the head and half of the body of an upload.
func halfPut(tb testing.TB, signedURL string, content []byte) net.Conn {
	tb.Helper()
	u := mustParse(tb, signedURL)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
		u.RequestURI(), u.Host, len(content), content[:len(content)/2])
	if err != nil {
		tb.Fatal(err)
	}
	return conn
}
