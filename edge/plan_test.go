package edge

import (
	"math"
	"net/url"
	pathpkg "path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rawlink/internal/share"
)

const (
	testEtag  = `"abc"`
	sameDate  = "Tue, 14 Nov 2023 22:13:20 GMT"
	olderDate = "Tue, 14 Nov 2023 22:13:19 GMT"
	newerDate = "Tue, 14 Nov 2023 22:13:21 GMT"
)

func TestParseRange(t *testing.T) {
	tests := []struct {
		header string
		size   int64
		form   rangeForm
		want   span
	}{
		{"", 10, rangeAbsent, span{}},
		{"bytes=0-0", 10, rangeSingle, span{0, 1}},
		{"bytes=0-", 10, rangeSingle, span{0, 10}},
		{"bytes=9-", 10, rangeSingle, span{9, 10}},
		{"bytes=9-9", 10, rangeSingle, span{9, 10}},
		{"bytes=0-9", 10, rangeSingle, span{0, 10}},
		{"bytes=0-10", 10, rangeSingle, span{0, 10}},
		{"bytes=3-99999999999999999999999", 10, rangeSingle, span{3, 10}},
		{"BYTES=2-4", 10, rangeSingle, span{2, 5}},
		{"bytes= 2-4 ", 10, rangeSingle, span{2, 5}},
		{"bytes=,2-4,", 10, rangeSingle, span{2, 5}},
		{"bytes=-1", 10, rangeSingle, span{9, 10}},
		{"bytes=-10", 10, rangeSingle, span{0, 10}},
		{"bytes=-99", 10, rangeSingle, span{0, 10}},
		{"bytes=-99999999999999999999999", 10, rangeSingle, span{0, 10}},
		{"bytes=-0", 10, rangeUnsatisfiable, span{}},
		{"bytes=10-", 10, rangeUnsatisfiable, span{}},
		{"bytes=10-12", 10, rangeUnsatisfiable, span{}},
		{"bytes=99999999999999999999999-", 10, rangeUnsatisfiable, span{}},
		{"bytes=-0,10-", 10, rangeUnsatisfiable, span{}},
		{"bytes=0-", 0, rangeUnsatisfiable, span{}},
		{"bytes=0-0", 0, rangeUnsatisfiable, span{}},
		{"bytes=-0", 0, rangeUnsatisfiable, span{}},
		{"bytes=-5", 0, rangeIgnored, span{}},
		{"bytes=0-0", 1, rangeSingle, span{0, 1}},
		{"bytes=1-", 1, rangeUnsatisfiable, span{}},
		{"bytes=-1", 1, rangeSingle, span{0, 1}},
		{"bytes=0-0, 99-", 10, rangeSingle, span{0, 1}},
		{"bytes=0-5,0-5", 10, rangeIgnored, span{}},
		{"bytes=0-5,5-5", 10, rangeIgnored, span{}},
		{"bytes=5-,-3", 10, rangeIgnored, span{}},
		{"bytes=" + strings.Repeat("99-,", 16) + "0-0", 10, rangeIgnored, span{}},
		{"bytes=5-4", 10, rangeIgnored, span{}},
		{"bytes=", 10, rangeIgnored, span{}},
		{"bytes=,", 10, rangeIgnored, span{}},
		{"bytes=-", 10, rangeIgnored, span{}},
		{"bytes", 10, rangeIgnored, span{}},
		{"bytes 0-1", 10, rangeIgnored, span{}},
		{"bytes=a-b", 10, rangeIgnored, span{}},
		{"bytes=0x1-2", 10, rangeIgnored, span{}},
		{"bytes=+1-2", 10, rangeIgnored, span{}},
		{"bytes=--1", 10, rangeIgnored, span{}},
		{"bytes=1-2-3", 10, rangeIgnored, span{}},
		{"bytes=1 - 2", 10, rangeIgnored, span{}},
		{"bytes=0-1,x", 10, rangeIgnored, span{}},
		{"bytes=0-1, bytes=2-3", 10, rangeIgnored, span{}},
		{"items=0-1", 10, rangeIgnored, span{}},
		{"bytes =0-1", 10, rangeIgnored, span{}},
	}
	for _, tt := range tests {
		if form, got, several := parseRange(tt.header, tt.size); form != tt.form || got != tt.want || several != nil {
			t.Errorf("parseRange(%q, %d) = %d, %v; want %d, %v", tt.header, tt.size, form, got, tt.form, tt.want)
		}
	}
}

