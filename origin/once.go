package origin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rawlink/origin/store"
)

// onceLease is how long one try may take. A try that dies with its process
// blocks its key for so long; it must exceed the longest operation.
const onceLease = 5 * time.Minute

// idempotencyKey documents the header for the API's description.
var idempotencyKey = &huma.Param{
	Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
	Description: "Makes the request safe to repeat: within 24 hours the same key with the same request gets the first success again, with Idempotency-Replayed: true. " +
		"With another request it is 422; while the first is still under way, 409. A refusal is not kept: it changed nothing, so the repetition is judged anew.",
}

// once lets a POST that carries an Idempotency-Key take effect once, however
// often it is sent by keys of the tenant.
//
// The claim comes before the operation, the kept answer after it. If the process
// dies in between, the repetition runs the operation again with the same
// reserved id, and finds what the first try made instead of making another.
func (o *Origin) once(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		key := ctx.Header("Idempotency-Key")
		if key == "" {
			next(ctx)
			return
		}
		if err := checkText("Idempotency-Key", key, maxName); err != nil {
			o.refuse(api, ctx, err)
			return
		}
		try := o.onceOf(ctx, key)
		kept, err := o.Store.BeginOnce(ctx.Context(), try, onceLease)
		if err != nil {
			o.refuse(api, ctx, onceProblem(err))
			return
		}
		if kept != nil {
			o.repeatAnswer(api, ctx, try, key, kept)
			return
		}
		answer := &recorded{humaContext: ctx, status: http.StatusInternalServerError} // what it is if the operation panics
		o.tryOnce(ctx.Context(), try, key, answer, next)
		answer.send()
	}
}

func (o *Origin) tryOnce(ctx context.Context, try *store.Once, key string, answer *recorded, next func(huma.Context)) {
	defer o.endOnce(ctx, try, key, answer)
	next(huma.WithContext(answer, context.WithValue(store.WithID(ctx, try.ID), tryKey{}, answer)))
}

type tryKey struct{}

// madeEarlier says of a request that is about to be refused that an earlier try had
// its effect, so that its key is not free for another one.
func madeEarlier(ctx context.Context) {
	if answer, ok := ctx.Value(tryKey{}).(*recorded); ok {
		answer.made = true
	}
}

func (o *Origin) onceOf(ctx huma.Context, key string) *store.Once {
	url := ctx.URL()
	request := sha256.New()
	for _, part := range []string{ctx.Method(), url.EscapedPath(), url.RawQuery} {
		_, _ = io.WriteString(request, part+"\x00")
	}
	_, _ = io.Copy(request, ctx.BodyReader()) // a body that breaks off is refused by the operation
	name := sha256.Sum256([]byte(key))
	return &store.Once{TenantID: caller(ctx.Context()).TenantID, Key: hex.EncodeToString(name[:]), Request: hex.EncodeToString(request.Sum(nil))}
}

func onceProblem(err error) error {
	switch {
	case errors.Is(err, store.ErrOtherRequest):
		return invalid("Idempotency-Key", "was used for another request; draw a new one for each")
	case errors.Is(err, store.ErrStillRunning):
		p := reject(http.StatusConflict, "a request with this Idempotency-Key is still under way; repeat it in a moment")
		p.header = http.Header{"Retry-After": {"1"}}
		return p
	}
	return err
}

// endOnce settles a try by its answer: a success is kept, a refusal forgotten,
// and of anything else nobody knows what it changed. It outlives a client that
// left. If it fails, the lease's end does what GiveUpOnce does.
func (o *Origin) endOnce(ctx context.Context, try *store.Once, key string, answer *recorded) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var err error
	switch {
	case answer.status >= http.StatusInternalServerError, answer.made:
		err = o.Store.GiveUpOnce(ctx, try)
	case answer.status >= http.StatusBadRequest:
		err = o.Store.ForgetOnce(ctx, try)
	default:
		sealed := seal(o.onceKey(try, key), answer.body.Bytes(), try.Request)
		err = o.Store.KeepOnce(ctx, try, store.Kept{Status: answer.status, ETag: answer.etag, Answer: sealed})
	}
	if err != nil {
		o.Log.WarnContext(ctx, "the end of a request with an idempotency key was not recorded", "request_id", requestID(ctx), "error", err)
	}
}

// onceKey seals answers: they hold links and upload tickets, which are never
// stored in clear. It takes the client's key to open one, and the mint secret.
func (o *Origin) onceKey(try *store.Once, key string) [32]byte {
	return o.Mint.Key("idempotent answer\x00" + try.TenantID + "\x00" + key)
}

func (o *Origin) repeatAnswer(api huma.API, ctx huma.Context, try *store.Once, key string, kept *store.Kept) {
	body, err := unseal(o.onceKey(try, key), kept.Answer, try.Request)
	if err == nil && ctx.Operation().OperationID == "create-share" {
		err = o.checkLink(body)
	}
	if err != nil {
		o.refuse(api, ctx, err)
		return
	}
	ctx.SetHeader("Idempotency-Replayed", "true")
	if kept.ETag != "" {
		ctx.SetHeader("ETag", kept.ETag)
	}
	again := &recorded{humaContext: ctx, status: kept.Status}
	again.body.Write(body)
	if len(body) > 0 {
		ctx.SetHeader("Content-Type", "application/json")
	}
	again.send()
}

// recorded holds an answer back, so that it can be kept before it is sent.
type recorded struct {
	humaContext
	status int
	etag   string
	body   bytes.Buffer
	made   bool // see madeEarlier
}

// SetStatus implements huma.Context.
func (r *recorded) SetStatus(status int) { r.status = status }

// Status implements huma.Context.
func (r *recorded) Status() int { return r.status }

// SetHeader implements huma.Context.
func (r *recorded) SetHeader(name, value string) {
	if name == "ETag" {
		r.etag = value
	}
	r.humaContext.SetHeader(name, value)
}

// BodyWriter implements huma.Context.
func (r *recorded) BodyWriter() io.Writer { return &r.body }

func (r *recorded) send() {
	r.humaContext.SetStatus(r.status)
	_, _ = r.humaContext.BodyWriter().Write(r.body.Bytes()) // a client that left asks again
}
