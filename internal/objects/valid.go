package objects

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rawlink/internal/share"
)

// What both stores refuse before they look at anything. The messages name the
// rule, not the value.

func invalid(format string, args ...any) error {
	return share.E(share.Invalid, "object store", fmt.Errorf(format, args...))
}

func checkKey(key string) error {
	if key == "" || len(key) > MaxKey || !utf8.ValidString(key) {
		return invalid("key: want 1 to %d bytes of UTF-8", MaxKey)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return invalid("key: no backslashes, no control characters")
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return invalid(`key: no segment may be empty, "." or ".."`)
		}
	}
	return nil
}

func checkLifetime(d time.Duration) error {
	if d < MinLifetime || d > MaxLifetime || d%time.Second != 0 {
		return invalid("lifetime: want whole seconds from %v to %v", MinLifetime, MaxLifetime)
	}
	return nil
}

// checkContentType admits what travels in a header unchanged, so that what is
// signed is what arrives.
func checkContentType(text string) error {
	printable := !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	if len(text) > 255 || !printable || strings.TrimSpace(text) != text || strings.Contains(text, "  ") {
		return invalid("content type: want up to 255 printable ASCII characters")
	}
	return nil
}

func checkSHA256(text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 || strings.ToLower(text) != text {
		return invalid("sha256: want 64 lower-case hex digits")
	}
	return nil
}

func checkPut(spec PutSpec) error {
	if spec.Size < 0 || spec.Size > MaxPut {
		return invalid("size: want 0 to %d bytes", int64(MaxPut))
	}
	var digest error
	if spec.SHA256 != "" {
		digest = checkSHA256(spec.SHA256)
	}
	return first(checkKey(spec.Key), checkContentType(spec.ContentType), digest, checkLifetime(spec.Expires))
}

func checkStream(key, contentType string, size int64) error {
	if size < UnknownSize || size > PutPart*MaxParts {
		return invalid("size: want up to %d bytes, or unknown", int64(PutPart*MaxParts))
	}
	return first(checkKey(key), checkContentType(contentType))
}

func checkStart(spec PutSpec) error {
	if spec.SHA256 != "" {
		return invalid("sha256: no store can check it for a multipart upload")
	}
	return first(checkKey(spec.Key), checkContentType(spec.ContentType))
}

func checkPart(key, uploadID string, number int, size int64) error {
	switch {
	case uploadID == "":
		return invalid("upload id: missing")
	case number < 1 || number > MaxParts:
		return invalid("part number: want 1 to %d", MaxParts)
	case size < 1 || size > MaxPut:
		return invalid("part size: want 1 to %d bytes", int64(MaxPut))
	}
	return checkKey(key)
}

func checkParts(key, uploadID string, parts []Part) error {
	if len(parts) == 0 || len(parts) > MaxParts {
		return invalid("parts: want 1 to %d", MaxParts)
	}
	last := 0
	for _, part := range parts {
		if err := checkPart(key, uploadID, part.Number, 1); err != nil {
			return err
		}
		if part.Number <= last {
			return invalid("parts: want ascending numbers")
		}
		last = part.Number
	}
	return nil
}

func checkGet(spec GetSpec) error {
	return first(checkKey(spec.Key), checkContentType(spec.ContentType), checkLifetime(spec.Expires))
}

func checkSpan(key, etag string, from, n int64) error {
	if etag == "" {
		return invalid("etag: every read is pinned to a version")
	}
	if from < 0 || n < 0 || from+n < 0 {
		return share.E(share.NotSatisfiable, "open object", errors.New("negative span"))
	}
	return checkKey(key)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// unquoted returns an entity tag as Info has it.
func unquoted(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }
