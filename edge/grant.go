package edge

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"

	"rawlink/internal/share"

	"github.com/valyala/fasthttp"
)

// A grant lets a browser that has sent the right password fetch the link with
// plain GETs: to seek in a film, to go on with a broken download, to show a PDF.
// It stands in the URL that the form's answer leads to, for this domain sets no
// cookies.
//
//	expiry, Unix seconds 8 | tag 24, base64url
//
// The tag covers the share's token hash, its stored password, the client's address
// and the expiry. So a grant is good for nobody else's address, for no other link,
// and not after the password was changed; and it opens nothing without the token
// beside it. The user agent is not part of it: players bring their own.
const (
	grantLife  = 6 * time.Hour
	grantTag   = 24
	grantField = "grant="
	grantMost  = 64 // characters; a grant has 43
)

// grants makes and checks grants, under a key that all edges share.
type grants struct{ key []byte }

func newGrants(leaseKey []byte) grants {
	h := hmac.New(sha256.New, leaseKey)
	h.Write([]byte("rawlink grant v1"))
	return grants{h.Sum(nil)}
}

// text returns a grant for the client that ends after grantLife.
func (g grants) text(hash share.Hash, stored string, addr netip.Addr, now time.Time) string {
	var raw [8 + grantTag]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.Add(grantLife).Unix())) //nolint:gosec // after 1970
	copy(raw[8:], g.tag(raw[:8], hash, stored, addr))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// good reports whether the grant was made for this client and has not ended.
func (g grants) good(text string, hash share.Hash, stored string, addr netip.Addr, now time.Time) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 8+grantTag {
		return false
	}
	made := subtle.ConstantTimeCompare(raw[8:], g.tag(raw[:8], hash, stored, addr)) == 1
	return made && uint64(now.Unix()) < binary.BigEndian.Uint64(raw[:8]) //nolint:gosec // after 1970
}

func (g grants) tag(expiry []byte, hash share.Hash, stored string, addr netip.Addr) []byte {
	h := hmac.New(sha256.New, g.key)
	at := identity(addr).As16()
	h.Write(expiry)
	h.Write(hash[:])
	h.Write(at[:])
	h.Write([]byte(stored)) // the only part whose length varies
	return h.Sum(nil)[:grantTag]
}

// parseGrant returns the grant in a query, "" if there is none.
func parseGrant(query []byte) string {
	for part := range bytes.SplitSeq(query, []byte("&")) {
		if text, ok := bytes.CutPrefix(part, []byte(grantField)); ok && len(text) <= grantMost {
			return string(text)
		}
	}
	return ""
}

// sendGrant answers a form with the right password: by leading the browser to the
// same link, with a grant. Only the query changes, so a name after the token stays.
func (e *Edge) sendGrant(ctx *fasthttp.RequestCtx, k *known, req *request, t *tally) {
	h := &ctx.Response.Header
	t.status = fasthttp.StatusSeeOther
	e.beginUnkept(h, policyRefusal, t)
	h.Add(fasthttp.HeaderLocation, "?"+grantField+e.grants.text(t.hash, k.rec.PasswordHash, req.addr, t.start))
	t.close(outcomeUnlocked)
}
