package objects

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// emptyPut signs the URL of an upload of no bytes, in the SDK's place: the SDK
// leaves a Content-Length of 0, and the type of no content, out of the signature,
// so that the URL would admit a body of any length. It follows "Authenticating
// Requests: Using Query Parameters (AWS Signature Version 4)" of the S3 API
// reference.
type emptyPut struct{ in *s3.PutObjectInput }

// signEmpty has a presign call use emptyPut.
func signEmpty(in *s3.PutObjectInput) func(*s3.PresignOptions) {
	return func(o *s3.PresignOptions) { o.Presigner = emptyPut{in} }
}

// headers returns what the client must send: names in lower case.
func (e emptyPut) headers(r *http.Request) http.Header {
	headers := http.Header{"host": {r.Host}, "content-length": {"0"}}
	if r.Host == "" {
		headers["host"] = []string{r.URL.Host}
	}
	if e.in.ContentType != nil {
		headers["content-type"] = []string{*e.in.ContentType}
	}
	if e.in.ChecksumSHA256 != nil {
		headers["x-amz-checksum-sha256"] = []string{*e.in.ChecksumSHA256}
	}
	return headers
}

// PresignHTTP implements s3.HTTPPresignerV4.
func (e emptyPut) PresignHTTP(_ context.Context, keys aws.Credentials, r *http.Request,
	payloadHash, service, region string, now time.Time, _ ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	headers, now := e.headers(r), now.UTC()
	names := slices.Sorted(maps.Keys(headers))
	var canonical strings.Builder
	for _, name := range names {
		canonical.WriteString(name + ":" + strings.Join(headers[name], ",") + "\n")
	}
	day := now.Format("20060102")
	scope := strings.Join([]string{day, region, service, "aws4_request"}, "/")
	query := r.URL.Query()
	query.Set("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
	query.Set("X-Amz-Credential", keys.AccessKeyID+"/"+scope)
	query.Set("X-Amz-Date", now.Format("20060102T150405Z"))
	query.Set("X-Amz-SignedHeaders", strings.Join(names, ";"))
	escaped := strings.ReplaceAll(query.Encode(), "+", "%20") // SigV4 has no "+" for a space
	request := strings.Join([]string{
		r.Method, r.URL.EscapedPath(), escaped, canonical.String(), strings.Join(names, ";"), payloadHash,
	}, "\n")
	digest := sha256.Sum256([]byte(request))
	message := strings.Join([]string{
		"AWS4-HMAC-SHA256", now.Format("20060102T150405Z"), scope, hex.EncodeToString(digest[:]),
	}, "\n")
	key := []byte("AWS4" + keys.SecretAccessKey)
	for _, step := range []string{day, region, service, "aws4_request", message} {
		key = hmacSHA256(key, step)
	}
	target := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Opaque: r.URL.Opaque, Path: r.URL.Path, RawPath: r.URL.RawPath}
	target.RawQuery = escaped + "&X-Amz-Signature=" + hex.EncodeToString(key)
	return target.String(), headers, nil
}

func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
