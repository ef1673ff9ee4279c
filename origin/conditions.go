package origin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rawlink/origin/store"
)

// Conditions are the part of an input that makes a request depend on what its thing is
// like (RFC 9110, section 13). Nothing here has a modification date that a client could
// name: seconds are too long for that. Exported because huma looks into no other
// embedded struct.
type Conditions struct {
	IfMatch     string `header:"If-Match" minLength:"1" format:"entity-tags" doc:"Go on only if the ETag is one of these, * for any; else 412, and nothing was changed."`
	IfNoneMatch string `header:"If-None-Match" minLength:"1" format:"entity-tags" doc:"Go on only if the ETag is none of these; else a GET is answered 304, and anything else 412."`

	match, none []string // nil: not sent
	read        bool     // by a GET
}

// anyTag stands for every thing that there is.
const anyTag = "*"

// Resolve reads the tags, while huma reads the rest of the input.
func (c *Conditions) Resolve(ctx huma.Context) (problems []error) {
	c.read = ctx.Method() == http.MethodGet
	for _, condition := range []struct {
		name string
		tags *[]string
	}{{"If-Match", &c.match}, {"If-None-Match", &c.none}} {
		lines := linesOf(ctx, condition.name)
		if len(lines) == 0 {
			continue
		}
		var ok bool
		if *condition.tags, ok = parseTags(strings.Join(lines, ",")); !ok {
			problems = append(problems, &huma.ErrorDetail{Location: "header." + condition.name, Message: `is no list of entity tags, such as "xyzzy", and not *`})
		}
	}
	return problems
}

// linesOf are all lines of a header field; huma reads the first alone.
func linesOf(ctx huma.Context, name string) (lines []string) {
	ctx.EachHeader(func(header, value string) {
		if strings.EqualFold(header, name) {
			lines = append(lines, value)
		}
	})
	return lines
}

// entityTag is one of a list, and what leads to the next (RFC 9110, 8.8.3).
var entityTag = regexp.MustCompile(`^[ \t]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)`)

// parseTags reads a list of entity tags as they are written; ok is false for
// anything else.
func parseTags(list string) (tags []string, ok bool) {
	if strings.TrimSpace(list) == anyTag {
		return []string{anyTag}, true
	}
	for list != "" {
		found := entityTag.FindStringSubmatch(list)
		if found == nil {
			return nil, false
		}
		tags, list = append(tags, found[1]), list[len(found[0]):]
	}
	return tags, len(tags) > 0
}

// judge compares what was asked for with the ETag that the thing has. If-Match is about
// what the client could overwrite: it does not mind what moves by itself, or nobody
// could change the cap of a link that is downloaded every second.
func (c *Conditions) judge(now string) error {
	present := http.Header{"Etag": {now}}
	matches := func(tag string) bool { return tag == anyTag || settledPart(tag) == settledPart(now) }
	same := func(tag string) bool { return tag == anyTag || strings.TrimPrefix(tag, "W/") == now }
	switch {
	case c.match != nil && !slices.ContainsFunc(c.match, matches):
		return &problem{status: http.StatusPreconditionFailed, Detail: "If-Match: it has another ETag now; get it again and look at what was changed", header: present}
	case c.none == nil || !slices.ContainsFunc(c.none, same):
		return nil
	case c.read:
		return &problem{status: http.StatusNotModified, header: present}
	}
	return &problem{status: http.StatusPreconditionFailed, Detail: "If-None-Match: it has this ETag", header: present}
}

// tagOf returns the entity tag of what a client is shown: `"all of it"`, or, where a
// part moves by itself, `"what is settled.all of it"`.
func tagOf(body any) string {
	whole := digestOf(body)
	if moving, ok := body.(interface{ settled() any }); ok {
		whole = digestOf(moving.settled()) + "." + whole
	}
	return `"` + whole + `"`
}

// settledPart is the half of a tag that only a client's change, or an end, alters.
func settledPart(tag string) string {
	settled, _, _ := strings.Cut(strings.TrimSuffix(tag, `"`), ".")
	return settled
}

// digestOf is 96 bits: a client could only mislead itself.
func digestOf(body any) string {
	raw, _ := json.Marshal(body) // texts, numbers and lists of them
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Thing is the input of an operation on one thing that has an ETag.
type Thing struct {
	ID string `path:"id"`
	Conditions
}

// shown is the answer that shows one thing.
type shown[T any] struct {
	ETag string `header:"ETag" doc:"Of what is shown, for If-Match and If-None-Match."`
	Body T
}

func show[T any](body T) *shown[T] { return &shown[T]{ETag: tagOf(body), Body: body} }

// on runs one of the store's operations that take and return one thing, under the
// request's conditions. A change is judged in its own transaction.
func on[A, B any](ctx context.Context, in *Thing, what string, turn func(A) B, operate func(ctx context.Context, tenantID, id string) (A, error)) (*shown[B], error) {
	id, err := parseID(in.ID, what)
	if err != nil {
		return nil, err
	}
	v, err := operate(onlyIf(ctx, &in.Conditions, turn), caller(ctx).TenantID, id)
	if err != nil {
		return nil, err
	}
	out := show(turn(v))
	if in.read {
		err = in.judge(out.ETag)
	}
	return out, err
}

// onlyIf has the store judge the conditions by the thing as it is, before it is changed.
func onlyIf[A, B any](ctx context.Context, c *Conditions, turn func(A) B) context.Context {
	if c.read || c.match == nil && c.none == nil {
		return ctx
	}
	return store.OnlyIf(ctx, func(v A) error { return c.judge(tagOf(turn(v))) })
}

// insist refuses changes that don't say what they were made of
// (RFC 6585, section 3).
func (o *Origin) insist(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		conditional := slices.ContainsFunc(ctx.Operation().Parameters, func(p *huma.Param) bool { return p.Name == "If-Match" })
		if conditional && ctx.Header("If-Match") == "" {
			o.refuse(api, ctx, reject(http.StatusPreconditionRequired, "If-Match: is required here; send the ETag that a GET answered, or * to change whatever is there"))
			return
		}
		next(ctx)
	}
}
