package redisstore

import (
	"math"
	"slices"
	"strings"
	"testing"

	"rawlink/internal/share"
)

func TestPosition(t *testing.T) {
	order := []string{"0-0", "0-1", "1-0", "9-5", "10-0", "10-10", "18446744073709551615-18446744073709551615"}
	for i, a := range order {
		for j, b := range order {
			p, err1 := parsePosition(a)
			q, err2 := parsePosition(b)
			if err1 != nil || err2 != nil || p.before(q) != (i < j) {
				t.Errorf("%s before %s = %v, %v, %v; want %v", a, b, p.before(q), err1, err2, i < j)
			}
		}
	}
	for _, bad := range []string{"", "1", "1-", "-1", "a-b", "1-2-3", "+1-1"} {
		if p, err := parsePosition(bad); err == nil {
			t.Errorf("parsePosition(%q) = %v", bad, p)
		}
	}
}

// What is read is what was written, to the letter; anything else is an error.
func FuzzParseEvents(f *testing.F) {
	f.Add("")
	f.Add(encodeEvents([]share.Event{{Hash: share.Hash{1}, Version: 1}, {Hash: share.Hash{2}, Version: math.MaxInt64}}))
	f.Add(strings.Repeat("0", 64) + ":1 ")
	f.Fuzz(func(t *testing.T, text string) {
		events, err := parseEvents(text)
		if err != nil {
			if events != nil {
				t.Errorf("%d events beside %v", len(events), err)
			}
			return
		}
		again, err := parseEvents(encodeEvents(events))
		if err != nil || !slices.Equal(events, again) {
			t.Errorf("%q: read %v, written and read again %v, %v", text, events, again, err)
		}
	})
}

func FuzzParseTick(f *testing.F) {
	f.Add("origin 1")
	f.Add("origin")
	f.Add(" 1")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := parseTick(text); err == nil && (got.origin == "" || got.number < 1) {
			t.Errorf("parseTick(%q) = %+v", text, got)
		}
	})
}
