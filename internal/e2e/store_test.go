package e2e

import (
	"slices"
	"testing"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// ofBytes are the flows that end at the object store.
var ofBytes = []string{
	"upload, share, fetch, revoke", "headers, ranges and conditionals", "trash, restore and purge", "multipart", "bad uploads",
	"a used ticket reaches nothing", "imports from URLs", "presigned downloads", "bytes are streamed",
}

// TestOtherStore runs what ends at the object store on another S3 server than the
// one of TestFlows.
func TestOtherStore(t *testing.T) {
	t.Parallel()
	bucket := testenv.SeaweedFS(t)
	s := testsystem.Production(t, append(slices.Clone(receivers), "UPLOAD_MULTIPART_FROM=6MiB", "UPLOAD_PART_SIZE=5MiB", "UPLOAD_MAX=40MiB", "SCAN_WAIT=20s", "LIMIT_SHARES=0", "LIMIT_UPLOADS=0", "LIMIT_IMPORTS=0", outside,
		"S3_ENDPOINT="+bucket.Endpoint, "S3_REGION="+bucket.Region, "S3_BUCKET="+bucket.Bucket, "S3_ACCESS_KEY="+bucket.AccessKey, "S3_SECRET_KEY="+bucket.SecretKey)...)
	for _, flow := range flows {
		if slices.Contains(ofBytes, flow.name) {
			t.Run(flow.name, func(t *testing.T) {
				t.Parallel()
				flow.run(t, s)
			})
		}
	}
}
