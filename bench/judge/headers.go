package judge

import (
	"fmt"
	"strings"

	"rawlink/bench/seed"
	"rawlink/bench/wire"
)

// always are the headers of every answer of the files domain, good or bad.
var always = []struct{ name, want string }{
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"X-Robots-Tag", "noindex"},
	{"Cross-Origin-Resource-Policy", "cross-origin"},
	{"Access-Control-Allow-Origin", "*"},
}

// CheckHeaders compares an answer's headers with the contract. link is nil where
// the request's token was forged.
func (b *Book) CheckHeaders(a wire.Answer, link *seed.Link) {
	id := "a forged link"
	if link != nil {
		id = "share " + link.ID
	}
	wrong := func(format string, args ...any) {
		b.Break(Headers, "%s, status %d: %s", id, a.Status, fmt.Sprintf(format, args...))
	}
	want := func(name, value string) {
		if got := text(a, name); got != value {
			wrong("%s is %q; want %q", name, got, value)
		}
	}
	for _, h := range always {
		want(h.name, h.want)
	}
	if policy := text(a, "Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		wrong("Content-Security-Policy lets things run: %q", policy)
	}
	if _, set := a.Get("Set-Cookie"); set {
		wrong("it sets a cookie")
	}
	if link == nil || a.Status >= 400 {
		want("Cache-Control", "no-store")
		return
	}
	want("ETag", link.Object.ETag)
	b.checkCaching(a, link, wrong)
	if a.Status == 304 {
		return
	}
	want("Accept-Ranges", "bytes")
	for _, name := range []string{"Content-Type", "Content-Disposition", "Last-Modified"} {
		if text(a, name) == "" {
			wrong("%s is missing", name)
		}
	}
}

// checkCaching checks that only copies that may live on outside are allowed.
func (b *Book) checkCaching(a wire.Answer, link *seed.Link, wrong func(string, ...any)) {
	got := text(a, "Cache-Control")
	switch {
	case link.Cap > 0 && got != "no-store":
		wrong("Cache-Control of a capped link is %q; want no-store", got)
	case link.Cap == 0 && !strings.HasPrefix(got, "public, max-age="):
		wrong("Cache-Control of a permanent link is %q; want public, max-age=…", got)
	}
}

func text(a wire.Answer, name string) string {
	value, _ := a.Get(name)
	return string(value)
}
