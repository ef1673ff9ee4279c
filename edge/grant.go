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

// A grant lets a client whose POST gave what the share asks for fetch the link with
// plain GETs: to seek in a film, to go on with a broken download, to show a PDF.
// It stands in the URL that the POST's answer leads to, for this domain sets no
// cookies.
//
//	expiry, Unix seconds 8 | tag 24, base64url
//
// The tag covers the share's token hash, what was proved, the client's address and the
// expiry. So a grant is good for nobody else's address, for no other link, and for
// nothing that asks for more: not after a password was set or changed, nor at an edge
// that enforces it if the one that granted didn't. It opens nothing without the token
// beside it. The user agent is not part of it: players bring their own.
const (
	grantLife  = 6 * time.Hour
	grantTag   = 24
	grantField = "grant="
	grantMost  = 64 // characters; a grant has 43
)

// proof is what a share asks of its clients, "" for nothing: its password, as it is
// stored, where that is enforced; else that they have confirmed.
type proof string

// confirmed is the proof of whoever has sent a POST. No stored password reads like it.
const confirmed proof = "confirmed"

// grants makes and checks grants, under a key that all edges share.
type grants struct{ key []byte }

func newGrants(leaseKey []byte) grants {
	h := hmac.New(sha256.New, leaseKey)
	h.Write([]byte("rawlink grant v1"))
	return grants{h.Sum(nil)}
}

// text returns a grant for the client that ends after grantLife.
func (g grants) text(hash share.Hash, of proof, addr netip.Addr, now time.Time) string {
	var raw [8 + grantTag]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.Add(grantLife).Unix())) //nolint:gosec // after 1970
	copy(raw[8:], g.tag(raw[:8], hash, of, addr))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// good reports whether the grant was made for this client and has not ended.
func (g grants) good(text string, hash share.Hash, of proof, addr netip.Addr, now time.Time) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 8+grantTag {
		return false
	}
	made := subtle.ConstantTimeCompare(raw[8:], g.tag(raw[:8], hash, of, addr)) == 1
	return made && uint64(now.Unix()) < binary.BigEndian.Uint64(raw[:8]) //nolint:gosec // after 1970
}

func (g grants) tag(expiry []byte, hash share.Hash, of proof, addr netip.Addr) []byte {
	h := hmac.New(sha256.New, g.key)
	at := identity(addr).As16()
	h.Write(expiry)
	h.Write(hash[:])
	h.Write(at[:])
	h.Write([]byte(of)) // the only part whose length varies
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

// sendGrant answers a POST that has given what the share asks for: by leading the client
// to the same link, with a grant. Only the query changes, so a name after the token stays.
func (e *Edge) sendGrant(ctx *fasthttp.RequestCtx, k *known, req *request, t *tally) {
	h := &ctx.Response.Header
	t.status = fasthttp.StatusSeeOther
	e.beginUnkept(h, policyRefusal, t)
	h.Add(fasthttp.HeaderLocation, "?"+grantField+e.grants.text(t.hash, e.asks(k), req.addr, t.start))
	t.close(outcomeUnlocked)
}
