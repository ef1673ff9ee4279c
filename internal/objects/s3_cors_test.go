package objects_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rawlink/internal/objects"
)

// TestAllowOrigins uploads as a browser does from a page of another origin: the
// preflight first, then the PUT, whose ETag the page may read.
func TestAllowOrigins(t *testing.T) {
	const console, theirs = "https://api.example.com", "https://theirs.example.com"
	cfg := s3Config(t)
	store := newS3(t, cfg)
	l := newLab(t, store)
	client := s3.New(s3.Options{BaseEndpoint: &cfg.Endpoint, Region: cfg.Region, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(cfg.AccessKey, cfg.SecretKey, "")})
	foreign := types.CORSRule{ID: aws.String("theirs"), AllowedOrigins: []string{theirs}, AllowedMethods: []string{"GET"}, AllowedHeaders: []string{}}
	if _, err := client.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &cfg.Bucket, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{foreign}}}); err != nil {
		t.Fatal(err)
	}
	signed, err := store.PresignPut(t.Context(), objects.PutSpec{Key: "k", Size: 1, ContentType: "text/plain", SHA256: digest([]byte("x")), Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	preflight := func(origin, method string) answer {
		return l.do(t, http.MethodOptions, signed.URL, nil, 0, map[string]string{"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type,x-amz-checksum-sha256"})
	}
	if got := preflight(console, "PUT").header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Fatalf("allowed before: %q", got)
	}
	for _, origins := range [][]string{{console}, {console, "http://localhost:5173"}, {console}} {
		if err := store.AllowOrigins(t.Context(), origins); err != nil {
			t.Fatal(err)
		}
	}
	if got := preflight(console, "PUT").header; got.Get("Access-Control-Allow-Origin") != console || !strings.Contains(strings.ToLower(got.Get("Access-Control-Allow-Headers")), "x-amz-checksum-sha256") {
		t.Errorf("the preflight is answered %v", got)
	}
	if got := preflight("https://else.example.com", "PUT").header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("another origin is allowed: %q", got)
	}
	header := map[string]string{"Origin": console}
	for name, value := range signed.Headers {
		header[name] = value
	}
	put := l.do(t, http.MethodPut, signed.URL, strings.NewReader("x"), 1, header)
	if put.status != http.StatusOK || put.header.Get("Access-Control-Allow-Origin") != console || !strings.Contains(strings.ToLower(put.header.Get("Access-Control-Expose-Headers")), "etag") {
		t.Errorf("the PUT is answered %d, %v", put.status, put.header)
	}
	out, err := client.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: &cfg.Bucket})
	if err != nil || len(out.CORSRules) != 2 || aws.ToString(out.CORSRules[0].ID) != "theirs" || len(out.CORSRules[1].AllowedOrigins) != 2 {
		t.Errorf("rules = %+v, %v; want theirs, and ours as it was last needed", out, err)
	}
}
