package edge

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"rawlink/internal/mediatype"
	"rawlink/internal/share"
)

func TestGetServesTheFile(t *testing.T) {
	w := newWorld(t, nil)
	for _, size := range []int{0, 1, 1000, bufferSize - 1, bufferSize, bufferSize + 1, 5*bufferSize + 7} {
		want := content(size)
		path := w.link(want, nil)
		for _, suffix := range []string{"", "/report.zip", "?utm=1", "/x?y=/z"} {
			got := w.get(path + suffix)
			if got.status != 200 || !bytes.Equal(got.body, want) || got.length != int64(size) {
				t.Errorf("%d bytes at %q: %d, %d bytes, length %d", size, suffix, got.status, len(got.body), got.length)
			}
		}
		if n := w.count(path); n != 4 {
			t.Errorf("%d bytes: count %d; want 4", size, n)
		}
	}
	eventually(t, "every body is closed", func() bool { o, c := w.storeUse(); return o == c })
	eventually(t, "nothing is in flight", func() bool { return w.metric("rawlink_edge_in_flight_requests") == 0 })
}

func TestHeaders(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.MaxStale = time.Minute })
	path := w.link(content(5000), func(r *share.Record) { r.Permission, r.MIME, r.Name = share.View, "image/png", "naïve.png" })
	rec := w.record(path)
	got := w.get(path)
	want := map[string]string{
		"Content-Type": "image/png", "Content-Length": "5000", "Accept-Ranges": "bytes",
		"Etag": `"` + rec.Object.SHA256 + `"`, "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
		"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "Cross-Origin-Resource-Policy": "cross-origin",
		"Access-Control-Allow-Origin": "*", "Surrogate-Key": rec.ShareID + " " + rec.FileID, "Cache-Tag": rec.ShareID + "," + rec.FileID,
		"Server-Timing": `record;desc="origin", bytes;desc="store"`, "Content-Security-Policy": policyContent.text(),
	}
	for name, value := range want {
		if have := got.header.Get(name); have != value {
			t.Errorf("%s: %q; want %q", name, have, value)
		}
	}
	for name, part := range map[string]string{"Content-Disposition": "inline", "Repr-Digest": "sha-256=:", "Access-Control-Expose-Headers": "Repr-Digest"} {
		if !strings.HasPrefix(got.header.Get(name), part) && !strings.Contains(got.header.Get(name), part) {
			t.Errorf("%s: %q; want %q in it", name, got.header.Get(name), part)
		}
	}
	if len(got.header.Get("X-Request-Id")) != 32 {
		t.Errorf("X-Request-Id: %q; want 32 hex digits", got.header.Get("X-Request-Id"))
	}
	for _, name := range []string{"Set-Cookie", "Server", "CDN-Cache-Control"} {
		if v := got.header.Get(name); v != "" {
			t.Errorf("%s: %q; want none", name, v)
		}
	}
	w.edge.records.Wait()
	if got := w.get(path, "Cookie", "a=b").header.Get("Server-Timing"); !strings.HasPrefix(got, `record;desc="l1"`) {
		t.Errorf("second GET: Server-Timing %q; want l1", got)
	}
}

func TestCachePolicy(t *testing.T) {
	tests := []struct {
		name   string
		change func(*share.Record)
		want   string
		cdn    string
	}{
		{"permanent", func(*share.Record) {}, "public, max-age=3600", ""},
		{"expiring", func(r *share.Record) { r.ExpiresAt = time.Now().Add(time.Hour).Unix() }, "private, no-store", "no-store"},
		{"capped", func(r *share.Record) { r.MaxDownloads = 5 }, "no-store", "no-store"},
		{"capped and expiring", func(r *share.Record) { r.MaxDownloads, r.ExpiresAt = 5, time.Now().Add(time.Hour).Unix() }, "no-store", "no-store"},
		{"password", func(r *share.Record) { r.PasswordHash = "x" }, "no-store", "no-store"},
	}
	w := newWorld(t, nil)
	for _, tt := range tests {
		path := w.link(content(10), tt.change)
		for _, got := range []answer{w.get(path), w.do("HEAD", path), w.get(path, "Range", "bytes=0-4")} {
			if cc, cdn := got.header.Get("Cache-Control"), got.header.Get("CDN-Cache-Control"); cc != tt.want || cdn != tt.cdn {
				t.Errorf("%s, %d: %q, CDN %q; want %q, %q", tt.name, got.status, cc, cdn, tt.want, tt.cdn)
			}
		}
	}
}

