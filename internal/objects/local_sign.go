package objects

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// grant is what a presigned URL of a Local allows: one method on one key, with
// everything that the request must match or the answer carries.
type grant struct {
	method      string // PUT or GET; a grant to GET is one to HEAD
	key         string
	expires     int64 // Unix seconds
	size        int64 // PUT: length of the body
	contentType string
	sha256      string
	uploadID    string // PUT of a part
	part        int
	disposition string // GET: the whole header
}

// The query parameters of a presigned URL. Absent means empty.
const (
	paramExpires     = "expires"
	paramSize        = "size"
	paramType        = "type"
	paramSHA256      = "sha256"
	paramUpload      = "upload"
	paramPart        = "part"
	paramDisposition = "disposition"
	paramSignature   = "signature"
)

var (
	errSignature = errors.New("the signature does not match this request")
	errExpired   = errors.New("the URL has expired")
)

// signer makes and checks presigned URLs. The signature covers method, key and
// the whole query in its canonical form (sorted, escaped), so nothing can be
// changed, added or given twice.
type signer struct{ secret []byte }

// query returns the signed query of the grant.
func (s signer) query(g grant) string {
	values := url.Values{paramExpires: {strconv.FormatInt(g.expires, 10)}}
	if g.method == http.MethodPut {
		values.Set(paramSize, strconv.FormatInt(g.size, 10))
	}
	if g.part != 0 {
		values.Set(paramPart, strconv.Itoa(g.part))
	}
	for name, value := range map[string]string{
		paramType: g.contentType, paramSHA256: g.sha256,
		paramUpload: g.uploadID, paramDisposition: g.disposition,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	values.Set(paramSignature, s.sign(g.method, g.key, values))
	return values.Encode()
}

// sign returns the signature of a query that has none. Neither method nor key can
// contain a NUL, and Encode escapes it, so no two requests share a message.
func (s signer) sign(method, key string, values url.Values) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte("rawlink objects v1\x00" + method + "\x00" + key + "\x00" + values.Encode()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// verify returns what the query allows, or why it allows nothing at now.
func (s signer) verify(method, key, query string, now time.Time) (grant, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return grant{}, errSignature
	}
	given := values.Get(paramSignature)
	values.Del(paramSignature)
	if !hmac.Equal([]byte(given), []byte(s.sign(method, key, values))) {
		return grant{}, errSignature
	}
	// What follows was written by query: it parses.
	g := grant{
		method: method, key: key,
		contentType: values.Get(paramType), sha256: values.Get(paramSHA256),
		uploadID: values.Get(paramUpload), disposition: values.Get(paramDisposition),
	}
	g.expires, _ = strconv.ParseInt(values.Get(paramExpires), 10, 64)
	g.size, _ = strconv.ParseInt(values.Get(paramSize), 10, 64)
	g.part, _ = strconv.Atoi(values.Get(paramPart))
	if now.Unix() >= g.expires {
		return grant{}, errExpired
	}
	return g, nil
}
