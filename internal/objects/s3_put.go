package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rawlink/internal/share"
)

// Put implements Store. A known size goes in one PUT, straight from the reader;
// any other in parts.
func (s *S3) Put(ctx context.Context, key, contentType string, size int64, r io.Reader) (Info, error) {
	if err := checkStream(key, contentType, size); err != nil {
		return Info{}, err
	}
	src := &source{ctx: ctx, r: r, size: size}
	var err error
	if size == UnknownSize || size > MaxPut {
		err = s.putParts(ctx, key, contentType, src)
	} else {
		err = s.putStream(ctx, PutSpec{Key: key, ContentType: contentType, Size: size}, src)
	}
	if err = src.failure(err); err != nil {
		return Info{}, err
	}
	return s.Head(ctx, key)
}

// presignFor is how long this process gives itself to begin a PUT.
const presignFor = time.Minute

// putStream sends through a presigned URL: the SDK itself would have to read the
// content twice, once to sign it.
func (s *S3) putStream(ctx context.Context, spec PutSpec, src *source) error {
	spec.Expires = presignFor
	signed, err := presignPut(ctx, s.direct, s.bucket, spec)
	if err != nil {
		return err
	}
	body := &lent{src: src}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, signed.URL, http.NoBody)
	if err != nil {
		return share.E(share.Internal, "put object", errors.New("the signed URL is none"))
	}
	if spec.Size > 0 {
		request.Body, request.ContentLength = body, spec.Size
	}
	for name, value := range signed.Headers {
		request.Header.Set(name, value)
	}
	response, err := s.patient.Do(request)
	body.takeBack()
	if err != nil {
		return share.E(share.Unavailable, "put object", plain(err))
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	if response.StatusCode != http.StatusOK {
		return share.E(share.Unavailable, "put object", fmt.Errorf("the store answered %d", response.StatusCode))
	}
	return src.ended()
}

// putParts sends a part at a time from one buffer. What fits in one part is one
// PUT.
func (s *S3) putParts(ctx context.Context, key, contentType string, src *source) error {
	buffer := make([]byte, PutPart)
	n, whole, err := fillPart(src, buffer)
	if err != nil {
		return err
	}
	if whole {
		return s.putWhole(ctx, key, contentType, buffer[:n])
	}
	uploadID, err := s.StartParts(ctx, PutSpec{Key: key, ContentType: contentType})
	if err != nil {
		return err
	}
	if err = s.sendParts(ctx, key, uploadID, src, buffer); err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
		defer cancel()
		_ = s.AbortParts(last, key, uploadID) // what stays is the store's owner's to sweep
	}
	return err
}

// sendParts goes on from a full buffer.
func (s *S3) sendParts(ctx context.Context, key, uploadID string, src *source, buffer []byte) error {
	var parts []Part
	for n, end := len(buffer), false; n > 0; {
		number := len(parts) + 1
		if number > MaxParts {
			return invalid("content: more than %d bytes", int64(PutPart)*MaxParts)
		}
		out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &s.bucket, Key: &key, UploadId: &uploadID, PartNumber: aws.Int32(int32(number)), Body: bytes.NewReader(buffer[:n]),
		}, s.patiently)
		if err != nil {
			return translate(fmt.Sprintf("send part %d", number), err)
		}
		parts = append(parts, Part{Number: number, ETag: aws.ToString(out.ETag)})
		if end {
			break
		}
		if n, end, err = fillPart(src, buffer); err != nil {
			return err
		}
	}
	return s.CompleteParts(ctx, key, uploadID, parts)
}

func (s *S3) putWhole(ctx context.Context, key, contentType string, content []byte) error {
	in := &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(content)}
	if contentType != "" {
		in.ContentType = &contentType
	}
	_, err := s.client.PutObject(ctx, in, s.patiently)
	return translate("put object", err)
}

// patiently gives the store the time that taking in a whole part may need.
func (s *S3) patiently(o *s3.Options) { o.HTTPClient = s.patient }

// fillPart reads until the buffer is full or the source ends.
func fillPart(src *source, buffer []byte) (n int, end bool, err error) {
	for n < len(buffer) {
		more, err := src.Read(buffer[n:])
		n += more
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}
