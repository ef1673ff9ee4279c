package objects_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rawlink/internal/objects"
	"rawlink/internal/share"
)

// mustStart begins a multipart upload and sends the given contents as parts 1, 2, …
func (l lab) mustStart(tb testing.TB, key string, contents ...[]byte) (uploadID string, parts []objects.Part) {
	tb.Helper()
	uploadID, err := l.StartParts(tb.Context(), objects.PutSpec{Key: key, ContentType: "video/mp4"})
	if err != nil {
		tb.Fatal(err)
	}
	for i, content := range contents {
		signed, err := l.PresignPart(tb.Context(), key, uploadID, i+1, int64(len(content)), time.Minute)
		if err != nil {
			tb.Fatal(err)
		}
		if len(signed.Headers) != 0 {
			tb.Fatalf("Headers of a part = %v; clients send none", signed.Headers)
		}
		got := l.put(tb, signed, content)
		if got.status != http.StatusOK || got.header.Get("ETag") == "" {
			tb.Fatalf("PUT of part %d answered %d %s, ETag %q", i+1, got.status, got.body, got.header.Get("ETag"))
		}
		parts = append(parts, objects.Part{Number: i + 1, ETag: got.header.Get("ETag")})
	}
	return uploadID, parts
}

func threeParts() (whole []byte, parts [][]byte) {
	whole = random(2*objects.MinPart + 12345)
	return whole, slices.Collect(slices.Chunk(whole, objects.MinPart))
}

func testParts(t *testing.T, l lab) {
	whole, contents := threeParts()
	uploadID, parts := l.mustStart(t, "video", contents...)
	_, err := l.Head(t.Context(), "video")
	wantKind(t, "before completion", err, share.NotFound)
	for i := range parts { // without quotes is as good
		if i%2 == 0 {
			parts[i].ETag = strings.Trim(parts[i].ETag, `"`)
		}
	}
	if err := l.CompleteParts(t.Context(), "video", uploadID, parts); err != nil {
		t.Fatal(err)
	}
	info, err := l.Head(t.Context(), "video")
	if err != nil || info.Size != int64(len(whole)) {
		t.Fatalf("Head = %+v, %v; want %d bytes", info, err, len(whole))
	}
	if read, err := l.read(t, "video", info.ETag, 0, info.Size); err != nil || !bytes.Equal(read, whole) {
		t.Fatalf("read %d bytes, %v; want the parts in order", len(read), err)
	}
	from, n := int64(objects.MinPart-5), int64(10)
	if read, err := l.read(t, "video", info.ETag, from, n); err != nil || !bytes.Equal(read, whole[from:from+n]) {
		t.Errorf("read across parts: %d bytes, %v", len(read), err)
	}
	err = l.CompleteParts(t.Context(), "video", uploadID, parts)
	if err != nil && share.KindOf(err) != share.NotFound {
		t.Errorf("completing again: %v; want nil or not found", err)
	}
	if again, err := l.Head(t.Context(), "video"); err != nil || again.ETag != info.ETag {
		t.Errorf("Head after completing again = %+v, %v; want no change", again, err)
	}
}

func testWrongParts(t *testing.T, l lab) {
	whole, contents := threeParts()
	uploadID, parts := l.mustStart(t, "k", contents...)
	swap := slices.Clone(parts)
	swap[0].ETag, swap[2].ETag = swap[2].ETag, swap[0].ETag
	for _, c := range []struct {
		name  string
		parts []objects.Part
	}{
		{"none", nil},
		{"a part never sent", append(slices.Clone(parts), objects.Part{Number: 4, ETag: parts[2].ETag})},
		{"ETags exchanged", swap},
		{"not in order", []objects.Part{parts[1], parts[0], parts[2]}},
		{"one twice", []objects.Part{parts[0], parts[0]}},
		{"a number out of range", []objects.Part{{Number: 0, ETag: parts[0].ETag}}},
	} {
		err := l.CompleteParts(t.Context(), "k", uploadID, c.parts)
		wantKind(t, c.name, err, share.Invalid)
	}
	wantKind(t, "unknown upload", l.CompleteParts(t.Context(), "k", "no-such-upload", parts), share.NotFound)
	wantKind(t, "another key", l.CompleteParts(t.Context(), "other", uploadID, parts), share.NotFound)
	_, err := l.Head(t.Context(), "k")
	wantKind(t, "Head", err, share.NotFound)
	if err := l.CompleteParts(t.Context(), "k", uploadID, parts); err != nil {
		t.Fatalf("the right list after wrong ones: %v", err)
	}
	if info, err := l.Head(t.Context(), "k"); err != nil || info.Size != int64(len(whole)) {
		t.Errorf("Head = %+v, %v", info, err)
	}

	uploadID, parts = l.mustStart(t, "small", []byte("too small"), []byte("last"))
	wantKind(t, "a small part", l.CompleteParts(t.Context(), "small", uploadID, parts), share.Invalid)
	signed, err := l.PresignPart(t.Context(), "small", uploadID, 1, 9, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "a longer part", l.put(t, signed, []byte("ten bytes!")))
	wantRefused(t, "a shorter part", l.put(t, signed, []byte("8 bytes!")))
}

