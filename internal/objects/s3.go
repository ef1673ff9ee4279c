package objects

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rawlink/internal/share"
	"rawlink/internal/tracing"
)

// S3Config says how to reach a bucket on any server that speaks the S3 protocol.
type S3Config struct {
	Endpoint       string // URL this process uses, such as http://minio.internal:9000
	PublicEndpoint string // URL in presigned URLs, as clients reach it; "" = Endpoint
	Region         string
	Bucket         string
	AccessKey      string
	SecretKey      string
	PathStyle      bool // bucket in the path instead of the host name
}

// What this process allows the store. A whole operation has no limit of its own
// beyond the caller's context, because completing a large upload takes long.
const (
	dialLimit     = 5 * time.Second
	answerLimit   = 15 * time.Second // until the header of an answer arrives
	completeLimit = 10 * time.Minute // the same, while the store joins parts
	stallLimit    = 30 * time.Second // until the next bytes of a body arrive
	attempts      = 3                // of one request; bodies are never retried
	idleConns     = 256              // kept per host; the SDK's 10 throttles an edge
)

// S3 keeps objects in a bucket.
type S3 struct {
	bucket  string
	client  *s3.Client
	presign *s3.PresignClient // for clients
	direct  *s3.PresignClient // for this process itself
	quick   *http.Client      // for requests that are answered at once
	patient *http.Client      // for CompleteParts
	stall   time.Duration
}

var _ Store = (*S3)(nil)

// NewS3 returns the store for the bucket, which must exist. It does no I/O; see
// Check. Close the store at the end.
func NewS3(cfg S3Config) (*S3, error) {
	if cfg.PublicEndpoint == "" {
		cfg.PublicEndpoint = cfg.Endpoint
	}
	for name, endpoint := range map[string]string{"endpoint": cfg.Endpoint, "public endpoint": cfg.PublicEndpoint} {
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return nil, fmt.Errorf("s3 store: %s: want an http or https URL without credentials", name)
		}
	}
	if cfg.Bucket == "" || cfg.Region == "" || cfg.AccessKey == "" || cfg.SecretKey == "" {
		return nil, errors.New("s3 store: bucket, region, access key and secret key are all needed")
	}
	s := &S3{
		bucket: cfg.Bucket, stall: stallLimit,
		quick: newHTTPClient(answerLimit), patient: newHTTPClient(completeLimit),
	}
	options := s3.Options{
		BaseEndpoint: &cfg.Endpoint,
		Region:       cfg.Region,
		UsePathStyle: cfg.PathStyle,
		Credentials:  credentials.NewStaticCredentialsProvider(cfg.AccessKey, cfg.SecretKey, ""),
		HTTPClient:   s.quick,
		Retryer:      retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts; o.MaxBackoff = time.Second }),
		// The SDK's default checksums break many servers that aren't AWS.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	s.client = s3.New(options)
	s.direct = s3.NewPresignClient(s.client)
	options.BaseEndpoint = &cfg.PublicEndpoint
	s.presign = s3.NewPresignClient(s3.New(options))
	return s, nil
}

func newHTTPClient(answer time.Duration) *http.Client {
	return &http.Client{
		Transport: &tracing.Transport{Peer: "store", Base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialLimit}).DialContext,
			TLSHandshakeTimeout:   dialLimit,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          idleConns,
			MaxIdleConnsPerHost:   idleConns,
			IdleConnTimeout:       90 * time.Second,
			ResponseHeaderTimeout: answer,
			DisableCompression:    true, // bytes travel as they are stored
		}},
		// A signature is for one host: a redirect can only be an answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close drops the connections that are idle.
func (s *S3) Close() {
	s.quick.CloseIdleConnections()
	s.patient.CloseIdleConnections()
}

// Head implements Store. The SHA256 is known for objects whose PUT was signed with
// one, at stores that remember it.
func (s *S3) Head(ctx context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &s.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return Info{}, translate("head object", err)
	}
	info := Info{Size: aws.ToInt64(out.ContentLength), ETag: unquoted(aws.ToString(out.ETag)), Modified: aws.ToTime(out.LastModified)}
	// The checksum of a multipart object is one of checksums, and ends in "-N".
	if raw, err := base64.StdEncoding.DecodeString(aws.ToString(out.ChecksumSHA256)); err == nil && len(raw) == 32 {
		info.SHA256 = hex.EncodeToString(raw)
	}
	return info, nil
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	if err = translate("delete object", err); err != nil && share.KindOf(err) != share.NotFound {
		return err
	}
	return nil
}

// Check implements Store: it asks for the bucket.
func (s *S3) Check(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	if err = translate("check object store", err); share.KindOf(err) == share.NotFound {
		return share.E(share.Unavailable, "check object store", errors.New("no such bucket"))
	}
	return err
}
