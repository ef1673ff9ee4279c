package originparts

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rawlink/cmd/internal/settings"
)

// Bucket is a store whose rules decide which web pages may upload to it.
type Bucket interface {
	AllowOrigins(ctx context.Context, origins []string) error
}

// How long one try may take, and how long after a failure comes the next.
const (
	allowLimit = 10 * time.Second
	allowRetry = time.Minute
)

// AllowUploads has the bucket take uploads from the console and from the web
// origins that were named. It goes on until that is so: nothing else waits for it.
func AllowUploads(ctx context.Context, s *settings.API, bucket Bucket, log *slog.Logger) error {
	origins := UploadOrigins(s)
	if len(origins) == 0 {
		return nil
	}
	for told := false; ; told = true {
		try, cancel := context.WithTimeout(ctx, allowLimit)
		err := bucket.AllowOrigins(try, origins)
		cancel()
		if err == nil {
			return nil
		}
		if !told && ctx.Err() == nil {
			log.WarnContext(ctx, "browsers can't upload: the bucket's CORS rules can't be set", "origins", origins, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(allowRetry):
		}
	}
}

// UploadOrigins are the web origins that may upload: those that were named, those that
// may call the API, and the console's, where it has a URL.
func UploadOrigins(s *settings.API) []string {
	origins := slices.Concat(s.UploadOrigins, s.APIOrigins)
	if s.Console && s.APIURL != "" {
		origins = append(origins, strings.TrimSuffix(s.APIURL, "/"))
	}
	return origins
}
