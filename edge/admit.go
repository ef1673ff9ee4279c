package edge

import (
	"bytes"
	"encoding/hex"
	"net/netip"

	"rawlink/internal/share"

	"github.com/valyala/fasthttp"
)

// method is one of those that the files domain knows.
type method uint8

const (
	methodGet method = iota
	methodHead
	methodOptions
	methodPost // opens what is to be confirmed, or has a password that is enforced
)

// request is what the rooms know of a request: copies, so it may outlive the
// handler.
type request struct {
	method     method
	token      [share.TokenLen]byte
	rangeText  string
	conditions conditions
	agent      []byte     // User-Agent
	prefetch   bool       // a browser fetches before anybody asked for it
	addr       netip.Addr // of the client, past trusted proxies
	grant      string     // of an earlier POST; "" = none
	password   string     // from a form, X-Share-Password or Authorization; "" = none, or not enforced
}

// maxBody bounds a request body, in bytes. Of a form with a password it is plenty;
// no other is welcome, but one that fits is read, so that a refusal can be sent on
// a connection that stays in step.
const maxBody = 4 << 10

// admit takes a request in or refuses it on its face. It does no I/O. What it
// fills in borrows nothing from ctx.
func (e *Edge) admit(ctx *fasthttp.RequestCtx, t *tally) error {
	if e.inFlight.Load() > int64(e.cfg.MaxInFlight) {
		return errBusy
	}
	h := &ctx.Request.Header
	token, query, ok := parseTarget(h.RequestURI())
	if !ok {
		return errNoSuchTarget
	}
	m, ok := parseMethod(h.Method())
	if !ok {
		return errMethod
	}
	req := &t.request
	req.method = m
	form, err := readBody(ctx, m)
	if err != nil {
		return err
	}
	req.grant = parseGrant(query)
	req.token = [share.TokenLen]byte(token)
	req.addr = e.proxies.client(peerAddr(ctx.RemoteAddr()), req.read(h, e.cfg.EnforcePasswords))
	if form != "" && e.cfg.EnforcePasswords {
		req.password = form // what a person has typed, whatever their browser sends beside it
	}
	if !req.addr.IsValid() || e.proxies.trust(req.addr) {
		e.unnamed()
		return nil
	}
	if t.place = e.crowd.enter(req.addr); t.place == nil {
		return errCrowd
	}
	return nil
}

// unnamed notes a request for which a trusted proxy names nobody. Who sent it is
// one of many, and the limit of one would refuse all of them: it has none here.
func (e *Edge) unnamed() {
	e.metrics.Unnamed()
	if !e.warned.Swap(true) {
		e.log.Warn("a trusted proxy doesn't say for whom it asks: its requests have no limit per client, and its clients are told apart by their User-Agent alone; " +
			"have it send X-Forwarded-For, or a PROXY header with edge_proxy_protocol")
	}
}

// read copies the headers that mean something here, in one pass, and returns
// X-Forwarded-For. Passwords are copied only if they mean something.
func (req *request) read(h *fasthttp.RequestHeader, passwords bool) (forwarded string) {
	c := &req.conditions
	for name, value := range h.All() {
		switch string(name) {
		case fasthttp.HeaderUserAgent:
			req.agent = append(req.agent, value...)
		case fasthttp.HeaderRange:
			join(&req.rangeText, value)
		case fasthttp.HeaderIfMatch:
			join(&c.ifMatch, value)
		case fasthttp.HeaderIfNoneMatch:
			join(&c.ifNoneMatch, value)
		case fasthttp.HeaderIfModifiedSince:
			join(&c.ifModifiedSince, value)
		case fasthttp.HeaderIfUnmodifiedSince:
			join(&c.ifUnmodifiedSince, value)
		case fasthttp.HeaderIfRange:
			join(&c.ifRange, value)
		case "Sec-Purpose", "Purpose", "X-Purpose", "X-Moz":
			req.prefetch = req.prefetch || isPrefetch(value)
		case fasthttp.HeaderXForwardedFor:
			join(&forwarded, value)
		case headerPassword:
			if passwords {
				req.password = string(value)
			}
		case fasthttp.HeaderAuthorization:
			if passwords && req.password == "" {
				req.password = basicPassword(value)
			}
		}
	}
	return forwarded
}

// join appends a header's line to those before it, as RFC 9110 §5.3 allows, so
// that a second line is never silently dropped.
func join(lines *string, line []byte) {
	if *lines != "" {
		*lines += ", "
	}
	*lines += string(line)
}

// parseTarget reads the request target exactly as it was sent: /s/<token>, or
// /s/<token>/<any name>, then perhaps a query, in which only a grant means
// anything. No decoding and no normalising, so a cache in front, this parser and
// the record's key can't disagree about what was asked. Token and query are parts
// of target.
func parseTarget(target []byte) (token, query []byte, ok bool) {
	path, query, _ := bytes.Cut(target, []byte("?"))
	rest, ok := bytes.CutPrefix(path, []byte("/s/"))
	if !ok {
		return nil, nil, false
	}
	token, name, named := bytes.Cut(rest, []byte("/"))
	if len(token) != share.TokenLen || (named && !plainName(name)) {
		return nil, nil, false
	}
	for _, c := range token {
		if !tokenByte(c) {
			return nil, nil, false
		}
	}
	return token, query, true
}

func tokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// plainName reports whether the segment after the token is one that no proxy
// rewrites: visible ASCII, no second separator, no dot segment, also once it is
// decoded. Else a cache that decodes before it looks could keep one link's bytes
// under another's name.
func plainName(name []byte) bool {
	var length, dots int
	for rest := name; len(rest) > 0; length++ {
		c, n := rest[0], 1
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
		if d, ok := escaped(rest); ok {
			c, n = d, 3
		}
		if c < ' ' || c == 0x7f || c == '/' || c == '\\' {
			return false
		}
		if c == '.' {
			dots++
		}
		rest = rest[n:]
	}
	return length > 0 && (length > 2 || dots < length)
}

// escaped reads the %XX that text may begin with.
func escaped(text []byte) (c byte, ok bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	var d [1]byte
	_, err := hex.Decode(d[:], text[1:3])
	return d[0], err == nil
}

func parseMethod(m []byte) (method, bool) {
	switch string(m) {
	case fasthttp.MethodGet:
		return methodGet, true
	case fasthttp.MethodHead:
		return methodHead, true
	case fasthttp.MethodOptions:
		return methodOptions, true
	case fasthttp.MethodPost:
		return methodPost, true
	}
	return 0, false
}
