package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rawlink/internal/share"
)

// Open implements Store with one ranged GET, conditional on the version.
func (s *S3) Open(ctx context.Context, key, etag string, from, n int64) (io.ReadCloser, error) {
	if err := checkSpan(key, etag, from, n); err != nil {
		return nil, err
	}
	if n == 0 {
		return s.openNothing(ctx, key, etag, from)
	}
	ctx, cancel := context.WithCancel(ctx)
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket:  &s.bucket,
		Key:     &key,
		IfMatch: aws.String(strconv.Quote(etag)),
		Range:   aws.String(fmt.Sprintf("bytes=%d-%d", from, from+n-1)),
	})
	if err != nil {
		cancel()
		return nil, translate("open object", err)
	}
	b := &body{src: out.Body, left: n, cancel: cancel, patience: s.stall}
	if err := checkAnswer(out, etag, from, n); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// openNothing answers for an empty span, which no Range header can express.
func (s *S3) openNothing(ctx context.Context, key, etag string, from int64) (io.ReadCloser, error) {
	info, err := s.Head(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case info.ETag != etag:
		return nil, share.E(share.Changed, "open object", nil)
	case from > info.Size:
		return nil, share.E(share.NotSatisfiable, "open object", nil)
	}
	return io.NopCloser(strings.NewReader("")), nil
}

// checkAnswer holds the store to the request: some ignore If-Match or Range, and
// all cut a range that reaches beyond the end.
func checkAnswer(out *s3.GetObjectOutput, etag string, from, n int64) error {
	length, span := aws.ToInt64(out.ContentLength), aws.ToString(out.ContentRange)
	switch {
	case unquoted(aws.ToString(out.ETag)) != etag:
		return share.E(share.Changed, "open object", nil)
	case span == "" && (from != 0 || length != n), span != "" && !strings.HasPrefix(span, fmt.Sprintf("bytes %d-", from)):
		return share.E(share.Unavailable, "open object", errors.New("the store ignored the range"))
	case length < n:
		return share.E(share.NotSatisfiable, "open object", nil)
	case length > n:
		return share.E(share.Unavailable, "open object", errors.New("the store sent more than was asked for"))
	}
	return nil
}

// body gives exactly left bytes of an answer. cancel ends the request at the
// store; it is called once the bytes are read, on a stall, and by Close.
type body struct {
	src      io.ReadCloser
	left     int64
	cancel   context.CancelFunc
	patience time.Duration // how long one Read waits for the store
	failed   error         // what every Read after a failure returns
}

// Read implements io.Reader within the bounds that Store.Open sets.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.failed != nil:
		return 0, b.failed
	case b.left == 0:
		return 0, io.EOF
	case int64(len(p)) > b.left:
		p = p[:b.left]
	}
	stalled := time.AfterFunc(b.patience, b.cancel)
	n, err := b.src.Read(p)
	stalled.Stop()
	b.left -= int64(n)
	switch {
	case err == nil, err == io.EOF && b.left == 0:
		return n, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		b.failed = io.ErrUnexpectedEOF
	default:
		b.failed = share.E(share.Unavailable, "read object", plain(err))
	}
	return n, b.failed
}

// Close implements io.Closer. A body read to its end leaves the connection usable.
func (b *body) Close() error {
	if b.left > 0 {
		b.cancel()
	}
	err := b.src.Close()
	b.cancel()
	if err != nil && b.left == 0 {
		return share.E(share.Unavailable, "close object", plain(err))
	}
	return nil
}