func TestParseSeveralRanges(t *testing.T) {
	tests := []struct {
		header string
		want   []span
	}{
		{"bytes=0-0,2-3", []span{{0, 1}, {2, 4}}},
		{"bytes=0-0,1-1", []span{{0, 1}, {1, 2}}},
		{"bytes=-1, 0-0 ,,99-", []span{{9, 10}, {0, 1}}},
		{"bytes=" + strings.Repeat("99-,", 14) + "0-0,4-", []span{{0, 1}, {4, 10}}},
	}
	for _, tt := range tests {
		if form, _, got := parseRange(tt.header, 10); form != rangeSeveral || !slices.Equal(got, tt.want) {
			t.Errorf("parseRange(%q, 10) = %d, %v; want %v", tt.header, form, got, tt.want)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=0-1,5-6", "x=1", "bytes=9223372036854775807-"} {
		for _, size := range []int64{0, 1, 10, math.MaxInt64} {
			f.Add(seed, size)
		}
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		form, s, several := parseRange(header, size)
		var sum int64
		for _, part := range several {
			sum += part.length()
			if part.from < 0 || part.from >= part.to || part.to > size {
				t.Errorf("parseRange(%q, %d): part %v outside the object", header, size, part)
			}
		}
		switch {
		case (form == rangeSeveral) != (len(several) > 1) || len(several) > maxRanges || sum > size:
			t.Errorf("parseRange(%q, %d): form %d, parts %v", header, size, form, several)
		case form == rangeSingle && (s.from < 0 || s.from >= s.to || s.to > size):
			t.Errorf("parseRange(%q, %d): span %v outside the object", header, size, s)
		case form != rangeSingle && s != (span{}):
			t.Errorf("parseRange(%q, %d): form %d with span %v", header, size, form, s)
		case (form == rangeAbsent) != (header == ""):
			t.Errorf("parseRange(%q, %d): form %d", header, size, form)
		case form > rangeIgnored && !strings.EqualFold(header[:6], "bytes="):
			t.Errorf("parseRange(%q, %d): honoured another unit", header, size)
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	good := "/s/" + strings.Repeat("Ab-_", share.TokenLen/4)
	for _, seed := range []string{good, good + "/n", good + "?q", good + "/", "/s/../", "http://x" + good, good + "/%2e%2e", good + "/.%2E", good + "/..%2f" + good[3:], good + "/..%5c", good + "/a%00", good + "/%", good + "/100%.txt", good + "/a%20b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		token, _, ok := parseTarget([]byte(target))
		if !ok {
			return
		}
		if len(token) != share.TokenLen || !strings.HasPrefix(target, "/s/"+string(token)) {
			t.Errorf("parseTarget(%q) = %q", target, string(token))
		}
		path, _, _ := strings.Cut(target, "?")
		if strings.Count(path, "/") > 3 || strings.ContainsAny(path, "\r\n\x00 \\#") {
			t.Errorf("parseTarget(%q) accepted the path", target)
		}
		name := strings.TrimPrefix(path, "/s/"+string(token))
		if decoded, err := url.PathUnescape(name); err == nil && name != "" && pathpkg.Clean(decoded) != decoded {
			t.Errorf("parseTarget(%q): a proxy that decodes makes %q of the name", target, pathpkg.Clean(decoded))
		}
	})
}

// The preconditions of RFC 9110 §13.2.2, one by one and against each other.
func TestEvaluate(t *testing.T) {
	tests := []struct {
		name string
		c    conditions
		want verdict
	}{
		{"none", conditions{}, proceed},
		{"If-Match hit", conditions{ifMatch: testEtag}, proceed},
		{"If-Match any", conditions{ifMatch: "*"}, proceed},
		{"If-Match in a list", conditions{ifMatch: `"x", "a,b" , "abc"`}, proceed},
		{"If-Match miss", conditions{ifMatch: `"x"`}, failed},
		{"If-Match weak never matches", conditions{ifMatch: `W/"abc"`}, failed},
		{"If-Match malformed", conditions{ifMatch: `abc`}, failed},
		{"If-Match unterminated", conditions{ifMatch: `"abc`}, failed},
		{"If-Unmodified-Since same", conditions{ifUnmodifiedSince: sameDate}, proceed},
		{"If-Unmodified-Since newer", conditions{ifUnmodifiedSince: newerDate}, proceed},
		{"If-Unmodified-Since older", conditions{ifUnmodifiedSince: olderDate}, failed},
		{"If-Unmodified-Since no date", conditions{ifUnmodifiedSince: "yesterday"}, proceed},
		{"If-Match outranks If-Unmodified-Since", conditions{ifMatch: testEtag, ifUnmodifiedSince: olderDate}, proceed},
		{"Firefox resumes", conditions{ifMatch: testEtag, ifUnmodifiedSince: sameDate}, proceed},
		{"If-None-Match hit", conditions{ifNoneMatch: testEtag}, notModified},
		{"If-None-Match weak hit", conditions{ifNoneMatch: `W/"abc"`}, notModified},
		{"If-None-Match any", conditions{ifNoneMatch: "*"}, notModified},
		{"If-None-Match list", conditions{ifNoneMatch: `"x","abc"`}, notModified},
		{"If-None-Match miss", conditions{ifNoneMatch: `"x"`}, proceed},
		{"If-None-Match is case-sensitive", conditions{ifNoneMatch: `"ABC"`}, proceed},
		{"If-None-Match malformed", conditions{ifNoneMatch: `abc`}, proceed},
		{"If-Modified-Since same", conditions{ifModifiedSince: sameDate}, notModified},
		{"If-Modified-Since newer", conditions{ifModifiedSince: newerDate}, notModified},
		{"If-Modified-Since older", conditions{ifModifiedSince: olderDate}, proceed},
		{"If-Modified-Since no date", conditions{ifModifiedSince: "0"}, proceed},
		{"If-Modified-Since RFC 850", conditions{ifModifiedSince: "Tuesday, 14-Nov-23 22:13:20 GMT"}, notModified},
		{"If-Modified-Since asctime", conditions{ifModifiedSince: "Tue Nov 14 22:13:20 2023"}, notModified},
		{"If-None-Match outranks If-Modified-Since", conditions{ifNoneMatch: `"x"`, ifModifiedSince: sameDate}, proceed},
		{"412 before 304", conditions{ifMatch: `"x"`, ifNoneMatch: testEtag}, failed},
		{"If-Match hit, then 304", conditions{ifMatch: testEtag, ifNoneMatch: testEtag}, notModified},
	}
	for _, tt := range tests {
		if got := tt.c.evaluate(testEtag, modified); got != tt.want {
			t.Errorf("%s: %d; want %d", tt.name, got, tt.want)
		}
	}
	for _, c := range []conditions{{ifModifiedSince: newerDate}, {ifUnmodifiedSince: olderDate}} {
		if got := c.evaluate(testEtag, 0); got != proceed {
			t.Errorf("%+v without Last-Modified: %d; want proceed", c, got)
		}
	}
}

// method × validators × range form × size.
func TestDecide(t *testing.T) {
	ranges := map[string]map[int64]plan{ // by header, by size; nil entry = whole
		"":            {},
		"items=1-2":   {},
		"bytes=5-2":   {},
		"bytes=0-,0-": {0: {status: 416}},
		"bytes=0-": {
			0:    {status: 416},
			1:    {status: 206, span: span{0, 1}, length: 1, charge: chargeRange},
			1024: {status: 206, span: span{0, 1024}, length: 1024, charge: chargeRange},
			5000: {status: 206, span: span{0, 5000}, length: 5000, charge: chargeRange},
		},
		"bytes=0-0": {
			0:    {status: 416},
			1:    {status: 206, span: span{0, 1}, length: 1, charge: chargeRange},
			1024: {status: 206, span: span{0, 1}, length: 1, charge: chargeRange},
			5000: {status: 206, span: span{0, 1}, length: 1, charge: chargeProbe},
		},
		"bytes=0-1": {
			0:    {status: 416},
			1:    {status: 206, span: span{0, 1}, length: 1, charge: chargeRange},
			1024: {status: 206, span: span{0, 2}, length: 2, charge: chargeRange},
			5000: {status: 206, span: span{0, 2}, length: 2, charge: chargeProbe},
		},
		"bytes=1-": {
			0:    {status: 416},
			1:    {status: 416},
			1024: {status: 206, span: span{1, 1024}, length: 1023, charge: chargeRange},
			5000: {status: 206, span: span{1, 5000}, length: 4999, charge: chargeRange},
		},
		"bytes=-2": {
			1:    {status: 206, span: span{0, 1}, length: 1, charge: chargeRange},
			1024: {status: 206, span: span{1022, 1024}, length: 2, charge: chargeRange},
			5000: {status: 206, span: span{4998, 5000}, length: 2, charge: chargeRange},
		},
	}
	validators := []struct {
		name   string
		c      conditions
		status int  // 0 = as without
		whole  bool // the range doesn't stand
	}{
		{"none", conditions{}, 0, false},
		{"If-Match hit", conditions{ifMatch: testEtag}, 0, false},
		{"If-Match miss", conditions{ifMatch: `"x"`}, 412, false},
		{"If-None-Match hit", conditions{ifNoneMatch: testEtag}, 304, false},
		{"If-Range hit", conditions{ifRange: testEtag}, 0, false},
		{"If-Range other", conditions{ifRange: `"x"`}, 0, true},
		{"If-Range weak", conditions{ifRange: `W/"abc"`}, 0, true},
		{"If-Range date", conditions{ifRange: sameDate}, 0, false},
		{"If-Range newer date", conditions{ifRange: newerDate}, 0, true},
		{"If-Range nonsense", conditions{ifRange: "x"}, 0, true},
		{"412 before If-Range", conditions{ifMatch: `"x"`, ifRange: testEtag}, 412, false},
	}
	for header, bySize := range ranges {
		for _, size := range []int64{0, 1, 1024, 5000} {
			for _, v := range validators {
				for _, m := range []method{methodGet, methodHead} {
					want := plan{status: 200, span: span{0, size}, length: size, charge: chargeWhole}
					if p, ok := bySize[size]; ok && !v.whole {
						want = p
					}
					switch {
					case v.status != 0:
						want = plan{status: v.status}
					case m == methodHead:
						want = plan{status: 200, length: size}
					}
					rec := &share.Record{Modified: modified, Object: share.Object{Size: size}}
					req := &request{method: m, rangeText: header, conditions: v.c}
					if got := decide(req, rec, &heads{etag: testEtag}); !reflect.DeepEqual(got, want) {
						t.Errorf("method %d, %q of %d, %s: %+v; want %+v", m, header, size, v.name, got, want)
					}
				}
			}
		}
	}
}

// what browsers and players see on the wire.
func TestRangesOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	const size = 200_000
	want := content(size)
	path := w.link(want, func(r *share.Record) { r.MIME, r.Permission = "video/mp4", share.View })
	etag := `"` + w.record(path).Object.SHA256 + `"`
	tests := []struct {
		headers  []string
		status   int
		from, to int
		about    string // Content-Range
	}{
		{[]string{"Range", "bytes=0-1"}, 206, 0, 2, "bytes 0-1/200000"},
		{[]string{"Range", "bytes=0-"}, 206, 0, size, "bytes 0-199999/200000"},
		{[]string{"Range", "bytes=100-"}, 206, 100, size, "bytes 100-199999/200000"},
		{[]string{"Range", "bytes=-500"}, 206, size - 500, size, "bytes 199500-199999/200000"},
		{[]string{"Range", "bytes=65535-65536"}, 206, 65535, 65537, "bytes 65535-65536/200000"},
		{[]string{"Range", "bytes=5-9", "If-Range", etag}, 206, 5, 10, "bytes 5-9/200000"},
		{[]string{"Range", "bytes=5-9", "If-Range", sameDate}, 206, 5, 10, "bytes 5-9/200000"},
		{[]string{"Range", "bytes=5-9", "If-Range", `"stale"`}, 200, 0, size, ""},
		{[]string{"Range", "bytes=5-9", "If-Match", etag, "If-Unmodified-Since", sameDate}, 206, 5, 10, "bytes 5-9/200000"},
		{[]string{"Range", "bytes=5-9", "If-Match", `"stale"`}, 412, 0, 0, ""},
		{[]string{"If-None-Match", etag}, 304, 0, 0, ""},
		{[]string{"Range", "bytes=200000-"}, 416, 0, 0, "bytes */200000"},
		{[]string{"Range", "bytes=-0"}, 416, 0, 0, "bytes */200000"},
		{[]string{"Range", "items=0-5"}, 200, 0, size, ""},
		{[]string{"Range", "bytes=0-1,1-6"}, 200, 0, size, ""},
	}
	for _, tt := range tests {
		got := w.get(path, tt.headers...)
		if r := unmet[tt.status]; r != nil { // which says so, as every error does
			if got.err != nil || got.status != tt.status || string(got.body) != string(r.json) || got.header.Get("Content-Range") != tt.about || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v: %d %q, %v, %v; want %d in words", tt.headers, got.status, got.body, got.header, got.err, tt.status)
			}
			continue
		}
		if got.err != nil || got.status != tt.status || string(got.body) != string(want[tt.from:tt.to]) || got.header.Get("Content-Range") != tt.about {
			t.Errorf("%v: %d, %d bytes, %q, %v; want %d, %d bytes, %q", tt.headers, got.status, len(got.body), got.header.Get("Content-Range"), got.err,
				tt.status, tt.to-tt.from, tt.about)
		}
	}
	page := w.get(path, "If-Match", `"stale"`, "Accept", "text/html")
	if r := unmet[412]; page.status != 412 || string(page.body) != string(r.page) || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || !strings.Contains(page.header.Get("Content-Security-Policy"), "style-src 'sha256-") {
		t.Errorf("412 for a browser: %d %v %.80q; want its page", page.status, page.header, page.body)
	}
	not := w.get(path, "If-None-Match", etag)
	if not.header.Get("Etag") != etag || not.header.Get("Cache-Control") != "public, max-age=3600" || not.header.Get("Content-Length") != "" {
		t.Errorf("304: %v", not.header)
	}
}

func TestClaim(t *testing.T) {
	keys, err := share.ParseKeyring("1:" + share.NewKey())
	must(t, err)
	good := keys.Seal([16]byte{1})
	if hash, err := claim(keys, good); err != nil || hash != share.HashToken(string(good)) {
		t.Errorf("claim = %v, %v; want the token's hash", hash, err)
	}
	forged := []byte(good)
	forged[len(forged)-1] ^= 1
	if _, err := claim(keys, share.Token(forged)); err != errNotFound { //nolint:errorlint // the very same refusal as for an unknown share
		t.Errorf("claim of a forged token = %v; want %v", err, errNotFound)
	}
}
