package edge

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"rawlink/internal/disposition"
	"rawlink/internal/mediatype"
	"rawlink/internal/share"
)

// heads are the headers that all good answers for a record have in common,
// rendered once when the record is learnt. "" = the header is not sent.
type heads struct {
	etag         string // strong, quoted
	lastModified string
	digest       string // Repr-Digest, RFC 9530
	contentType  string
	disposition  string
	policy       policy
	cacheControl string
	cdnCache     string // CDN-Cache-Control
	surrogates   string // Surrogate-Key: ids separated by spaces
	tags         string // Cache-Tag: the same, by commas
}

// policy is one of the Content-Security-Policies. All of them forbid everything
// that runs.
type policy uint8

const (
	// policyContent lets a browser build its own viewer around an image, a film,
	// a sound or a text, and puts whatever else into an origin of its own.
	policyContent policy = iota
	// policyPDF is mediatype.PolicyPDF.
	policyPDF
	// policyRefusal is for what we write ourselves, policyForm for that of it with a
	// form; see page.go.
	policyRefusal
	policyForm
	policies
)

// text is the header's value.
func (p policy) text() string {
	return [policies]string{
		policyContent: "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; " +
			"base-uri 'none'; form-action 'none'; sandbox",
		policyPDF:     mediatype.PolicyPDF,
		policyRefusal: pagePolicy,
		policyForm:    formPolicy,
	}[p]
}

func headsFor(rec *share.Record, maxAge time.Duration) heads {
	contentType, kind := mediatype.ShowAs(rec.MIME, rec.Permission)
	h := heads{
		contentType: contentType,
		disposition: disposition.Header(kind, rec.Name),
		policy:      policyContent,
		surrogates:  rec.ShareID + " " + rec.FileID,
		tags:        rec.ShareID + "," + rec.FileID,
	}
	h.etag, h.digest = validators(rec)
	if rec.Modified != 0 {
		h.lastModified = formatDate(rec.Modified)
	}
	if contentType == mediatype.PDF && kind == "inline" {
		h.policy = policyPDF
	}
	h.cacheControl, h.cdnCache = cachePolicy(rec, maxAge)
	return h
}

const noStore = "no-store" // no copy may be kept

// cachePolicy says who may keep a copy, and for how long. Copies outside can't
// be revoked or counted, so only a link without end and without cap may have any; nor
// can they ask, so none whose answer depends on who it is that comes.
func cachePolicy(rec *share.Record, maxAge time.Duration) (cacheControl, cdn string) {
	switch {
	case rec.Capped(), rec.PasswordHash != "", rec.Confirm:
		return noStore, noStore
	case rec.ExpiresAt != 0:
		return "private, no-store", noStore
	}
	return fmt.Sprintf("public, max-age=%d", max(0, int64(maxAge/time.Second))), ""
}

// validators returns the strong ETag and the digest of the object's bytes. Both
// come from their SHA-256; a record without one gets an ETag from the version,
// which is as strong: a version's bytes never change.
func validators(rec *share.Record) (etag, digest string) {
	sum, err := hex.DecodeString(rec.Object.SHA256)
	if err != nil || len(sum) != sha256.Size {
		of := sha256.Sum256([]byte(rec.FileID + "\x00" + rec.Object.Version))
		return `"v-` + hex.EncodeToString(of[:16]) + `"`, ""
	}
	return `"` + hex.EncodeToString(sum) + `"`, "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}
