package origin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	swaggerui "github.com/swaggest/swgui/v5/static"
)

// The page at /docs shows the document with Swagger UI, which comes with a Go
// module: go.sum pins it, nothing is fetched from anywhere else, and the programs
// build without npm.
//
//go:embed reference/docs.html reference/docs.css reference/docs.js
var pageFiles embed.FS

// docsPolicy lets the page load what this host serves, and nothing from
// elsewhere.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// publish serves the document and the page that shows it, to anybody: they hold
// no secret. What can't be made is a defect, found by the first start.
func publish(router chi.Router, doc *huma.OpenAPI) {
	asJSON, errJSON := json.Marshal(doc)
	asYAML, errYAML := doc.YAML()
	if err := firstError(errJSON, errYAML); err != nil {
		panic("origin: the API's document: " + err.Error())
	}
	page := func(path, contentType string, content []byte) {
		static{operation: "docs", path: path, contentType: contentType, cache: revalidate, headers: map[string]string{"Content-Security-Policy": docsPolicy}}.serve(router, content)
	}
	page("/openapi.json", "application/json", asJSON)
	page("/openapi.yaml", "application/yaml", asYAML)
	page("/docs", "text/html; charset=utf-8", embedded(pageFiles, "reference/docs.html"))
	page("/docs/docs.css", "text/css; charset=utf-8", embedded(pageFiles, "reference/docs.css"))
	page("/docs/docs.js", "text/javascript; charset=utf-8", embedded(pageFiles, "reference/docs.js"))
	page("/docs/swagger-ui.css", "text/css; charset=utf-8", unpacked(embedded(swaggerui.FS, "swagger-ui.css.gz")))
	page("/docs/swagger-ui.js", "text/javascript; charset=utf-8", unpacked(embedded(swaggerui.FS, "swagger-ui-bundle.js.gz")))
	page("/docs/icon.png", "image/png", embedded(swaggerui.FS, "favicon-32x32.png"))
}

// revalidate has a browser ask, and be told 304.
const revalidate = "no-cache"

// static is something that is the same for everybody.
type static struct {
	operation, path    string // as it stands in logs, and where it is
	contentType, cache string
	headers            map[string]string
}

// serve serves its content, compressed to those who can read that.
func (s static) serve(router chi.Router, content []byte) {
	sum := sha256.Sum256(content)
	name := hex.EncodeToString(sum[:8])
	packed := pack(content)
	handler := func(w http.ResponseWriter, r *http.Request) {
		noteRoute(r, s.operation)
		h := w.Header()
		for name, value := range s.headers {
			h.Set(name, value)
		}
		h.Set("Content-Type", s.contentType)
		h.Set("Cache-Control", s.cache)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Vary", "Accept-Encoding")
		body, tag := content, `"`+name+`"`
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
			h.Set("Content-Encoding", "gzip")
			body, tag = packed, `"`+name+`-gzip"`
		}
		h.Set("Etag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}
	router.Get(s.path, handler)
	router.Head(s.path, handler)
}

func embedded(files embed.FS, name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic("origin: " + err.Error()) // the compiler put it there
	}
	return content
}

func unpacked(content []byte) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err == nil {
		content, err = io.ReadAll(reader)
	}
	if err != nil {
		panic("origin: " + err.Error())
	}
	return content
}

func pack(content []byte) []byte {
	var packed bytes.Buffer
	writer, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is one
	_, _ = writer.Write(content)                                    // memory takes all
	_ = writer.Close()
	return packed.Bytes()
}
