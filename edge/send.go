package edge

import (
	"bytes"
	"fmt"

	"rawlink/cache/bytecache"

	"github.com/valyala/fasthttp"
)

const (
	allowedMethods = "GET, HEAD, OPTIONS"
	formMethods    = allowedMethods + ", POST" // where something asks for it
	exposedHeaders = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Last-Modified, " +
		"Repr-Digest, Retry-After, Server-Timing, X-Request-Id"
	acceptedHeaders = "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, " +
		"Authorization, " + headerPassword
)

// send sets the answer; fasthttp writes it once the handler has returned. From
// here on only the connection can fail.
func (e *Edge) send(ctx *fasthttp.RequestCtx, c *claimed, k *known, p plan, t *tally) {
	h := &ctx.Response.Header
	t.status, t.planned, t.length = p.status, p.bytes(), p.length
	e.begin(h, c, k, t)
	switch {
	case p.parts != nil:
		h.SetContentType("multipart/byteranges; boundary=" + t.id.String())
	case p.status == 206:
		h.AddBytesV(fasthttp.HeaderContentRange, appendContentRange(t.text[:0], p.span, k.rec.Object.Size))
	case p.status == 416:
		h.Add(fasthttp.HeaderContentRange, fmt.Sprintf("bytes */%d", k.rec.Object.Size))
	}
	if !t.reading {
		if ctx.IsHead() && p.status == 200 {
			h.SetContentLength(int(p.length)) // of what GET would send
		}
		if r := unmet[p.status]; r != nil {
			r.say(ctx, wantsPage(&ctx.Request.Header))
		}
		t.close(bodiless(ctx, p))
		return
	}
	t.stream = stream{
		tally: t, known: k, parts: p.parts, conn: ctx.Conn(), direct: p.length > buffered,
		pace: pace{rate: e.cfg.MinRate, grace: e.cfg.SendGrace, stall: e.cfg.SendStall},
	}
	t.streamed = true
	if e.underway != nil && t.stream.direct {
		t.listed = true
		e.underway.enter(&t.stream, t.mark)
	}
	ctx.Response.ImmediateHeaderFlush = t.stream.direct
	ctx.Response.SetBodyStream(&t.stream, int(p.length))
}

// begin starts the header of a good answer. That of a record which is asked for
// again is prepared, and copied whole.
func (e *Edge) begin(h *fasthttp.ResponseHeader, c *claimed, k *known, t *tally) {
	full := t.status == 200 || t.status == 206
	timing := timings[t.source][t.body.Source()]
	if prepared := c.prepared(k, timing); prepared != nil && full {
		prepared.CopyTo(h)
		h.SetStatusCode(t.status)
		h.AddBytesV("X-Request-Id", t.id[:])
		return
	}
	policy := k.heads.policy
	if unmet[t.status] != nil {
		policy = policyRefusal
	}
	e.always.begin(h, policy, t.status)
	setHeads(h, &k.heads, t)
	h.Add("Server-Timing", timing)
	if full && t.source == sourceL1 {
		prepared := &fasthttp.ResponseHeader{}
		h.CopyTo(prepared)
		c.keep(k, timing, prepared)
	}
	h.AddBytesV("X-Request-Id", t.id[:])
}

// timings are the values of Server-Timing, by where record and bytes came from.
var timings = func() (all [sources][bytecache.Sources]string) {
	for from := range sources {
		for bytes := range bytecache.Sources {
			all[from][bytes] = `record;desc="` + from.String() + `"`
			if bytes != bytecache.Nowhere {
				all[from][bytes] += `, bytes;desc="` + bytes.String() + `"`
			}
		}
	}
	return all
}()

// setHeads sets what is known of the object, as far as the status wants it. What nobody
// could be asked about may have been revoked, and purged at a CDN by now: none may keep it.
func setHeads(h *fasthttp.ResponseHeader, heads *heads, t *tally) {
	if unmet[t.status] != nil {
		h.Add(fasthttp.HeaderCacheControl, noStore)
		return
	}
	set(h, fasthttp.HeaderETag, heads.etag)
	control, cdn := heads.cacheControl, heads.cdnCache
	if t.source == sourceStale {
		control, cdn = noStore, noStore
	}
	set(h, fasthttp.HeaderCacheControl, control)
	set(h, "CDN-Cache-Control", cdn)
	set(h, "Surrogate-Key", heads.surrogates)
	set(h, "Cache-Tag", heads.tags)
	set(h, fasthttp.HeaderLastModified, heads.lastModified)
	if t.status == 304 {
		return
	}
	h.SetContentType(heads.contentType)
	set(h, fasthttp.HeaderContentDisposition, heads.disposition)
	set(h, "Repr-Digest", heads.digest)
	set(h, fasthttp.HeaderAcceptRanges, "bytes")
}

