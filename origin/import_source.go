package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"rawlink/internal/disposition"
	"rawlink/internal/outbound"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// sourceError is a failure of an import's source, so that it isn't taken for one
// of ours.
type sourceError struct {
	err  error
	read int64 // bytes that had come
}

func (e sourceError) Error() string { return e.err.Error() }
func (e sourceError) Unwrap() error { return e.err }

// sourceBody marks what fails while a source's body is read.
type sourceBody struct {
	r    io.Reader
	read int64
}

// Read implements io.Reader.
func (b *sourceBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.read += int64(n)
	if err != nil && err != io.EOF {
		err = sourceError{err, b.read}
	}
	return n, err
}

// sourceProblem is the answer to a failed import. What the source did is the
// client's to know, except where the network behind it would show.
func (o *Origin) sourceProblem(ctx context.Context, err error) error {
	var refusal *outbound.Refusal
	if errors.As(err, &refusal) {
		o.Log.WarnContext(ctx, "import refused", "request_id", requestID(ctx), "tenant_id", caller(ctx).TenantID, "reason", refusal.Reason)
		return &problem{status: http.StatusUnprocessableEntity, Detail: "url: " + refusal.Reason, cause: err}
	}
	if context.Cause(ctx) == errImportTime { //nolint:errorlint // the very value that was the cause
		return reject(http.StatusBadRequest, fmt.Sprintf("url: the import took longer than %s", o.config.Imports.Timeout))
	}
	var source sourceError
	if ctx.Err() != nil || !errors.As(err, &source) {
		return err
	}
	if source.read > 0 && !errors.Is(err, outbound.ErrIdle) {
		return reject(http.StatusBadRequest, fmt.Sprintf("url: the source broke off after %d bytes", source.read))
	}
	return reject(http.StatusBadRequest, "url: the source "+faultOf(source.err, o.config.Imports.Idle))
}

// faultOf says what is wrong with another side that did not answer, or fell
// silent for so long, after its name or "the source".
func faultOf(err error, silence time.Duration) string {
	var timeout net.Error
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, outbound.ErrIdle), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("was silent for longer than %s", silence)
	case errors.As(err, &dns):
		return "has a name that can't be resolved"
	case errors.As(err, &certificate):
		return "has no valid certificate"
	}
	return "can't be reached, or does not speak HTTP"
}

// importOutcome is the metric's label.
func importOutcome(err error) string {
	var p *problem
	var refusal *outbound.Refusal
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &refusal):
		return "refused"
	case share.KindOf(err) == share.OverQuota, errors.As(err, &p) && p.status == http.StatusRequestEntityTooLarge:
		return "too_large"
	case p != nil && p.status == http.StatusBadRequest:
		return "source"
	}
	return "error"
}

// nameImport fills in the name and type that the client left to the source.
func nameImport(u *store.Upload, response *http.Response) {
	if u.OriginalName == "" {
		u.OriginalName = sourceName(response)
	}
	if said := response.Header.Get("Content-Type"); u.MIME == "" && said != "" && checkType(said) == nil {
		u.MIME = said
	}
}

// sourceName is what a source calls its file (RFC 6266), else the last part of
// its path.
func sourceName(response *http.Response) string {
	names := []string{response.Request.URL.Path}
	if _, params, err := mime.ParseMediaType(response.Header.Get("Content-Disposition")); err == nil {
		names = append([]string{params["filename"]}, names...)
	}
	for _, name := range names {
		name = path.Base(strings.ReplaceAll(name, `\`, "/"))
		if name == "." || name == "/" {
			continue
		}
		if name = disposition.Clean(name); checkName("", name) == nil {
			return name
		}
	}
	return "download"
}