func TestGates(t *testing.T) {
	past := time.Now().Add(-time.Second).Unix()
	tests := []struct {
		name   string
		change func(*share.Record)
		want   int
	}{
		{"trashed", func(r *share.Record) { r.Gone = true }, 404},
		{"trashed and revoked", func(r *share.Record) { r.Gone, r.Revoked = true, true }, 404},
		{"revoked", func(r *share.Record) { r.Revoked = true }, 410},
		{"expired", func(r *share.Record) { r.ExpiresAt = past }, 410},
		{"pending", func(r *share.Record) { r.Scan = share.Pending }, 409},
		{"infected", func(r *share.Record) { r.Scan = share.Infected }, 409},
		{"used up", func(r *share.Record) { r.MaxDownloads, r.Exhausted = 3, true }, 410},
	}
	w := newWorld(t, nil)
	for _, tt := range tests {
		path := w.link(content(5000), tt.change)
		etag := `"` + w.record(path).Object.SHA256 + `"`
		for _, headers := range [][]string{nil, {"Range", "bytes=5-"}, {"Range", "bytes=0-1"}, {"If-None-Match", etag}, {"If-Match", `"x"`}, {"Range", "bytes=9999-"}} {
			for _, method := range []string{"GET", "HEAD"} {
				got := w.do(method, path, headers...)
				if got.status != tt.want || got.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %s with %v: %d, %q; want %d, no-store", tt.name, method, headers, got.status, got.header.Get("Cache-Control"), tt.want)
				}
			}
		}
		if n := w.count(path); n != 0 {
			t.Errorf("%s: count %d; want 0", tt.name, n)
		}
	}
	if opens, _ := w.storeUse(); opens != 0 {
		t.Errorf("%d store reads; want none", opens)
	}
}

// A link that never was, a forged one, and one whose file is gone look alike.
func TestNotFoundIsUniform(t *testing.T) {
	w := newWorld(t, nil)
	forged := []byte(w.token())
	forged[20] ^= 1
	if forged[20] == '@' || forged[20] == '`' || forged[20] == '[' || forged[20] == '{' {
		forged[20] = 'Q'
	}
	other, err := share.ParseKeyring("9:" + share.NewKey())
	must(t, err)
	paths := map[string]string{
		"no target":      "/",
		"forged":         "/s/" + string(forged),
		"other key":      "/s/" + string(other.Seal([16]byte{1})),
		"unknown":        "/s/" + w.token(),
		"trashed":        w.link(content(10), func(r *share.Record) { r.Gone = true }),
		"purged capped":  w.link(content(10), func(r *share.Record) { r.Gone, r.MaxDownloads = true, 1 }),
		"trashed, named": w.link(content(10), func(r *share.Record) { r.Gone = true }) + "/name.txt",
	}
	for _, accept := range []string{"*/*", "text/html,*/*;q=0.8"} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			var first answer
			for name, path := range paths {
				for range 2 { // from the source, then from memory
					got := w.do(method, path, "Accept", accept)
					got.header.Del("X-Request-Id")
					got.header.Del("Date")
					if first.status == 0 {
						first = got
					}
					if got.status != 404 || !bytes.Equal(got.body, first.body) || !maps.EqualFunc(got.header, first.header, equalLines) {
						t.Errorf("%s %s: %d %v %q; want as the others: %v %q", method, name, got.status, got.header, got.body, first.header, first.body)
					}
				}
			}
		}
	}
	if w.lookups > 6*len(paths) {
		t.Errorf("%d look-ups", w.lookups)
	}
}

