package origin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"rawlink/internal/share"
	"rawlink/origin/store"
)

// problem is every non-2xx answer of the API: {"detail": …}, and beside it the
// machine's side of a quota refusal.
type problem struct {
	Detail any           `json:"detail" doc:"What went wrong: a sentence, or an object for machines."`
	Quota  *quotaProblem `json:"quota,omitempty" doc:"Only with 402."`

	status int
	header http.Header
	cause  error // for the log, never for the client
}

type quotaProblem struct {
	Resource  string `json:"resource" enum:"bytes,links"`
	Limit     int64  `json:"limit"`
	Used      int64  `json:"used"`
	Requested int64  `json:"requested"`
}

func (p *problem) Error() string {
	if text, ok := p.Detail.(string); ok {
		return text
	}
	raw, _ := json.Marshal(p.Detail)
	return string(raw)
}

func (p *problem) Unwrap() error { return p.cause }

// GetStatus and GetHeaders make a problem an error that huma can write.
func (p *problem) GetStatus() int { return p.status }

// GetHeaders returns the headers that belong to the answer.
func (p *problem) GetHeaders() http.Header { return p.header }

func reject(status int, detail any) *problem { return &problem{status: status, Detail: detail} }

// invalid is the 422 for one field.
func invalid(field, reason string) *problem {
	return reject(http.StatusUnprocessableEntity, field+": "+reason)
}

// retryAfter is how long a client should wait for a part that is down, seconds.
const retryAfter = "5"

// statusOf is the table from kind to status. What is not in it is a defect: 500.
var statusOf = map[share.Kind]int{
	share.Invalid:     http.StatusBadRequest,
	share.NotFound:    http.StatusNotFound,
	share.NotReady:    http.StatusConflict,
	share.Conflict:    http.StatusConflict,
	share.OverQuota:   http.StatusPaymentRequired,
	share.Unavailable: http.StatusServiceUnavailable,
	share.Overloaded:  http.StatusServiceUnavailable,
}

// problemOf turns any error into what the client reads. Only texts that were
// written for clients pass: a store.Refusal's and a problem's.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	kind := share.KindOf(err)
	if kind == share.Internal && store.IsDown(err) {
		kind = share.Unavailable
	}
	var refusal *store.Refusal
	if errors.As(err, &refusal) {
		p = &problem{Detail: refusal.Detail, status: statusOf[kind]}
		if q := refusal.Quota; q != nil {
			p.Quota = &quotaProblem{Resource: q.Resource, Limit: q.Limit, Used: q.Used, Requested: q.Requested}
		}
		return p
	}
	if status := statusOf[kind]; status == http.StatusServiceUnavailable {
		return &problem{Detail: "a needed part is down; try again", status: status, cause: err, header: http.Header{"Retry-After": {retryAfter}}}
	}
	return &problem{Detail: "internal error", status: http.StatusInternalServerError, cause: err}
}

// maxFindings is how many fields a refusal names: a body may have a hundred
// thousand that are wrong.
const maxFindings = 10

// adoptProblems makes huma answer its own refusals in our shape. huma keeps this
// in a package variable, so it is set once per process.
var adoptProblems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true // as strictJSON reads them
	huma.NewError = func(status int, message string, causes ...error) huma.StatusError {
		details := make([]string, 0, len(causes))
		for _, cause := range causes {
			if cause != nil {
				details = append(details, fieldDetail(cause))
			}
		}
		if more := len(details) - maxFindings; more > 0 {
			details = append(details[:maxFindings], strconv.Itoa(more)+" more")
		}
		if len(details) > 0 {
			message = strings.Join(details, "; ")
		}
		if message == "request body is required" || len(details) > 0 && status == http.StatusBadRequest {
			status = http.StatusUnprocessableEntity // not JSON, or no JSON: a validation failure like any other
		}
		return reject(status, message)
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, causes ...error) huma.StatusError {
		return huma.NewError(status, message, causes...)
	}
})

// fieldDetail renders one finding of huma's validation as "field: reason". The
// value that failed is left out: it may be a secret.
func fieldDetail(cause error) string {
	var d *huma.ErrorDetail
	if !errors.As(cause, &d) {
		return "body: not valid JSON (" + cause.Error() + ")"
	}
	field := shorten(d.Location)
	for _, place := range []string{"body.", "query.", "path.", "header."} {
		field = strings.TrimPrefix(field, place)
	}
	if rest, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
		name := strings.TrimSuffix(rest, " to be present")
		if field != "body" {
			name = field + "." + name
		}
		return name + ": is required"
	}
	return field + ": " + shorten(d.Message)
}

// shorten keeps what a client sent, such as a field's name, from filling the
// answer.
func shorten(text string) string {
	if len(text) <= maxName {
		return text
	}
	return strings.ToValidUTF8(text[:maxName], "") + "…"
}

// answer is where every failed operation ends: it picks the answer and logs the
// cause of what is not the client's doing, once.
func (o *Origin) answer(ctx context.Context, operation string, err error) error {
	p := problemOf(err)
	if p.Quota != nil {
		o.Metrics.Refused.WithLabelValues(p.Quota.Resource).Inc()
	}
	if p.status >= http.StatusInternalServerError && !errors.Is(ctx.Err(), context.Canceled) { // else the client left, and nobody reads this
		o.Log.ErrorContext(ctx, "request failed", "operation", operation, "status", p.status, "request_id", requestID(ctx), "error", err)
	}
	return p
}

// writeProblem writes a problem outside huma.
func writeProblem(w http.ResponseWriter, p *problem) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"detail":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.status)
	_, _ = w.Write(body) // a client that left needs no answer
}
