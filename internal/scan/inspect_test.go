package scan_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

func TestInspect(t *testing.T) {
	png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 100<<10)...)
	infected := append(testenv.EICAR(), bytes.Repeat([]byte("tail "), 100<<10)...)
	tests := []struct {
		name    string
		content []byte
		want    share.ScanStatus
		mime    string
	}{
		{"empty", nil, share.Clean, "text/plain"},
		{"png", png, share.Clean, "image/png"},
		{"svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), share.Clean, "image/svg+xml"},
		{"html", []byte(`<!DOCTYPE html><p>hi`), share.Clean, "text/html; charset=utf-8"},
		{"bytes", []byte{1, 2, 3}, share.Clean, "application/octet-stream"},
		{"found at once, digested whole", infected, share.Infected, "text/plain; charset=utf-8"},
	}
	for _, tt := range tests {
		for style, reader := range readers(tt.content) {
			got, err := scan.Inspect(t.Context(), reader, int64(len(tt.content)), mustBuiltin(t))
			digest := sha256.Sum256(tt.content)
			if err != nil || got.Verdict.Status != tt.want || got.MIME != tt.mime ||
				got.SHA256 != hex.EncodeToString(digest[:]) || got.Size != int64(len(tt.content)) {
				t.Errorf("%s, %s: %+v, %v; want %s %s", tt.name, style, got, err, tt.want, tt.mime)
			}
		}
	}
}

func TestInspectRefuses(t *testing.T) {
	builtin := mustBuiltin(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	text := func(s string) io.Reader { return strings.NewReader(s) }
	tests := []struct {
		name    string
		ctx     context.Context
		r       io.Reader
		size    int64
		scanner scan.Scanner
		want    share.Kind
	}{
		{"short", t.Context(), text("four"), 5, builtin, share.Unavailable},
		{"long", t.Context(), text("four"), 3, builtin, share.Invalid},
		{"empty but recorded", t.Context(), text(""), 1, builtin, share.Unavailable},
		{"recorded empty", t.Context(), text("x"), 0, builtin, share.Invalid},
		{"infected but short", t.Context(), bytes.NewReader(testenv.EICAR()), 69, builtin, share.Unavailable},
		{"store fails", t.Context(), iotest.ErrReader(share.E(share.Changed, "read", nil)), 1, builtin, share.Changed},
		{"store fails without a kind", t.Context(), iotest.ErrReader(errors.New("eof")), 1, builtin, share.Unavailable},
		{"store fails, scanner says clean", t.Context(), iotest.ErrReader(errors.New("eof")), 1, swallow{}, share.Unavailable},
		{"short, scanner says clean", t.Context(), text("four"), 5, swallow{}, share.Unavailable},
		{"cancelled", cancelled, text("four"), 4, builtin, share.Unavailable},
		{"scanner did not look", t.Context(), text("four"), 4, blind{share.Clean}, share.Internal},
		{"scanner invents a verdict", t.Context(), text("four"), 4, blind{"fine"}, share.Internal},
		{"scanner says nothing", t.Context(), text("four"), 4, blind{""}, share.Internal},
	}
	for _, tt := range tests {
		got, err := scan.Inspect(tt.ctx, tt.r, tt.size, tt.scanner)
		if err == nil || share.KindOf(err) != tt.want || got != (scan.Report{}) {
			t.Errorf("%s: %+v, %v; want no report and kind %d", tt.name, got, err, tt.want)
		}
	}
}

// A pass over many MiB must not cost more memory than a few buffers.
func TestInspectMemoryIsFlat(t *testing.T) {
	server := testenv.Clamd(t)
	scanners := []scan.Scanner{mustBuiltin(t), mustClamd(t, testenv.ClamdFileMax, server.Unix)}
	for _, s := range scanners {
		const size = testenv.ClamdFileMax
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		zeros := io.LimitReader(readFunc(func(p []byte) (int, error) { clear(p); return len(p), nil }), size)
		if _, err := scan.Inspect(t.Context(), zeros, size, s); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes allocated for %d of content; want at most 1 MiB", s.Name(), used, size)
		}
	}
}

// swallow calls everything clean, whatever reading it came to.
type swallow struct{}

func (swallow) Name() string { return "swallow" }

func (swallow) Scan(_ context.Context, r io.Reader) (scan.Verdict, error) {
	_, _ = io.Copy(io.Discard, r)
	return scan.Verdict{Status: share.Clean}, nil
}

// blind judges without reading.
type blind struct{ status share.ScanStatus }

func (blind) Name() string { return "blind" }

func (b blind) Scan(context.Context, io.Reader) (scan.Verdict, error) {
	return scan.Verdict{Status: b.status}, nil
}
