package edge

import (
	"math"
	"strings"
)

// span is the half-open byte interval [from, to) of an object.
type span struct{ from, to int64 }

// length returns the number of bytes in the span.
func (s span) length() int64 { return s.to - s.from }

// rangeForm is what a Range header comes to for an object of known size.
type rangeForm uint8

// The forms. No two of them share a spelling with a valid span: "absent",
// "the whole object" and "its first byte" are different values.
const (
	rangeAbsent        rangeForm = iota // no Range header
	rangeIgnored                        // another unit, or not the grammar: as if absent (RFC 9110 §14.2)
	rangeSingle                         // one satisfiable span
	rangeSeveral                        // more than one range, at least one satisfiable
	rangeUnsatisfiable                  // no range overlaps the object: 416
)

// parseRange reads a Range header by the grammar of RFC 9110 §14.1.1 for an
// object of size bytes. The span is set for rangeSingle only.
func parseRange(header string, size int64) (rangeForm, span) {
	if header == "" {
		return rangeAbsent, span{}
	}
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return rangeIgnored, span{}
	}
	var asked, satisfiable int
	var first span
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // a recipient accepts empty list elements, RFC 9110 §5.6.1.2
		}
		s, valid := parseSpec(spec, size)
		if !valid {
			return rangeIgnored, span{}
		}
		asked++
		if s.length() > 0 {
			if satisfiable++; satisfiable == 1 {
				first = s
			}
		}
	}
	return weigh(asked, satisfiable, first)
}

func weigh(asked, satisfiable int, first span) (rangeForm, span) {
	switch {
	case asked == 0:
		return rangeIgnored, span{}
	case satisfiable == 0:
		return rangeUnsatisfiable, span{}
	case asked > 1:
		return rangeSeveral, span{}
	}
	return rangeSingle, first
}

// parseSpec reads one int-range or suffix-range. An unsatisfiable one is valid
// and has an empty span. A suffix of an empty object would be satisfiable by
// the letter, but no Content-Range can say so: it is not valid here, and so the
// header is ignored.
func parseSpec(spec string, size int64) (s span, valid bool) {
	firstText, lastText, ok := strings.Cut(spec, "-")
	if !ok {
		return span{}, false
	}
	if firstText == "" {
		n, ok := parsePosition(lastText)
		if !ok || (n > 0 && size == 0) {
			return span{}, false
		}
		return span{size - min(n, size), size}, true
	}
	from, ok := parsePosition(firstText)
	if !ok {
		return span{}, false
	}
	last := int64(math.MaxInt64)
	if lastText != "" {
		if last, ok = parsePosition(lastText); !ok || last < from {
			return span{}, false
		}
	}
	if from >= size {
		return span{}, true
	}
	return span{from, min(last, size-1) + 1}, true
}

// parsePosition reads 1*DIGIT. A number beyond int64 is as good as its maximum.
func parsePosition(digits string) (int64, bool) {
	if digits == "" {
		return 0, false
	}
	var n int64
	for i := range len(digits) {
		d := int64(digits[i]) - '0'
		if d < 0 || d > 9 {
			return 0, false
		}
		if n > (math.MaxInt64-d)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + d
	}
	return n, true
}
