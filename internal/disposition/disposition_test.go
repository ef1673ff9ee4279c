package disposition

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile names, and what a client must read from the header made of each.
var hostile = []struct {
	name, in, want string
}{
	{"plain", "report.pdf", "report.pdf"},
	{"spaces inside", "annual report 2024.pdf", "annual report 2024.pdf"},
	{"spaces around", "  report.pdf  ", "report.pdf"},
	{"empty", "", "download"},
	{"only control characters", "\r\n\t\x00", "download"},
	{"quote", `a"b.txt`, `a"b.txt`},
	{"closing quote and parameter", `a"; filename="b.exe`, `a"; filename="b.exe`},
	{"only quotes", `"""`, `"""`},
	{"single quotes and stars", `it's (1) *new*.txt`, `it's (1) *new*.txt`},
	{"fake extended parameter", `x; filename*=UTF-8''evil.exe`, `x; filename*=UTF-8''evil.exe`},
	{"header injection", "a\r\nSet-Cookie: x=1\r\n\r\n<html>", "aSet-Cookie: x=1<html>"},
	{"line feed", "a\nb.txt", "ab.txt"},
	{"nul", "a\x00.txt", "a.txt"},
	{"delete", "a\x7f.txt", "a.txt"},
	{"C1 control", "a\u0085b.txt", "ab.txt"},
	{"tab", "a\tb.txt", "ab.txt"},
	{"unix traversal", "../../etc/passwd", "__.._etc_passwd"},
	{"absolute path", "/etc/passwd", "_etc_passwd"},
	{"windows path", `C:\boot\x.ini`, "C:_boot_x.ini"},
	{"trailing backslash", `name\`, "name_"},
	{"backslash and quote", `a\"b`, `a_"b`},
	{"hidden file", ".htaccess", "_htaccess"},
	{"dot", ".", "_"},
	{"dots", "...", "_"},
	{"trailing dots", "name.exe. . .", "name.exe"},
	{"percent escape", "100%25.txt", "100%25.txt"},
	{"percent alone", "50%.txt", "50%.txt"},
	{"percent line feed", "a%0d%0ab.txt", "a%0d%0ab.txt"},
	{"latin", "naïve café.txt", "naïve café.txt"},
	{"cjk", "報告書（最終）.pdf", "報告書（最終）.pdf"},
	{"arabic with joiner", "می\u200cخواهم.txt", "می\u200cخواهم.txt"},
	{"right-to-left override", "invoice\u202Efdp.exe", "invoicefdp.exe"},
	{"bidi isolates", "a\u2066b\u2069\u200Fc.txt", "abc.txt"},
	{"emoji", "👩‍👩‍👧 party 🎉.jpg", "👩‍👩‍👧 party 🎉.jpg"},
	{"invalid utf-8", "a\xff\xfeb.txt", "a__b.txt"},
	{"cut utf-8", "a\xe5\xa0", "a__"},
	{"surrogate half", "a\xed\xa0\x80.txt", "a___.txt"},
	{"line separator", "a\u2028b\u2029c", "abc"},
	{"byte order mark", "\uFEFFa.txt", "a.txt"},
	{"semicolons and commas", "a;b,c=d.txt", "a;b,c=d.txt"},
	{"encoded word", "=?utf-8?q?x?=.txt", "=?utf-8?q?x?=.txt"},
	{"html", "<script>alert(1)</script>.html", "<script>alert(1)<_script>.html"},
	{"long", strings.Repeat("a", 300) + ".tar", strings.Repeat("a", 251) + ".tar"},
	{"exactly the limit", strings.Repeat("a", 255), strings.Repeat("a", 255)},
	{"long, wide", strings.Repeat("報", 100) + ".pdf", strings.Repeat("報", 83) + ".pdf"},
	{"long, no extension", strings.Repeat("é", 200), strings.Repeat("é", 127)},
	{"long extension", "a." + strings.Repeat("b", 300), "a." + strings.Repeat("b", 253)},
	{"long, emoji at the cut", strings.Repeat("a", 250) + "🎉🎉.png", strings.Repeat("a", 250) + ".png"},
}

func TestHeaderReadsBackAsTheCleanName(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			for _, kind := range []string{Inline, Attachment} {
				check(t, kind, test.in)
				_, params, err := mime.ParseMediaType(Header(kind, test.in))
				if err != nil || params["filename"] != test.want {
					t.Errorf("Header(%q, %q) = %q reads back as %q, %v; want %q",
						kind, test.in, Header(kind, test.in), params["filename"], err, test.want)
				}
			}
		})
	}
}

func TestHeaderBytes(t *testing.T) {
	for _, test := range []struct{ kind, name, want string }{
		{Inline, "a.txt", `inline; filename="a.txt"`},
		{Attachment, "a.txt", `attachment; filename="a.txt"`},
		{"", "a.txt", `attachment; filename="a.txt"`},
		{"inline\r\nX: y", "a.txt", `attachment; filename="a.txt"`},
		{Inline, `say "hi"`, `inline; filename="say \"hi\""`},
		{Inline, "é'()*.txt", `inline; filename="_'()*.txt"; filename*=UTF-8''%C3%A9%27%28%29%2A.txt`},
		{Attachment, "100%.txt", `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`},
	} {
		if got := Header(test.kind, test.name); got != test.want {
			t.Errorf("Header(%q, %q) = %s; want %s", test.kind, test.name, got, test.want)
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, test := range hostile {
		f.Add(Inline, test.in)
		f.Add(Attachment, test.in)
	}
	f.Fuzz(check)
}

// check holds what is true of every header, whatever the name.
func check(t *testing.T, kind, name string) {
	header := Header(kind, name)
	for i := range len(header) {
		if header[i] < 0x20 || header[i] > 0x7e {
			t.Fatalf("Header(%q, %q) = %q: byte %#x", kind, name, header, header[i])
		}
	}
	got, params, err := mime.ParseMediaType(header)
	if err != nil {
		t.Fatalf("Header(%q, %q) = %q: %v", kind, name, header, err)
	}
	if got != Inline && got != Attachment || len(params) != 1 {
		t.Fatalf("Header(%q, %q) = %q reads as %q with %v", kind, name, header, got, params)
	}
	file, clean := params["filename"], Clean(name)
	switch {
	case file != clean:
		t.Fatalf("Header(%q, %q) reads back as %q; want %q", kind, name, file, clean)
	case file == "" || len(file) > maxName || !utf8.ValidString(file):
		t.Fatalf("Clean(%q) = %q: empty, too long or not UTF-8", name, file)
	case strings.ContainsAny(file, `/\`) || file[0] == '.':
		t.Fatalf("Clean(%q) = %q: separator or leading dot", name, file)
	case Clean(file) != file:
		t.Fatalf("Clean(%q) = %q, and again = %q", name, file, Clean(file))
	}
}
