package edge

import (
	"bytes"
	"fmt"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rawlink/internal/share"

	"pgregory.net/rapid"
)

// The standard library reads preconditions and ranges by itself; whatever is
// asked of both in well-formed headers has one answer.
func TestDecideAgreesWithNetHTTP(t *testing.T) {
	tags := []string{"", `"abc"`, `"x"`, `W/"abc"`, "*", `"x", "abc"`, `W/"abc" , "y"`, `"x","y"`}
	dates := []string{"", sameDate, olderDate, newerDate, "Sunday, 06-Nov-94 08:49:37 GMT", "never"}
	ranges := []string{"", "bytes=0-0", "bytes=0-", "bytes=5-9", "bytes=-3", "bytes=-999", "bytes=3-2", "bytes=99-", "bytes=-0",
		"bytes=0-1,4-5", "bytes=4-5, 0-1 , -2", "bytes=99-,0-1", "items=0-1", "bytes=x", "bytes=0-1,x"}
	ifRanges := append([]string{`"abc"`, `"x"`, `W/"abc"`}, dates...)
	body := []byte("0123456789")
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(name string, from []string) string { return rapid.SampledFrom(from).Draw(rt, name) }
		r := httptest.NewRequest(pick("method", []string{"GET", "HEAD"}), "/", nil)
		c := conditions{
			ifMatch: pick("If-Match", tags), ifNoneMatch: pick("If-None-Match", tags), ifModifiedSince: pick("If-Modified-Since", dates),
			ifUnmodifiedSince: pick("If-Unmodified-Since", dates), ifRange: pick("If-Range", ifRanges),
		}
		text := pick("Range", ranges)
		for name, value := range map[string]string{"If-Match": c.ifMatch, "If-None-Match": c.ifNoneMatch, "If-Modified-Since": c.ifModifiedSince,
			"If-Unmodified-Since": c.ifUnmodifiedSince, "If-Range": c.ifRange, "Range": text} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		w.Header().Set("Etag", testEtag)
		http.ServeContent(w, r, "", time.Unix(modified, 0), bytes.NewReader(body))

		req := &request{method: methodGet, rangeText: text, conditions: c}
		if r.Method == "HEAD" {
			req.method = methodHead
		}
		rec := &share.Record{Modified: modified, Object: share.Object{Size: int64(len(body))}}
		p := decide(req, rec, &heads{etag: testEtag, contentType: "text/plain"})
		want := w.Code
		switch {
		case req.method == methodHead && (want == 206 || want == 416): // it honours Range there, which RFC 9110 §14.2 does not define
			want = 200
		case (text == "bytes=x" || text == "bytes=3-2" || text == "items=0-1" || strings.HasSuffix(text, ",x")) && want == 416:
			want = 200 // it refuses what isn't the grammar; we ignore it, as §14.2 allows
		case text == "bytes=-0" && want == 206:
			want = 416 // it answers with no bytes, of which no Content-Range can speak
		}
		if p.status != want {
			rt.Fatalf("status %d; net/http says %d", p.status, w.Code)
		}
		if p.status == 206 && p.parts == nil {
			if about := fmt.Sprintf("bytes %d-%d/%d", p.span.from, p.span.to-1, len(body)); about != w.Header().Get("Content-Range") && !strings.Contains(text, ",") {
				rt.Fatalf("%s; net/http says %s", about, w.Header().Get("Content-Range"))
			}
		}
	})
}