func bodiless(ctx *fasthttp.RequestCtx, p plan) string {
	switch {
	case p.status == 416:
		return outcomeNoRange
	case p.status == 304, p.status == 412:
		return outcomeCondition
	case ctx.IsHead():
		return outcomeHead
	}
	return outcomeServed // an empty file
}

// sendPreflight answers OPTIONS: what a page on another origin may ask. It
// looks nothing up, so it says nothing about the share.
func (e *Edge) sendPreflight(ctx *fasthttp.RequestCtx, t *tally) {
	h := &ctx.Response.Header
	t.status = fasthttp.StatusNoContent
	e.always.begin(h, policyRefusal, t.status)
	h.AddBytesV("X-Request-Id", t.id[:])
	h.Add(fasthttp.HeaderAllow, allowed(ctx))
	h.Add(fasthttp.HeaderAccessControlAllowMethods, allowedMethods)
	h.Add(fasthttp.HeaderAccessControlAllowHeaders, acceptedHeaders)
	h.Add(fasthttp.HeaderAccessControlMaxAge, "86400")
	t.close(outcomePreflight)
}

// The challenges of 401, RFC 9110 §11.6.1. To Basic a browser would answer with a
// window of its own instead of the page with the form; a scheme that it doesn't
// know lets it show the page.
const (
	challengeProgram = `Basic realm="share", charset="UTF-8"`
	challengeBrowser = headerPassword + ` realm="share"`
)

// say is the single writer of refusals' bodies: JSON, or a page for people.
func (r *refusal) say(ctx *fasthttp.RequestCtx, forPeople bool) {
	h := &ctx.Response.Header
	h.Add(fasthttp.HeaderVary, fasthttp.HeaderAccept)
	if forPeople {
		h.SetContentType("text/html; charset=utf-8")
		ctx.Response.SetBodyRaw(r.page)
		return
	}
	h.SetContentType("application/json")
	ctx.Response.SetBodyRaw(r.json)
}

// sendRefusal answers that nothing of the share is told or served.
func (e *Edge) sendRefusal(ctx *fasthttp.RequestCtx, r *refusal, t *tally) {
	t.enter(roomSend)
	h := &ctx.Response.Header
	t.status = r.status
	forPeople := wantsPage(&ctx.Request.Header)
	policy := policyRefusal
	if r.form && forPeople {
		policy = policyForm
	}
	e.beginUnkept(h, policy, t)
	set(h, fasthttp.HeaderRetryAfter, r.retryAfter)
	if r.allow {
		h.Add(fasthttp.HeaderAllow, allowed(ctx))
	}
	switch {
	case r.challenge && forPeople:
		h.Add(fasthttp.HeaderWWWAuthenticate, challengeBrowser)
	case r.challenge:
		h.Add(fasthttp.HeaderWWWAuthenticate, challengeProgram)
	}
	r.say(ctx, forPeople)
	outcome := outcomeRefused
	if r.status >= 500 {
		outcome = outcomeFailed
	}
	t.close(outcome)
}

// allowed names the methods that there are. That a link takes no POST only the refused
// POST has found out: else nothing is looked up.
func allowed(ctx *fasthttp.RequestCtx) string {
	if ctx.IsPost() {
		return allowedMethods
	}
	return formMethods
}

// beginUnkept starts the header of an answer that no cache may keep.
func (e *Edge) beginUnkept(h *fasthttp.ResponseHeader, p policy, t *tally) {
	e.always.begin(h, p, t.status)
	h.AddBytesV("X-Request-Id", t.id[:])
	h.Add(fasthttp.HeaderCacheControl, noStore)
	h.Add("CDN-Cache-Control", noStore)
}

// wantsPage reports whether it is a browser that asks, for somebody to read.
func wantsPage(h *fasthttp.RequestHeader) bool {
	for _, line := range h.PeekAll(fasthttp.HeaderAccept) {
		if bytes.Contains(line, []byte("text/html")) {
			return true
		}
	}
	return false
}

// always holds, for each policy, the headers of every response under it: copied
// whole, which costs a fraction of setting them one by one.
type always [policies]*fasthttp.ResponseHeader

func newAlways() (all always) {
	for p := range policies {
		h := &fasthttp.ResponseHeader{}
		h.SetNoDefaultContentType(true)
		h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
		h.Set(fasthttp.HeaderContentSecurityPolicy, p.text())
		h.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
		h.Set(fasthttp.HeaderAccessControlExposeHeaders, exposedHeaders)
		all[p] = h
	}
	return all
}

// begin starts a response's header. What is added to it afterwards is spelled as
// it is to be sent, and no name is added twice.
func (a *always) begin(h *fasthttp.ResponseHeader, p policy, status int) {
	a[p].CopyTo(h)
	h.SetStatusCode(status)
	h.DisableNormalizing()
}

func set(h *fasthttp.ResponseHeader, name, value string) {
	if value != "" {
		h.Add(name, value)
	}
}
