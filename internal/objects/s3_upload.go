package objects

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rawlink/internal/disposition"
	"rawlink/internal/share"
)

// PresignPut implements Store.
func (s *S3) PresignPut(ctx context.Context, spec PutSpec) (Signed, error) {
	return presignPut(ctx, s.presign, s.bucket, spec)
}

// presignPut signs for the endpoint of one presigner.
func presignPut(ctx context.Context, by *s3.PresignClient, bucket string, spec PutSpec) (Signed, error) {
	if err := checkPut(spec); err != nil {
		return Signed{}, err
	}
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &spec.Key, ContentLength: &spec.Size}
	if spec.ContentType != "" {
		in.ContentType = &spec.ContentType
	}
	if spec.SHA256 != "" {
		raw, _ := hex.DecodeString(spec.SHA256) // checked
		in.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(raw))
	}
	options := []func(*s3.PresignOptions){s3.WithPresignExpires(spec.Expires)}
	if spec.Size == 0 {
		options = append(options, signEmpty(in))
	}
	now := time.Now()
	out, err := by.PresignPutObject(ctx, in, options...)
	return signed(out, err, now.Add(spec.Expires))
}

// PresignGet implements Store. A HEAD of the URL is refused: S3 signs the method.
func (s *S3) PresignGet(ctx context.Context, spec GetSpec) (Signed, error) {
	if err := checkGet(spec); err != nil {
		return Signed{}, err
	}
	in := &s3.GetObjectInput{
		Bucket: &s.bucket, Key: &spec.Key,
		ResponseContentDisposition: aws.String(disposition.Header(spec.Disposition, spec.Name)),
	}
	if spec.ContentType != "" {
		in.ResponseContentType = &spec.ContentType
	}
	now := time.Now()
	out, err := s.presign.PresignGetObject(ctx, in, s3.WithPresignExpires(spec.Expires))
	return signed(out, err, now.Add(spec.Expires))
}

// signed returns what the SDK signed, without the headers every client sends.
func signed(out *v4.PresignedHTTPRequest, err error, expires time.Time) (Signed, error) {
	if err != nil {
		return Signed{}, translate("presign", err)
	}
	s := Signed{URL: out.URL, Headers: map[string]string{}, Expires: expires.Truncate(time.Second).UTC()}
	for name, values := range out.SignedHeader {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Host", "Content-Length":
		default:
			s.Headers[name] = strings.Join(values, ",")
		}
	}
	return s, nil
}

// Settle implements Store: a copy at the store, of that version or none, and then
// the removal of what was copied. If only the removal fails, a copy is left under
// the old key, which its owner clears after the URL's end.
func (s *S3) Settle(ctx context.Context, key, etag, to string) error {
	if err := first(checkKey(key), checkKey(to)); err != nil {
		return err
	}
	source := (&url.URL{Path: s.bucket + "/" + key}).EscapedPath()
	_, err := s.client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &s.bucket, Key: &to, CopySource: &source, CopySourceIfMatch: aws.String(strconv.Quote(etag)),
	}, func(o *s3.Options) { o.HTTPClient = s.patient })
	if err != nil {
		return translate("settle object", err)
	}
	_ = s.Delete(ctx, key)
	return nil
}

// StartParts implements Store.
func (s *S3) StartParts(ctx context.Context, spec PutSpec) (uploadID string, err error) {
	if err := checkStart(spec); err != nil {
		return "", err
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &s.bucket, Key: &spec.Key}
	if spec.ContentType != "" {
		in.ContentType = &spec.ContentType
	}
	out, err := s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return "", translate("start upload", err)
	}
	return aws.ToString(out.UploadId), nil
}

// PresignPart implements Store.
func (s *S3) PresignPart(ctx context.Context, key, uploadID string, number int, size int64, expires time.Duration) (Signed, error) {
	if err := first(checkPart(key, uploadID, number, size), checkLifetime(expires)); err != nil {
		return Signed{}, err
	}
	now := time.Now()
	out, err := s.presign.PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: &key, UploadId: &uploadID,
		PartNumber: aws.Int32(int32(number)), ContentLength: &size, //nolint:gosec // checked: at most MaxParts
	}, s3.WithPresignExpires(expires))
	return signed(out, err, now.Add(expires))
}

// CompleteParts implements Store. A repetition is answered as the server at hand
// sees fit.
func (s *S3) CompleteParts(ctx context.Context, key, uploadID string, parts []Part) error {
	if err := checkParts(key, uploadID, parts); err != nil {
		return err
	}
	list := make([]types.CompletedPart, len(parts))
	for i, part := range parts {
		list[i] = types.CompletedPart{
			PartNumber: aws.Int32(int32(part.Number)), //nolint:gosec // checked: at most MaxParts
			ETag:       aws.String(strconv.Quote(unquoted(part.ETag))),
		}
	}
	_, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.bucket, Key: &key, UploadId: &uploadID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	}, func(o *s3.Options) { o.HTTPClient = s.patient })
	return translate("complete upload", err)
}

// AbortParts implements Store.
func (s *S3) AbortParts(ctx context.Context, key, uploadID string) error {
	if uploadID == "" {
		return invalid("upload id: missing")
	}
	if err := checkKey(key); err != nil {
		return err
	}
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &key, UploadId: &uploadID})
	if err = translate("abort upload", err); share.KindOf(err) == share.NotFound {
		return nil
	}
	return err
}

// OpenParts implements Store.
func (s *S3) OpenParts(ctx context.Context, before time.Time, visit func(key, uploadID string) error) error {
	in := &s3.ListMultipartUploadsInput{Bucket: &s.bucket}
	for {
		out, err := s.client.ListMultipartUploads(ctx, in)
		if err != nil {
			return translate("list uploads", err)
		}
		for _, u := range out.Uploads {
			if !aws.ToTime(u.Initiated).Before(before) {
				continue
			}
			if err := visit(aws.ToString(u.Key), aws.ToString(u.UploadId)); err != nil {
				return err
			}
		}
		if !aws.ToBool(out.IsTruncated) || aws.ToString(out.NextKeyMarker) == "" {
			return nil
		}
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
}
