package e2e

import (
	"os"
	"sync"
	"testing"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

func TestMain(m *testing.M) {
	code := testenv.Run(m)
	testsystem.Clean()
	os.Exit(code)
}

// flows are the stories that hold in every set-up. Each brings its own tenant or
// space, so they run at the same time on one system.
var flows = []struct {
	name string
	run  func(t *testing.T, s *testsystem.System)
}{
	{"upload, share, fetch, revoke", testMainJob},
	{"infected files are never shared", testInfected},
	{"headers, ranges and conditionals", testHTTP},
	{"expiry", testExpiry},
	{"links are changed", testUpdateShare},
	{"caps hold over all edges", testCap},
	{"an interrupted download resumes free", testResume},
	{"downloads are counted", testCounts},
	{"what the API tells is no download", testReads},
	{"trash, restore and purge", testLifecycle},
	{"the trash is emptied", testEmptyTrash},
	{"folders", testFolders},
	{"client keys", testClientKeys},
	{"lists in pages", testPages},
	{"tenants never meet", testTenants},
	{"no operation knows another tenant", testTenancy},
	{"repeated requests", testOnce},
	{"scopes", testScopes},
	{"keys", testKeys},
	{"quota of bytes", testBytesQuota},
	{"quota of links", testLinksQuota},
	{"quotas under concurrency", testQuotaRace},
	{"multipart", testMultipart},
	{"bad input", testBadInput},
	{"abuse", testAbuse},
	{"client keys of every category", testUnicodeKeys},
	{"bad uploads", testBadUploads},
	{"a used ticket reaches nothing", testTicketReach},
	{"imports from URLs", testImport},
	{"webhooks", testWebhooks},
	{"presigned downloads", testDownloadURL},
	{"bytes are streamed", testStreaming},
	{"ops listeners", testOps},
	{"every metric is documented", testMetrics},
}

func TestFlows(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, append(receivers, "UPLOAD_MULTIPART_FROM=6MiB", "UPLOAD_PART_SIZE=5MiB", "UPLOAD_MAX=40MiB", "SCAN_WAIT=20s", "LIMIT_SHARES=0", "LIMIT_UPLOADS=0", "LIMIT_IMPORTS=0", outside)...)
			t.Run("flows", func(t *testing.T) { // ends when all of its parallel parts have
				for _, flow := range flows {
					t.Run(flow.name, func(t *testing.T) {
						t.Parallel()
						flow.run(t, s)
					})
				}
			})
		})
	}
}

// setup is one of testsystem.Setups.
type setup = func(tb testing.TB, extra ...string) *testsystem.System

// waiting runs a test that mostly waits in both set-ups at the same time, in the place
// of one test: others run while it waits.
func waiting(t *testing.T, run func(t *testing.T, setup setup)) {
	t.Parallel()
	var both sync.WaitGroup
	for name, setup := range testsystem.Setups() {
		both.Go(func() { t.Run(name, func(t *testing.T) { run(t, setup) }) })
	}
	both.Wait()
}