// Sets of ranges come to the same bytes as the standard library's, or to the whole
// where RFC 9110 §14.2 lets it be: for more than 16, and where two overlap.
func TestRangeSetsAgreeWithNetHTTP(t *testing.T) {
	body := content(500)
	position := rapid.OneOf(rapid.Int64Range(0, 520), rapid.SampledFrom([]int64{math.MaxInt64, math.MaxInt64 - 1, 1 << 32}))
	spec := rapid.Custom(func(rt *rapid.T) string {
		from := position.Draw(rt, "from")
		switch rapid.IntRange(0, 5).Draw(rt, "form") {
		case 0:
			return fmt.Sprintf("%d-", from)
		case 1:
			return fmt.Sprintf("-%d", max(1, from))
		case 2:
			return fmt.Sprintf("%d-%d", from%500, position.Draw(rt, "to")) // beyond the end it doesn't look at "to"
		}
		return fmt.Sprintf("%d-%d", min(from, 1000), min(from, 1000)+rapid.Int64Range(0, 5).Draw(rt, "more"))
	})
	inOrder := rapid.Custom(func(rt *rapid.T) (specs []string) { // that overlap by a byte at most
		for i := range rapid.SampledFrom([]int{2, 3, 16, 17, 18}).Draw(rt, "number") {
			specs = append(specs, fmt.Sprintf("%d-%d", 20*i, 20*i+rapid.SampledFrom([]int{0, 5, 19, 20}).Draw(rt, "more")))
		}
		return specs
	})
	distinct := rapid.Custom(func(rt *rapid.T) (specs []string) {
		for i := range rapid.SampledFrom([]int{2, 3, 16, 17, 18}).Draw(rt, "number") {
			specs = append(specs, fmt.Sprintf("%d-%d", 20*i, 20*i+rapid.IntRange(0, 19).Draw(rt, "more")))
		}
		return specs
	})
	sets := rapid.OneOf(rapid.SliceOfN(spec, 1, 5), inOrder, distinct)
	rapid.Check(t, func(rt *rapid.T) {
		specs := sets.Draw(rt, "specs")
		text := "bytes=" + strings.Join(specs, rapid.SampledFrom([]string{",", ", ", " ,\t"}).Draw(rt, "comma"))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", text)
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "text/plain")
		http.ServeContent(w, r, "", time.Unix(modified, 0), bytes.NewReader(body))
		theirs := partsOf(rt, w)
		want := w.Code
		switch {
		case want == 416 && w.Header().Get("Content-Range") == "":
			want = 200 // not the grammar
		case len(specs) > maxRanges && want != 200, overlap(theirs):
			want = 200
		}
		p := decide(&request{rangeText: text}, &share.Record{Modified: modified, Object: share.Object{Size: int64(len(body))}}, &heads{contentType: "text/plain"})
		if p.status != want {
			rt.Fatalf("%s: status %d; net/http says %d, parts %v", text, p.status, w.Code, theirs)
		}
		ours := p.parts
		if p.status == 206 && ours == nil {
			ours = []span{p.span}
		}
		if want == 206 && !slices.Equal(ours, theirs) {
			rt.Fatalf("%s: parts %v; net/http's are %v", text, ours, theirs)
		}
	})
}

// partsOf returns what a 206 carries, by what its Content-Ranges say.
func partsOf(rt *rapid.T, w *httptest.ResponseRecorder) (spans []span) {
	if w.Code != 206 {
		return nil
	}
	add := func(about string) {
		var s span
		if _, err := fmt.Sscanf(about, "bytes %d-%d/", &s.from, &s.to); err != nil {
			rt.Fatalf("Content-Range %q: %v", about, err)
		}
		s.to++
		spans = append(spans, s)
	}
	kind, params, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if kind != "multipart/byteranges" {
		add(w.Header().Get("Content-Range"))
		return spans
	}
	for parts := multipart.NewReader(w.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err != nil {
			return spans
		}
		add(part.Header.Get("Content-Range"))
	}
}

// FuzzEvaluate: whatever stands in the conditional headers, an answer comes out,
// and "*" or the tag itself is recognised behind anything well-formed.
func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{`"abc"`, `W/"abc"`, `"x"`, `W/"x"`, `"abcd"`, newerDate, olderDate, "*", `"a", "abc"`, `"`, `W/`, "Tue, 14 Nov 2023 22:13:20 GMT", ",,,"} {
		f.Add(seed, seed, seed)
	}
	f.Fuzz(func(t *testing.T, match, none, date string) {
		c := conditions{ifMatch: match, ifNoneMatch: none, ifModifiedSince: date, ifUnmodifiedSince: date, ifRange: date}
		v := c.evaluate(testEtag, modified)
		if v == proceed && match != "" && !strings.Contains(match, testEtag) && !strings.Contains(match, "*") {
			t.Errorf("If-Match %q let it pass", match)
		}
		if v == notModified && none != "" && !strings.Contains(none, testEtag) && !strings.Contains(none, "*") {
			t.Errorf("If-None-Match %q said not modified", none)
		}
		if c.rangeStands(testEtag, modified) && date != "" && date != testEtag {
			if at, ok := httpDate(date); !ok || at != modified {
				t.Errorf("If-Range %q stands", date)
			}
		}
		known := conditions{ifNoneMatch: `"x", W/"y", ` + testEtag, ifModifiedSince: date}
		if known.evaluate(testEtag, modified) != notModified {
			t.Errorf("behind other tags and beside If-Modified-Since %q the tag isn't recognised", date)
		}
		weak := conditions{ifMatch: "W/" + testEtag, ifNoneMatch: none, ifUnmodifiedSince: date}
		if weak.evaluate(testEtag, modified) != failed {
			t.Errorf("a weak tag in If-Match let it pass beside If-None-Match %q", none)
		}
	})
}
