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
	rangeSeveral                        // more than one satisfiable span, no two of which overlap
	rangeUnsatisfiable                  // no range overlaps the object: 416
)

// maxRanges is how many ranges one request may ask for. A header with more is
// ignored, as RFC 9110 §14.2 allows: it costs more than the whole is worth.
const maxRanges = 16

// parseRange reads a Range header by the grammar of RFC 9110 §14.1.1 for an
// object of size bytes. The span is set for rangeSingle, the spans for
// rangeSeveral: in the order asked for, without those that are unsatisfiable.
func parseRange(header string, size int64) (rangeForm, span, []span) {
	if header == "" {
		return rangeAbsent, span{}, nil
	}
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return rangeIgnored, span{}, nil
	}
	var asked int
	var first span
	var several []span // allocated for more than one
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // a recipient accepts empty list elements, RFC 9110 §5.6.1.2
		}
		s, valid := parseSpec(spec, size)
		if asked++; !valid || asked > maxRanges {
			return rangeIgnored, span{}, nil
		}
		switch {
		case s.length() == 0:
		case first.length() == 0:
			first = s
		case several == nil:
			several = append(make([]span, 0, maxRanges), first, s)
		default:
			several = append(several, s)
		}
	}
	return weigh(asked, first, several)
}

func weigh(asked int, first span, several []span) (rangeForm, span, []span) {
	switch {
	case asked == 0, overlap(several):
		return rangeIgnored, span{}, nil
	case first.length() == 0:
		return rangeUnsatisfiable, span{}, nil
	case several != nil:
		return rangeSeveral, span{}, several
	}
	return rangeSingle, first, nil
}

// overlap reports whether two of the spans share a byte: then the parts could
// add up to many times the object (CVE-2011-3192), and nobody needs them.
func overlap(spans []span) bool {
	for i, a := range spans {
		for _, b := range spans[:i] {
			if a.from < b.to && b.from < a.to {
				return true
			}
		}
	}
	return false
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
