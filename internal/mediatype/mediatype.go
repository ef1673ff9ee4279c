// Package mediatype decides under which Content-Type bytes of a declared type
// may leave, so that no content of a user ever runs anything: what is shown
// inline comes from a short list of inert types, all else is offered for saving.
package mediatype

import (
	"mime"
	"strings"

	"rawlink/internal/share"
)

// Types that callers compare with.
const (
	Unknown = "application/octet-stream"
	PDF     = "application/pdf"

	// PolicyPDF is the Content-Security-Policy of a PDF that is shown. It goes without
	// sandbox, in which Safari shows no PDF: an empty window, or it offers to save it;
	// Chromium and Firefox show it either way. Scripts stay forbidden, and those inside
	// a PDF run in the viewer's own isolation, never as the domain that it is from.
	PolicyPDF = "default-src 'none'; img-src 'self' data:; object-src 'self'; frame-src 'self'; " +
		"style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

	// Plain is what text without a declared charset is sent as.
	Plain = "text/plain; charset=utf-8"
)

// inlineTypes are the types that a browser may show: all of
// them inert. Every type that is not here is offered for saving, because a list
// of dangerous types is never complete.
var inlineTypes = map[string]bool{
	PDF: true, "text/plain": true,
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true,
	"image/avif": true, "image/bmp": true, "image/x-icon": true, "image/vnd.microsoft.icon": true,
	"image/tiff": true, "image/heic": true, "image/heif": true, "image/apng": true, "image/jxl": true,
	"video/mp4": true, "video/webm": true, "video/ogg": true, "video/quicktime": true,
	"video/x-matroska": true, "video/mpeg": true, "video/x-m4v": true, "video/3gpp": true,
	"audio/mpeg": true, "audio/mp4": true, "audio/aac": true, "audio/ogg": true, "audio/wav": true,
	"audio/x-wav": true, "audio/wave": true, "audio/webm": true, "audio/flac": true, "audio/x-flac": true,
	"audio/x-m4a": true, "audio/opus": true, "audio/midi": true,
}

// textTypes are shown inline as what they are to a reader: plain text.
var textTypes = map[string]bool{
	"text/csv": true, "text/markdown": true, "text/tab-separated-values": true,
	"text/x-log": true, "text/x-markdown": true, "text/yaml": true,
}

// savedTypes keep their own name when offered for saving: archives and
// documents that no browser runs.
var savedTypes = map[string]bool{
	"application/zip": true, "application/gzip": true, "application/x-tar": true, "application/zstd": true,
	"application/x-7z-compressed": true, "application/x-bzip2": true, "application/x-xz": true,
	"application/vnd.rar": true, "application/x-rar-compressed": true, "application/epub+zip": true,
	"application/msword": true, "application/vnd.ms-excel": true, "application/vnd.ms-powerpoint": true,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   true,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         true,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": true,
	"application/vnd.oasis.opendocument.text":                                   true,
	"application/vnd.oasis.opendocument.spreadsheet":                            true,
	"application/vnd.oasis.opendocument.presentation":                           true,
	"application/json": true, "application/x-ndjson": true, "application/vnd.apache.parquet": true,
	"application/vnd.android.package-archive": true, "application/x-iso9660-image": true,
}

// ShowAs returns the Content-Type under which bytes of a declared type leave,
// and whether they are shown inline or offered for saving. Active types (HTML,
// SVG, XML, scripts, styles) and unknown ones become octets to be saved.
func ShowAs(declared string, permission share.Permission) (contentType, disposition string) {
	kind, params, err := mime.ParseMediaType(declared)
	if err != nil {
		return Unknown, "attachment"
	}
	switch {
	case kind == "text/plain" && plainCharset(params["charset"]):
		contentType, disposition = "text/plain; charset="+strings.ToLower(params["charset"]), "inline"
	case kind == "text/plain", textTypes[kind]:
		contentType, disposition = Plain, "inline"
	case inlineTypes[kind]:
		contentType, disposition = kind, "inline"
	case savedTypes[kind]:
		contentType, disposition = kind, "attachment"
	default:
		contentType, disposition = Unknown, "attachment"
	}
	if permission != share.View {
		disposition = "attachment"
	}
	return contentType, disposition
}

// plainCharset reports whether a declared charset may be repeated. Only those
// in which ASCII means ASCII, or that carry their own byte order.
func plainCharset(name string) bool {
	switch strings.ToLower(name) {
	case "utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16", "utf-16le", "utf-16be":
		return true
	}
	return false
}
