package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

// pageStyle is the page's whole style. It is admitted by its hash, so the
// page's policy needs no 'unsafe-inline'.
const pageStyle = `:root{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--paper:#f6f7f9;--card:#fff;--line:#d8dee4}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a3adb8;--paper:#14171a;--card:#1d2125;--line:#343a41}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:34rem;padding:2.25rem 2.5rem;background:var(--card);border:1px solid var(--line);border-radius:.9rem}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25;text-wrap:balance}
p{margin:0;color:var(--soft)}`

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Advice}}</p>
</main>
</body>
</html>
`))

// pagePolicy is the Content-Security-Policy of refusals: the page's own style,
// and nothing else.
var pagePolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; base-uri 'none'; form-action 'none'; sandbox"

func styleHash() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// renderPage returns the self-contained page that explains a refusal to a
// person: no script, no link, no outside resource, nothing about the request.
func renderPage(title, advice string) []byte {
	var page bytes.Buffer
	err := pageTemplate.Execute(&page, struct {
		Title, Advice string
		Style         template.CSS
	}{title, advice, template.CSS(pageStyle)}) //nolint:gosec // a constant of ours
	if err != nil {
		panic("render refusal page: " + err.Error()) // constants only: wrong at start or never
	}
	return page.Bytes()
}