func equalLines(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// Invariant 9: a guessed token costs a hash.
func TestForgedTokenAsksNobody(t *testing.T) {
	w := newWorld(t, nil)
	other, err := share.ParseKeyring("1:" + share.NewKey())
	must(t, err)
	for i := range 20 {
		if got := w.get("/s/" + string(other.Seal([16]byte{byte(i)}))); got.status != 404 {
			t.Fatalf("forged token: %d; want 404", got.status)
		}
	}
	if w.lookups != 0 {
		t.Errorf("%d look-ups for forged tokens; want none", w.lookups)
	}
}

func TestMethodsAndTargets(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link(content(10), nil)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "get"} {
		got, allow := w.do(method, path), formMethods
		if method == "POST" {
			allow = allowedMethods
		}
		if got.status != 405 || got.header.Get("Allow") != allow {
			t.Errorf("%s: %d, Allow %q; want 405", method, got.status, got.header.Get("Allow"))
		}
	}
	for _, target := range []string{"/", "/s", "/s/", "/S" + path[2:], "/" + path, path + "/", path + "/a/b", path + "/..", path + "x",
		path[:len(path)-1], "/s/%61" + path[6:], path + "%2f", path + "/a\\b", path + "/%2e%2e", path + "/.%2E", path + "/..%2f..%2fs%2fx", path + "/a%5Cb", path + "/a%0d%0ab", path + "/%00", "/x/.." + path, "/s//" + path[3:], "/favicon.ico"} {
		got := w.raw("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 404 ") {
			t.Errorf("%q: %.20q; want 404", target, got)
		}
	}
	for _, name := range []string{"/n", "/a%20b.txt", "/100%.txt", "/%", "/%2", "/...", "/a..b", "/%e2%98%83", "/%252e%252e"} {
		if got := w.raw("HEAD " + path + name + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("%q: %.20q; want 200", name, got)
		}
	}
	preflight := w.do("OPTIONS", path, "Origin", "https://a.example", "Access-Control-Request-Method", "GET")
	if preflight.status != 204 || preflight.header.Get("Access-Control-Allow-Origin") != "*" ||
		!strings.Contains(preflight.header.Get("Access-Control-Allow-Headers"), "Range") {
		t.Errorf("preflight: %d %v", preflight.status, preflight.header)
	}
	for name, c := range map[string]struct{ request, want string }{
		"body on GET":  {"GET " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "HTTP/1.1 400 "},
		"big POST":     {"POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", "HTTP/1.1 413 "},
		"big header":   {"GET " + path + " HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 20000) + "\r\n\r\n", "HTTP/1.1 431 "},
		"not HTTP":     {"hello\r\n\r\n", "HTTP/1.1 400 "},
		"two in a row": {"GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\nGET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
	} {
		got := w.raw(c.request)
		if !strings.HasPrefix(got, c.want) || !strings.Contains(got, "X-Content-Type-Options: nosniff") || !strings.Contains(got, "X-Request-Id: ") {
			t.Errorf("%s: %.200q; want %s and the usual headers", name, got, c.want)
		}
	}
	if n := w.count(path); n != 2 {
		t.Errorf("count %d; want 2, of the pipelined GETs", n)
	}
}

// nothing that a browser runs leaves as itself.
func TestActiveContentIsInert(t *testing.T) {
	w := newWorld(t, nil)
	for _, mime := range []string{"text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml",
		"application/rss+xml", "text/javascript", "application/javascript", "text/css", "multipart/x-mixed-replace", "message/rfc822",
		"application/x-shockwave-flash", "application/wasm", "", "nonsense", "text/html\r\nX: y", "image/png, text/html"} {
		for _, permission := range []share.Permission{share.View, share.Download} {
			path := w.link([]byte("<script>alert(1)</script>"), func(r *share.Record) { r.MIME, r.Permission = mime, permission })
			got := w.get(path)
			if ct, cd := got.header.Get("Content-Type"), got.header.Get("Content-Disposition"); ct != mediatype.Unknown || !strings.HasPrefix(cd, "attachment") {
				t.Errorf("%q as %s: %q, %q; want octets, attachment", mime, permission, ct, cd)
			}
			if csp := got.header.Get("Content-Security-Policy"); csp != policyContent.text() || strings.Contains(csp, "allow-scripts") {
				t.Errorf("%q: policy %q", mime, csp)
			}
		}
	}
	shown := map[string]string{"image/png": "image/png", "video/mp4": "video/mp4", "text/plain": mediatype.Plain, "text/csv": mediatype.Plain,
		"application/pdf": "application/pdf", "text/plain; charset=UTF-16LE": "text/plain; charset=utf-16le", "text/plain; charset=utf-7": mediatype.Plain}
	for mime, want := range shown {
		path := w.link([]byte("x"), func(r *share.Record) { r.MIME, r.Permission = mime, share.View })
		if got := w.get(path); got.header.Get("Content-Type") != want || !strings.HasPrefix(got.header.Get("Content-Disposition"), "inline") {
			t.Errorf("%q: %q, %q; want %q inline", mime, got.header.Get("Content-Type"), got.header.Get("Content-Disposition"), want)
		}
	}
	for _, name := range []string{"a\r\nSet-Cookie: x=y", `q"uo"te.txt`, "../../etc/passwd", "\u202egpj.exe", "日本.txt", "a\x00b"} {
		path := w.link([]byte("x"), func(r *share.Record) { r.Name = name })
		got := w.get(path)
		if len(got.header.Values("Set-Cookie")) != 0 || got.status != 200 || strings.ContainsAny(got.header.Get("Content-Disposition"), "\r\n\x00\u202e") {
			t.Errorf("name %q: %v", name, got.header)
		}
	}
}

func TestErrorBodies(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link(content(10), func(r *share.Record) { r.Revoked = true })
	if got := w.get(path); string(got.body) != "{\"detail\":\"link was revoked\"}\n" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("JSON: %s %q", got.header.Get("Content-Type"), got.body)
	}
	got := w.get(path, "Accept", "text/html,application/xhtml+xml")
	page := string(got.body)
	if got.status != 410 || got.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(page, "<h1>This link was withdrawn</h1>") {
		t.Errorf("page: %d %s %q", got.status, got.header.Get("Content-Type"), page)
	}
	for _, bad := range []string{"<script", "http://", "https://", "url(", "src=", "href="} {
		if strings.Contains(page, bad) {
			t.Errorf("page contains %q", bad)
		}
	}
	if got.header.Get("Vary") != "Accept" || got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers: %v", got.header)
	}
	if !strings.Contains(page, "<style>"+pageStyle+"</style>") {
		t.Error("the page's style isn't the one that its policy admits")
	}
}
