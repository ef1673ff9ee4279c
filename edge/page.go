package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

// pageStyle is the pages' whole style. It is admitted by its hash, so the pages'
// policy needs no 'unsafe-inline'. Every text has a contrast of at least 4.5 to 1
// on what lies under it, in both schemes.
const pageStyle = `:root{color-scheme:light dark;--ink:#1c2127;--soft:#525c67;--paper:#f3f5f8;--card:#fff;--line:#d5dbe2;--edge:#7a8490;--tone:#3b5b8c;--wash:#e9eff8;--act:#3b5b8c;--on:#fff}
.wait{--tone:#7a5200;--wash:#fbf0d9}
.stop{--tone:#a3262a;--wash:#fbe9e9}
@media (prefers-color-scheme:dark){:root{--ink:#e9edf1;--soft:#a9b3be;--paper:#12161a;--card:#1b2025;--line:#333b44;--edge:#7d8894;--tone:#9dbdf2;--wash:#22303f;--act:#9dbdf2;--on:#12161a}
.wait{--tone:#eec56f;--wash:#352b15}
.stop{--tone:#f5a3a3;--wash:#3c2223}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:1.25rem;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:30rem;padding:2.25rem;background:var(--card);border:1px solid var(--line);border-radius:1rem}
svg{display:block;width:3.25rem;height:3.25rem;padding:.8rem;border-radius:50%;background:var(--wash);stroke:var(--tone);fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
h1{margin:1.25rem 0 .5rem;font-size:1.5rem;line-height:1.25;text-wrap:balance}
p{margin:0;color:var(--soft)}
.code{margin-top:1.75rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.875rem}
form{margin-top:1.5rem}
label{display:block;margin-bottom:.375rem;font-weight:600}
input,button{width:100%;min-height:2.875rem;padding:0 .875rem;border-radius:.5rem;font:inherit}
input{border:1px solid var(--edge);background:var(--card);color:var(--ink)}
button{margin-top:.875rem;border:0;background:var(--act);color:var(--on);font-weight:600;cursor:pointer}
input:focus-visible,button:focus-visible{outline:3px solid var(--act);outline-offset:2px}
.alert{margin-bottom:.875rem;padding:.625rem .875rem;border-radius:.5rem;background:var(--wash);color:var(--tone);font-weight:600}
@media (max-width:30rem){main{padding:1.5rem}}
@media (forced-colors:active){svg{stroke:CanvasText}input,button{border:1px solid}}`

// The drawings, in a square of 24 by 24. They tell nothing that the title doesn't.
const (
	drawnBan      = `<circle cx="12" cy="12" r="9"/><path d="m5.7 5.7 12.6 12.6"/>`
	drawnClock    = `<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.5 2"/>`
	drawnCloud    = `<path d="M7 18.5h10a4 4 0 0 0 .5-8A6 6 0 0 0 6.1 9.6 4.5 4.5 0 0 0 7 18.5z"/>`
	drawnFile     = `<path d="M6.5 3h7.5l4 4v14H6.5zM13.5 3v4.5H18M12 11v6m-2.5-2.5L12 17l2.5-2.5"/>`
	drawnGauge    = `<path d="M4.2 18a9 9 0 1 1 15.6 0M12 15l4-5.5"/>`
	drawnGlass    = `<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`
	drawnLock     = `<rect x="5" y="11" width="14" height="9.5" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>`
	drawnNone     = `<circle cx="12" cy="12" r="9"/><path d="M8 12h8"/>`
	drawnQuestion = `<circle cx="12" cy="12" r="9"/><path d="M9.4 9.6a2.7 2.7 0 1 1 3.9 2.4c-.9.4-1.3 1-1.3 2M12 17v.01"/>`
	drawnShield   = `<path d="m12 3 7.5 3v5c0 4.6-3.1 8.2-7.5 10-4.4-1.8-7.5-5.4-7.5-10V6zM12 8v4.5m0 3.2v.01"/>`
	drawnWarning  = `<path d="M12 4 21 19.5H3zM12 10v4m0 2.7v.01"/>`
)

// page is what a person is told instead of bytes.
type page struct {
	Title, Advice string
	Drawing       template.HTML
	Tone          string // "", wait, stop: how it looks, never the only sign of what it says
	Status        int
	Detail        string // in the words that a program gets
	Button        string // of the form that the page sends by POST; "": it has none
	Password      bool   // the form asks for it
	Alert         string // why it asks again
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
<style>` + pageStyle + `</style>
</head>
<body>
<main{{with .Tone}} class="{{.}}"{{end}}>
<svg viewBox="0 0 24 24" aria-hidden="true">{{.Drawing}}</svg>
<h1>{{.Title}}</h1>
<p id="advice">{{.Advice}}</p>
{{- with .Button}}
<form method="post">
{{- if $.Password}}
{{- with $.Alert}}
<p class="alert" id="alert" role="alert">{{.}}</p>
{{- end}}
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required autofocus
{{- if $.Alert}} aria-invalid="true" aria-describedby="alert advice"{{else}} aria-describedby="advice"{{end}}>
{{- end}}
<button>{{.}}</button>
</form>
{{- end}}
<p class="code">{{.Status}} · {{.Detail}}</p>
</main>
</body>
</html>
`))

// The Content-Security-Policies of refusals: the page's own style, and nothing
// else. That with a form goes without sandbox, for a sandboxed document may not
// start the download that its form leads to; it runs nothing either way.
var (
	pagePolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; base-uri 'none'; form-action 'none'; sandbox"
	formPolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

func styleHash() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// drawn marks one of the drawings as what it is: markup of ours.
func drawn(drawing string) template.HTML { return template.HTML(drawing) } //nolint:gosec // a constant above

// render returns the self-contained page: no script, no link, no outside
// resource, nothing about the request.
func (p page) render() []byte {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		panic("render refusal page: " + err.Error()) // constants only: wrong at start or never
	}
	return out.Bytes()
}
