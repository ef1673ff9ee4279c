package testenv

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"
)

func put(tb testing.TB, s S3Server, key string, body []byte) error {
	tb.Helper()
	_, err := s.client().PutObject(tb.Context(), &s3.PutObjectInput{
		Bucket: &s.Bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("text/x-test"),
	})
	return err
}

// onEachServer runs a test on every S3 server.
func onEachServer(t *testing.T, test func(t *testing.T, bucket func(tb testing.TB) S3Server)) {
	for name, bucket := range S3Servers() {
		t.Run(name, func(t *testing.T) { test(t, bucket) })
	}
}

func TestS3PutAndGet(t *testing.T) { onEachServer(t, testS3PutAndGet) }

func testS3PutAndGet(t *testing.T, bucket func(tb testing.TB) S3Server) {
	s := bucket(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	body := []byte("what was put")
	if err := put(t, s, "a/b", body); err != nil {
		t.Fatal(err)
	}
	out, err := s.client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &s.Bucket, Key: aws.String("a/b")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	if err != nil || !bytes.Equal(got, body) || aws.ToString(out.ContentType) != "text/x-test" {
		t.Fatalf("get = %q (%s), %v; want %q", got, aws.ToString(out.ContentType), err, body)
	}
}

func TestS3ChecksSignatures(t *testing.T) { onEachServer(t, testS3ChecksSignatures) }

func testS3ChecksSignatures(t *testing.T, bucket func(tb testing.TB) S3Server) {
	s := bucket(t)
	s.SecretKey += "x"
	var refusal smithy.APIError
	if err := put(t, s, "k", nil); !errors.As(err, &refusal) || refusal.ErrorCode() != "SignatureDoesNotMatch" {
		t.Fatalf("put with a wrong secret = %v; want SignatureDoesNotMatch", err)
	}
}

func TestS3BucketsAreApart(t *testing.T) { onEachServer(t, testS3BucketsAreApart) }

func testS3BucketsAreApart(t *testing.T, bucket func(tb testing.TB) S3Server) {
	first, second := bucket(t), bucket(t)
	if first.Endpoint != second.Endpoint {
		t.Fatal("two gateways in one test process")
	}
	if err := put(t, first, "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	list, err := second.client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &second.Bucket})
	if err != nil || len(list.Contents) != 0 {
		t.Fatalf("the other bucket holds %d objects, %v; want none", len(list.Contents), err)
	}
}
