package edge

import (
	"net/http"
	"strings"
	"time"
)

// conditions are the conditional headers of a request, as sent; "" = absent.
type conditions struct {
	ifMatch           string
	ifNoneMatch       string
	ifModifiedSince   string
	ifUnmodifiedSince string
	ifRange           string
}

// verdict is what the preconditions say about a request.
type verdict uint8

const (
	proceed     verdict = iota
	notModified         // 304
	failed              // 412
)

// evaluate applies the preconditions in the order of RFC 9110 §13.2.2. The
// object has a strong etag, quoted, and was modified at a Unix second, 0 =
// unknown. Method must be GET or HEAD.
func (c *conditions) evaluate(etag string, modified int64) verdict {
	switch {
	case c.ifMatch != "":
		if !matches(c.ifMatch, etag, strongly) {
			return failed
		}
	case c.ifUnmodifiedSince != "" && modified != 0:
		if t, ok := httpDate(c.ifUnmodifiedSince); ok && modified > t {
			return failed
		}
	}
	switch {
	case c.ifNoneMatch != "":
		if matches(c.ifNoneMatch, etag, weakly) {
			return notModified
		}
	case c.ifModifiedSince != "" && modified != 0:
		if t, ok := httpDate(c.ifModifiedSince); ok && modified <= t {
			return notModified
		}
	}
	return proceed
}

// rangeStands reports whether a Range header is to be honoured, RFC 9110
// §13.1.5: no If-Range, or one that names this very version. A date must be the
// exact Last-Modified, which is a strong validator here: bytes never change
// under one version.
func (c *conditions) rangeStands(etag string, modified int64) bool {
	switch {
	case c.ifRange == "":
		return true
	case strings.HasPrefix(c.ifRange, `"`), strings.HasPrefix(c.ifRange, "W/"):
		return c.ifRange == etag
	}
	t, ok := httpDate(c.ifRange)
	return ok && modified != 0 && t == modified
}

// The two comparisons of RFC 9110 §8.8.3.2. The object's own tag is strong.
const (
	strongly = false
	weakly   = true
)

// matches reports whether a list of entity tags names etag. "*" names any
// version there is. A list that leaves the grammar ends at that point.
func matches(list, etag string, weak bool) bool {
	list = strings.Trim(list, " \t")
	if list == "*" {
		return true
	}
	for list != "" {
		list = strings.TrimLeft(list, " \t,")
		rest, isWeak := strings.CutPrefix(list, "W/")
		if !strings.HasPrefix(rest, `"`) {
			return false
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return false
		}
		if rest[:end+2] == etag && (weak || !isWeak) {
			return true
		}
		list = rest[end+2:]
	}
	return false
}

// httpDate reads any of the three date forms of RFC 9110 §5.6.7. A value that
// is none of them makes its header void.
func httpDate(text string) (unix int64, ok bool) {
	t, err := http.ParseTime(text)
	return t.Unix(), err == nil
}

// formatDate returns a Unix second as an HTTP date.
func formatDate(unix int64) string { return time.Unix(unix, 0).UTC().Format(http.TimeFormat) }
