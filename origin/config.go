package origin

import (
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"rawlink/internal/objects"
)

// Config is how an origin behaves. Sizes are in bytes.
type Config struct {
	FilesURL         string         // base of raw links, such as https://files.example.com
	Console          bool           // serve the console at /
	MultipartFrom    int64          // uploads of this size and more are sent in parts
	PartSize         int64          // of a multipart upload; stores want at least 5 MiB
	MaxUpload        int64          // largest file accepted
	UploadLifetime   time.Duration  // of an upload ticket
	DownloadLifetime time.Duration  // of a presigned download
	TrashGrace       time.Duration  // how long the trash is kept; 0 = until it is emptied
	StoreWait        time.Duration  // how long complete waits for the object store; 0 = 10 s
	ScanWait         time.Duration  // how long complete waits for the verdict; 0 = not at all
	ScanWorkers      int            // files scanned at the same time
	RescanWorkers    int            // stored files scanned again at the same time
	ScanTimeout      time.Duration  // for one file
	Imports          Imports        // files fetched from URLs
	Webhooks         Webhooks       // events told to tenants
	Limits           Limits         // of requests per key
	AuditKeep        time.Duration  // how long the audit log reaches back
	CDN              CDN            // to be told what to drop
	Origins          []string       // web origins whose scripts may call the API
	RequireIfMatch   bool           // refuse changes that come without If-Match
	TrustedProxies   []netip.Prefix // whose X-Forwarded-For is believed
	InternalKey      string         // shared secret of edges and origins; "" closes the internal API
}

// Problems returns everything that is wrong with the configuration.
func (c *Config) Problems() []error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	base, err := url.Parse(c.FilesURL)
	check(err == nil && base.Scheme != "" && base.Host != "" && base.RawQuery == "", "files_url: want a URL such as https://files.example.com, got %q", c.FilesURL)
	check(c.PartSize >= objects.MinPart && c.PartSize <= objects.MaxPut, "upload_part_size: want %d to %d bytes, got %d", objects.MinPart, int64(objects.MaxPut), c.PartSize)
	check(c.MultipartFrom > 0 && c.MultipartFrom <= objects.MaxPut, "upload_multipart_from: want a size up to %d bytes, the largest single PUT, got %d", int64(objects.MaxPut), c.MultipartFrom)
	check(c.MaxUpload > 0, "upload_max: want a positive size, got %d", c.MaxUpload)
	check(c.PartSize <= 0 || c.MaxUpload/c.PartSize < objects.MaxParts, "upload_part_size: %d is too small for upload_max %d, at most %d parts are possible", c.PartSize, c.MaxUpload, objects.MaxParts)
	check(lifetime(c.UploadLifetime), "upload_lifetime: want %s to %s, got %s", objects.MinLifetime, objects.MaxLifetime, c.UploadLifetime)
	check(lifetime(c.DownloadLifetime), "download_lifetime: want %s to %s, got %s", objects.MinLifetime, objects.MaxLifetime, c.DownloadLifetime)
	check(c.AuditKeep > 0, "audit_keep: want a positive duration, got %s", c.AuditKeep)
	check(c.TrashGrace >= 0, "trash_grace: can't be negative, got %s", c.TrashGrace)
	check(c.StoreWait >= 0, "store_wait: can't be negative, got %s", c.StoreWait)
	check(c.ScanWait >= 0, "scan_wait: can't be negative, got %s", c.ScanWait)
	check(c.ScanWorkers > 0, "scan_workers: want at least 1, got %d", c.ScanWorkers)
	check(c.RescanWorkers > 0, "rescan_workers: want at least 1, got %d", c.RescanWorkers)
	check(c.ScanTimeout > 0 && c.ScanTimeout < jobLease, "scan_timeout: want a duration up to %s, got %s", jobLease, c.ScanTimeout)
	check(c.Imports.Max > 0, "import_max: want a positive size, got %d", c.Imports.Max)
	check(c.Imports.Timeout > 0 && c.Imports.Timeout+c.ScanWait+afterImport/2 <= onceLease,
		"import_timeout: want a duration that with scan_wait stays half a minute below %s, got %s", onceLease, c.Imports.Timeout)
	check(c.Imports.Idle > 0, "import_idle: want a positive duration, got %s", c.Imports.Idle)
	check(c.Imports.Redirects >= 0, "import_redirects: can't be negative, got %d", c.Imports.Redirects)
	check(c.Imports.AtOnce > 0, "import_at_once: want at least 1, got %d", c.Imports.AtOnce)
	check(c.Webhooks.Workers > 0, "webhook_workers: want at least 1, got %d", c.Webhooks.Workers)
	check(c.Webhooks.Timeout > 0, "webhook_timeout: want a positive duration, got %s", c.Webhooks.Timeout)
	check(c.Webhooks.Attempts > 0, "webhook_attempts: want at least 1, got %d", c.Webhooks.Attempts)
	check(c.Webhooks.FirstRetry > 0, "webhook_first_retry: want a positive duration, got %s", c.Webhooks.FirstRetry)
	check(c.Webhooks.DisableAfter > 0, "webhook_disable_after: want a positive duration, got %s", c.Webhooks.DisableAfter)
	check(c.Webhooks.Keep > 0, "webhook_keep: want a positive duration, got %s", c.Webhooks.Keep)
	for name, most := range map[string]int64{"limit_requests": c.Limits.Requests, "limit_shares": c.Limits.Shares, "limit_uploads": c.Limits.Uploads, "limit_imports": c.Limits.Imports} {
		check(most >= 0, "%s: want a number from 0, which is unlimited, got %d", name, most)
	}
	if err := c.CDN.validate(); err != nil {
		problems = append(problems, err)
	}
	return problems
}

// lifetime reports whether a presigned URL can live this long.
func lifetime(d time.Duration) bool { return d >= objects.MinLifetime && d <= objects.MaxLifetime }
