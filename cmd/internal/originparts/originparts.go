// Package originparts puts an origin together from settings and mechanisms, for
// the two programs that have one: the origin itself and the all-in-one.
package originparts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"rawlink/cmd/internal/settings"
	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/tracing"
	"rawlink/metrics"
	"rawlink/origin"
	"rawlink/origin/store"
)

// Parts are the mechanisms under an origin.
type Parts struct {
	Settings    *settings.API
	InternalKey string
	Store       *store.Store
	Objects     origin.Objects
	Scanner     scan.Scanner
	Records     origin.RecordCache
	Bus         origin.Bus
	Limits      origin.Limiter
	Blocks      origin.Blocks
	Keyring     *share.Keyring
	Mint        *share.Mint
	Registry    *metrics.Registry
	Tracer      *tracing.Tracer // nil: nothing is traced
	Log         *slog.Logger
}

// New puts the origin together. The settings' URLs must be filled in.
func New(p Parts) (*origin.Origin, error) {
	config, err := configOf(p.Settings)
	if err != nil {
		return nil, err
	}
	config.InternalKey = p.InternalKey
	metrics.NewPool(p.Registry, func() metrics.Pool { return metrics.Pool(p.Store.Pool()) })
	return origin.New(config, origin.Parts{
		Store: p.Store, Objects: p.Objects, Scanner: p.Scanner, Records: p.Records, Bus: p.Bus, Limits: p.Limits, Blocks: p.Blocks,
		Keyring: p.Keyring, Mint: p.Mint, Metrics: metrics.NewOrigin(p.Registry), Tracer: p.Tracer, Log: p.Log,
	})
}

// Problems reports what an origin would not take of its settings. Without a
// files_url, which a program may find out later, one is assumed.
func Problems(s settings.API) []error {
	if s.FilesURL == "" {
		s.FilesURL = "http://127.0.0.1"
	}
	config, err := configOf(&s)
	if err != nil {
		return nil // said by the settings themselves
	}
	return config.Problems()
}

func configOf(s *settings.API) (origin.Config, error) {
	most := s.UploadMax
	if len(s.ClamdHosts) > 0 { // a file that no scanner can judge would stay pending for ever
		most = min(most, s.ClamdMaxSize)
	}
	proxies, err := s.Proxies()
	if err != nil {
		return origin.Config{}, fmt.Errorf("api_trusted_proxies: %w", err)
	}
	imports, err := imports(s)
	if err != nil {
		return origin.Config{}, err
	}
	webhooks, err := webhooks(s)
	if err != nil {
		return origin.Config{}, err
	}
	return origin.Config{
		FilesURL:         strings.TrimSuffix(s.FilesURL, "/"),
		Console:          s.Console,
		MultipartFrom:    int64(s.UploadMultipartFrom),
		PartSize:         int64(s.UploadPartSize),
		MaxUpload:        int64(most),
		UploadLifetime:   s.UploadLifetime,
		DownloadLifetime: s.DownloadLifetime,
		TrashGrace:       s.TrashGrace,
		ScanWait:         s.ScanWait,
		ScanWorkers:      s.ScanWorkers,
		RescanWorkers:    s.RescanWorkers,
		ScanTimeout:      s.ScanTimeout,
		Imports:          imports,
		Webhooks:         webhooks,
		Limits:           origin.Limits{Requests: int64(s.LimitRequests), Shares: int64(s.LimitShares), Uploads: int64(s.LimitUploads), Imports: int64(s.LimitImports)},
		AuditKeep:        s.AuditKeep,
		CDN:              origin.CDN{PurgeURL: string(s.CDNPurgeURL), Header: string(s.CDNPurgeHeader), Field: s.CDNPurgeField},
		Origins:          s.APIOrigins,
		RequireIfMatch:   s.RequireIfMatch,
		TrustedProxies:   proxies,
	}, nil
}

func imports(s *settings.API) (origin.Imports, error) {
	allow, errAllow := s.ImportNetworks()
	ports, errPorts := s.SourcePorts()
	return origin.Imports{
		Max: int64(s.ImportMax), Timeout: s.ImportTimeout, Idle: s.ImportIdle, Redirects: s.ImportRedirects, AtOnce: s.ImportAtOnce, Ports: ports, Allow: allow,
	}, errors.Join(errAllow, errPorts)
}

func webhooks(s *settings.API) (origin.Webhooks, error) {
	allow, errAllow := s.WebhookNetworks()
	ports, errPorts := s.ReceiverPorts()
	return origin.Webhooks{
		Workers: s.WebhookWorkers, Timeout: s.WebhookTimeout, Attempts: s.WebhookAttempts, FirstRetry: s.WebhookFirstRetry,
		DisableAfter: s.WebhookDisableAfter, Keep: s.WebhookKeep, Plain: s.WebhookAllowHTTP, Ports: ports, Allow: allow,
	}, errors.Join(errAllow, errPorts)
}

// StoreOptions are what the database's part has to know.
func StoreOptions(s *settings.API) store.Options {
	return store.Options{CountPermanentLinks: s.QuotaCountPermanentLinks, NearLimit: int64(s.QuotaNearLimit), CDN: s.CDNPurgeURL != ""}
}

// Relay starts the relay. It goes on when ctx ends, for the requests that are
// then finished change things too; stop ends it, after it told the rest.
func Relay(ctx context.Context, o *origin.Origin) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { o.Relay(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// Scanner returns clamd if any is configured, else the built-in scanner.
func Scanner(s *settings.API) (scan.Scanner, error) {
	if len(s.ClamdHosts) > 0 {
		clamd, err := scan.NewClamd(scan.ClamdConfig{Hosts: s.ClamdHosts, MaxSize: int64(s.ClamdMaxSize), ReplyTimeout: s.ScanTimeout})
		if err != nil {
			return nil, fmt.Errorf("clamd_hosts: %w", err)
		}
		return clamd, nil
	}
	hashes, err := readHashes(s.ScanHashes)
	if err != nil {
		return nil, fmt.Errorf("scan_hashes: %w", err)
	}
	builtin, err := scan.NewBuiltin(hashes)
	if err != nil {
		return nil, fmt.Errorf("scan_hashes: %w", err)
	}
	return builtin, nil
}

// readHashes reads one digest a line; empty lines and # comments are passed over.
func readHashes(path string) (hashes []string, err error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text != "" {
			hashes = append(hashes, text)
		}
	}
	return hashes, lines.Err()
}
