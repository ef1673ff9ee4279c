package objects

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rawlink/internal/mediatype"
	"rawlink/internal/share"
)

// idleLimit is how long a client may neither send nor take a byte. There is no
// limit for the whole: a slow client that lives finishes.
const idleLimit = 60 * time.Second

// Handler returns the HTTP side of the store, to be mounted under cfg.Prefix with
// the path unchanged. It answers to presigned URLs only: PUT, GET, HEAD, and the
// OPTIONS that precede them in a browser.
func (l *Local) Handler() http.Handler { return http.HandlerFunc(l.serve) }

func (l *Local) serve(w http.ResponseWriter, r *http.Request) {
	l.allowOrigin(w.Header(), r.Header.Get("Origin"))
	key, ok := strings.CutPrefix(r.URL.Path, l.cfg.Prefix+"/")
	if !ok || checkKey(key) != nil {
		fail(w, http.StatusNotFound, "object not found")
		return
	}
	method := r.Method
	switch method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodHead:
		method = http.MethodGet
	case http.MethodGet, http.MethodPut:
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS, PUT")
		fail(w, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	g, err := l.signer.verify(method, key, r.URL.RawQuery, time.Now())
	switch {
	case err != nil:
		w.Header().Set("Connection", "close") // a refused body is not read
		fail(w, http.StatusForbidden, err.Error())
	case method == http.MethodPut:
		l.servePut(w, r, g)
	default:
		l.serveGet(w, r, g)
	}
}

// allowOrigin lets scripts of the configured web origins in (Fetch standard,
// CORS protocol); the others are told nothing and the browser refuses.
func (l *Local) allowOrigin(h http.Header, origin string) {
	h.Add("Vary", "Origin")
	if origin == "" || !slices.Contains(l.cfg.Origins, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Range")
	h.Set("Access-Control-Expose-Headers", "ETag")
	h.Set("Access-Control-Max-Age", "3600")
}

// servePut stores the body of an upload that the grant admits.
func (l *Local) servePut(w http.ResponseWriter, r *http.Request, g grant) {
	if status, detail := refuse(r, g); status != 0 {
		w.Header().Set("Connection", "close")
		fail(w, status, detail)
		return
	}
	body := &patientBody{r.Body, http.NewResponseController(w), l.idle}
	etag, err := l.store(g, body)
	body.answer()
	if err != nil {
		w.Header().Set("Connection", "close")
		l.failPut(w, err)
		return
	}
	w.Header().Set("ETag", strconv.Quote(etag))
	w.WriteHeader(http.StatusOK)
}

// refuse returns why the request isn't the one that was signed, by its head alone.
func refuse(r *http.Request, g grant) (status int, detail string) {
	switch given := r.Header.Get("Content-Type"); {
	case g.part == 0 && g.contentType != "" && given != g.contentType:
		return http.StatusForbidden, "another Content-Type than the one signed"
	case r.ContentLength < 0:
		return http.StatusLengthRequired, "Content-Length is required"
	case r.ContentLength > g.size:
		return http.StatusRequestEntityTooLarge, "the body is longer than the length signed"
	case r.ContentLength < g.size:
		return http.StatusBadRequest, "the body is shorter than the length signed"
	}
	return 0, ""
}

var errDigest = errors.New("the body has another sha256 than the one signed")

// store writes the body to its place, whole or not at all.
func (l *Local) store(g grant, body io.Reader) (etag string, err error) {
	path := l.path(g.key)
	if g.part != 0 {
		dir, err := l.upload(g.key, g.uploadID)
		if err != nil {
			return "", err
		}
		path = filepath.Join(dir, strconv.Itoa(g.part))
	}
	d, err := newDraft(l.drafts())
	if err != nil {
		return "", err
	}
	defer d.discard()
	if err := pour(d, body); err != nil {
		return "", err
	}
	if d.size != g.size {
		return "", bodyError{io.ErrUnexpectedEOF}
	}
	if etag, err = d.seal(); err != nil {
		return "", err
	}
	if g.sha256 != "" && etag != g.sha256 {
		return "", errDigest
	}
	return etag, d.publish(path)
}

// failPut tells the client's failures from ours.
func (l *Local) failPut(w http.ResponseWriter, err error) {
	var client bodyError
	switch {
	case errors.Is(err, errDigest):
		fail(w, http.StatusBadRequest, errDigest.Error())
	case errors.As(err, &client) && errors.Is(err, os.ErrDeadlineExceeded):
		fail(w, http.StatusRequestTimeout, "the body stopped arriving")
	case errors.As(err, &client):
		fail(w, http.StatusBadRequest, "the body is shorter than the length signed")
	case share.KindOf(err) == share.NotFound || errors.Is(err, os.ErrNotExist):
		fail(w, http.StatusNotFound, "no such upload")
	default:
		l.cfg.Log.Error("store an upload", "error", err)
		fail(w, http.StatusServiceUnavailable, "the store can't take the upload now")
	}
}

// serveGet sends the current object. User content runs nothing here: it is never
// sniffed, and a policy holds it where a browser shows it.
func (l *Local) serveGet(w http.ResponseWriter, r *http.Request, g grant) {
	file, err := openStored(l.path(g.key))
	if share.KindOf(err) == share.NotFound {
		fail(w, http.StatusNotFound, "object not found")
		return
	}
	if err != nil {
		l.cfg.Log.Error("send an object", "error", err)
		fail(w, http.StatusServiceUnavailable, "the store can't read the object now")
		return
	}
	defer file.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if g.contentType != "" {
		h.Set("Content-Type", g.contentType)
	}
	h.Set("Content-Disposition", g.disposition)
	h.Set("Content-Security-Policy", policyOf(g.contentType))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the URL is a credential
	h.Set("Cache-Control", "private, no-store")
	h.Set("ETag", strconv.Quote(file.etag))
	patient := patientWriter{w, http.NewResponseController(w), l.idle}
	http.ServeContent(patient, r, "", file.modified, io.NewSectionReader(file, 0, file.size))
}

// policyOf forbids all that runs, and gives whatever is no PDF an origin of its own.
func policyOf(contentType string) string {
	if contentType == mediatype.PDF {
		return mediatype.PolicyPDF
	}
	return "default-src 'none'; sandbox"
}

// retryAfter is when to ask again after a failure of ours, in seconds.
const retryAfter = "5"

// fail answers as the API does. The detail is fixed text: no key, no signature.
func fail(w http.ResponseWriter, status int, detail string) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"detail": detail}) // the client may be gone
}