func testAbort(t *testing.T, l lab) {
	uploadID, parts := l.mustStart(t, "k", random(100))
	signed, err := l.PresignPart(t.Context(), "k", uploadID, 2, 4, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.AbortParts(t.Context(), "k", uploadID); err != nil {
			t.Fatal(err)
		}
	}
	wantRefused(t, "a part after the abort", l.put(t, signed, []byte("late")))
	wantKind(t, "completing", l.CompleteParts(t.Context(), "k", uploadID, parts), share.NotFound)
	_, err = l.Head(t.Context(), "k")
	wantKind(t, "Head", err, share.NotFound)
	if err := l.AbortParts(t.Context(), "k", "no-such-upload"); err != nil {
		t.Errorf("aborting what never was: %v", err)
	}
}

func testOpenParts(t *testing.T, l lab) {
	open := func(before time.Time) (all []string) {
		t.Helper()
		err := l.OpenParts(t.Context(), before, func(key, uploadID string) error {
			all = append(all, key+" "+uploadID)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return all
	}
	empty, _ := l.mustStart(t, "a/empty")
	some, parts := l.mustStart(t, "b/some", random(100))
	aborted, _ := l.mustStart(t, "c/aborted", random(100))
	later, earlier := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	if got, want := open(later), []string{"a/empty " + empty, "b/some " + some, "c/aborted " + aborted}; !slices.Equal(got, want) {
		t.Errorf("open: %v; want %v", got, want)
	}
	if got := open(earlier); len(got) > 0 {
		t.Errorf("open for an hour: %v; want none", got)
	}
	if err := l.AbortParts(t.Context(), "c/aborted", aborted); err != nil {
		t.Fatal(err)
	}
	if err := l.CompleteParts(t.Context(), "b/some", some, parts); err != nil {
		t.Fatal(err)
	}
	if got, want := open(later), []string{"a/empty " + empty}; !slices.Equal(got, want) {
		t.Errorf("open afterwards: %v; want %v", got, want)
	}
	enough := errors.New("enough")
	if err := l.OpenParts(t.Context(), later, func(string, string) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("OpenParts = %v; want what visit returned", err)
	}
}

func testInvalid(t *testing.T, l lab) {
	good := objects.PutSpec{Key: "k", Size: 1, ContentType: "text/plain", Expires: time.Minute}
	for name, change := range map[string]func(*objects.PutSpec){
		"no key":              func(s *objects.PutSpec) { s.Key = "" },
		"absolute key":        func(s *objects.PutSpec) { s.Key = "/etc/passwd" },
		"traversal":           func(s *objects.PutSpec) { s.Key = "a/../../b" },
		"dot":                 func(s *objects.PutSpec) { s.Key = "a/./b" },
		"double slash":        func(s *objects.PutSpec) { s.Key = "a//b" },
		"folder":              func(s *objects.PutSpec) { s.Key = "a/" },
		"backslash":           func(s *objects.PutSpec) { s.Key = `a\b` },
		"control character":   func(s *objects.PutSpec) { s.Key = "a\nb" },
		"invalid UTF-8":       func(s *objects.PutSpec) { s.Key = "a\xff" },
		"long key":            func(s *objects.PutSpec) { s.Key = strings.Repeat("a", objects.MaxKey+1) },
		"negative size":       func(s *objects.PutSpec) { s.Size = -1 },
		"huge size":           func(s *objects.PutSpec) { s.Size = objects.MaxPut + 1 },
		"header in the type":  func(s *objects.PutSpec) { s.ContentType = "a/b\r\nX: y" },
		"short digest":        func(s *objects.PutSpec) { s.SHA256 = "abcd" },
		"upper-case digest":   func(s *objects.PutSpec) { s.SHA256 = strings.Repeat("AB", 32) },
		"no lifetime":         func(s *objects.PutSpec) { s.Expires = 0 },
		"fraction of seconds": func(s *objects.PutSpec) { s.Expires = 1500 * time.Millisecond },
		"endless":             func(s *objects.PutSpec) { s.Expires = 8 * 24 * time.Hour },
	} {
		spec := good
		change(&spec)
		_, err := l.PresignPut(t.Context(), spec)
		wantKind(t, name, err, share.Invalid)
		if spec.Key != good.Key {
			_, err = l.Head(t.Context(), spec.Key)
			wantKind(t, "Head: "+name, err, share.Invalid)
			wantKind(t, "Delete: "+name, l.Delete(t.Context(), spec.Key), share.Invalid)
			_, err = l.PresignGet(t.Context(), objects.GetSpec{Key: spec.Key, Expires: time.Minute})
			wantKind(t, "PresignGet: "+name, err, share.Invalid)
		}
	}
	_, err := l.StartParts(t.Context(), objects.PutSpec{Key: "k", SHA256: digest(nil)})
	wantKind(t, "a digest for parts", err, share.Invalid)
	for _, part := range []struct{ number, size int }{{0, 1}, {10001, 1}, {1, 0}} {
		_, err := l.PresignPart(t.Context(), "k", "U", part.number, int64(part.size), time.Minute)
		wantKind(t, "a bad part", err, share.Invalid)
	}
	_, err = l.Open(t.Context(), "k", "", 0, 1)
	wantKind(t, "an unpinned read", err, share.Invalid)
	_, err = l.Open(t.Context(), "k", "e", -1, 1)
	wantKind(t, "a negative span", err, share.NotSatisfiable)
}
