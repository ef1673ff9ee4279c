package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"rawlink/internal/share"
)

// translate returns the SDK's error as one of ours, nil for nil. The SDK's own
// text is left behind: it contains URLs.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	return share.E(kindOf(err), op, plain(err))
}

func kindOf(err error) share.Kind {
	code := codeOf(err)
	switch code {
	case "NoSuchBucket": // a 404 too, but not of an object
		return share.Unavailable
	case "NoSuchKey", "NoSuchUpload", "NotFound":
		return share.NotFound
	case "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "EntityTooLarge":
		return share.Invalid
	}
	switch status := statusOf(err); status {
	case http.StatusNotFound: // HEAD has no body, thus no code
		return share.NotFound
	case http.StatusPreconditionFailed:
		return share.Changed
	case http.StatusRequestedRangeNotSatisfiable:
		return share.NotSatisfiable
	}
	// Down, too busy, too slow, or refusing our keys: a needed part doesn't work,
	// and asking again may help.
	return share.Unavailable
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

// plain returns what is worth logging of the SDK's error.
func plain(err error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	if status := statusOf(err); status != 0 {
		return fmt.Errorf("the store answered %d %.40q", status, codeOf(err))
	}
	var sending *url.Error
	if errors.As(err, &sending) {
		return sending.Err
	}
	return fmt.Errorf("no usable answer (%T)", err)
}
