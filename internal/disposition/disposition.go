package disposition

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The two kinds of Header.
const (
	Inline     = "inline"     // shown where it is, if the browser can
	Attachment = "attachment" // always saved
)

const (
	maxName   = 255 // bytes: the longest file name that common file systems take
	maxSuffix = 32  // bytes: a longer "extension" is part of the stem
	nameless  = "download"
)

// Header returns the value of a Content-Disposition header for a file of this
// name. Any kind but Inline is taken as Attachment, the safe one.
//
// The plain filename parameter is always there. The extended filename* of
// RFC 8187 follows only if the plain one had to be made poorer: for characters
// outside ASCII, and for percent signs, which some clients decode where they
// must not (RFC 6266, appendix D).
func Header(kind, name string) string {
	if kind != Inline {
		kind = Attachment
	}
	name = Clean(name)
	plain := fallback(name)
	header := kind + `; filename="` + strings.ReplaceAll(plain, `"`, `\"`) + `"`
	if plain != name {
		header += "; filename*=UTF-8''" + extended(name)
	}
	return header
}

// Clean returns the name a client should save under: at most 255 bytes of UTF-8
// with the extension kept. Path separators and invalid bytes become "_", as does
// a leading run of dots; control characters and the invisible ones that reorder
// text are dropped. A name of which nothing is left becomes "download".
func Clean(name string) string {
	name = strings.Map(safeRune, name)
	name = strings.TrimSpace(name)
	if rest := strings.TrimLeft(name, "."); rest != name {
		name = "_" + rest
	}
	name = strings.TrimRight(name, ". ") // Windows drops them silently
	name = shorten(name)
	if name == "" {
		return nameless
	}
	return name
}

// safeRune maps one character of a name; a negative result drops it. Invalid
// UTF-8 arrives here as U+FFFD.
func safeRune(r rune) rune {
	switch {
	case r == '/' || r == '\\' || r == utf8.RuneError:
		return '_'
	case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control), unicode.In(r, unicode.Zl, unicode.Zp):
		return -1
	case r == '\uFEFF': // a byte order mark
		return -1
	}
	return r
}

// shorten cuts the stem of a name that is too long, between two characters.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	suffix := ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= maxSuffix {
		suffix = name[dot:]
	}
	stem := maxName - len(suffix)
	for !utf8.RuneStart(name[stem]) {
		stem--
	}
	return strings.TrimRight(name[:stem], ". ") + suffix
}

// fallback returns the name as a client reads it that knows only ASCII.
func fallback(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || r == '%' {
			return '_'
		}
		return r
	}, name)
}

// extended returns the name as RFC 8187 §3.2.1 writes a value: attr-char as it
// is, every other byte as %XX.
func extended(name string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(3 * len(name))
	for i := range len(name) {
		c := name[i]
		if attrChar(c) {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

func attrChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}
