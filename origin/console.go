package origin

import (
	"context"
	"embed"
	"io/fs"
	"mime"
	"net/url"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"

	"rawlink/internal/objects"
)

// The console is a page for people who hold a key. Its sources are in web/console;
// `make web` builds them into this folder, and the result is committed, so that
// the programs build without npm.
//
//go:embed all:console
var consoleFiles embed.FS

// serveConsole serves the page at / and its parts, whose names change with their
// content, under /assets/. They hold no secret, so they are for anybody.
func (o *Origin) serveConsole(router chi.Router) {
	headers := map[string]string{
		"Content-Security-Policy":    consolePolicy(o.uploadOrigin()),
		"Cross-Origin-Opener-Policy": "same-origin",
		"Permissions-Policy":         "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	}
	err := fs.WalkDir(consoleFiles, "console", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		page := static{operation: "console", path: strings.TrimPrefix(name, "console"), contentType: mime.TypeByExtension(path.Ext(name)), cache: "public, max-age=31536000, immutable", headers: headers}
		if page.path == "/index.html" {
			page.path, page.cache = "/", revalidate
		}
		page.serve(router, embedded(consoleFiles, name))
		return nil
	})
	if err != nil {
		panic("origin: " + err.Error()) // the compiler put them there
	}
}

// consolePolicy lets the page run its own script, and speak with this host and
// with the store that uploads go to. Everything else is forbidden, so that a name
// or a file of a tenant can never become code that reads the key.
func consolePolicy(store string) string {
	connect := strings.TrimSpace("connect-src 'self' " + store)
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " + connect + "; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

// uploadOrigin is the web origin that tickets lead to: that of a URL which is
// signed, as all of them are, without asking the store.
func (o *Origin) uploadOrigin() string {
	spec := objects.PutSpec{Key: "console", Size: 1, ContentType: "text/plain", Expires: objects.MinLifetime}
	signed, err := o.Objects.PresignPut(context.Background(), spec)
	if err == nil {
		var to *url.URL
		if to, err = url.Parse(signed.URL); err == nil {
			return to.Scheme + "://" + to.Host
		}
	}
	o.Log.Warn("the console can't upload: the store's address is unknown", "error", err)
	return ""
}
