// Command edge is Rawlink's data plane for production: it serves raw links, and
// needs Redis, an S3-compatible store and the origin's internal API, but no
// database.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"rawlink/cmd/internal/edgeparts"
	"rawlink/cmd/internal/lifecycle"
	"rawlink/cmd/internal/redisparts"
	"rawlink/cmd/internal/settings"
	"rawlink/internal/ledger"
	"rawlink/internal/objects"
	"rawlink/internal/originclient"
	"rawlink/internal/share"
	"rawlink/metrics"
)

func main() { lifecycle.Main("edge", run) }

// defaultOps is the ops listener's address.
const defaultOps = "127.0.0.1:8082"

// program is what bin/edge can be told.
type program struct{ settings.EdgeProgram }

// Problems reports everything that is wrong with the settings.
func (p *program) Problems() []error {
	return append(p.EdgeProgram.Problems(), edgeparts.Problems(&p.Edge)...)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	// Settings.
	var cfg program
	if _, err := settings.Load(&cfg, "edge", "Rawlink's data plane.", defaultOps, args, stdout); err != nil {
		return err
	}
	if cfg.Health {
		return lifecycle.Health(ctx, cfg.OpsAddr)
	}
	level, err := cfg.Level()
	if err != nil {
		return err
	}
	log := lifecycle.Logger(stderr, level, "edge")
	keyring, err := share.ParseKeyring(string(cfg.TokenKeys))
	if err != nil {
		return err
	}
	if cfg.EdgeName == "" {
		if cfg.EdgeName, err = os.Hostname(); err != nil {
			return errors.New("edge_name: is required, this host has no name")
		}
	}

	if cfg.EdgeJournalDir == "" {
		cfg.EdgeJournalDir = filepath.Join(os.TempDir(), "rawlink-counts-"+filepath.Base(cfg.EdgeName))
	}

	// Listeners, first of all: a taken port is the commonest mistake.
	process, err := lifecycle.Begin(ctx, &cfg.Common, log)
	if err != nil {
		return err
	}
	files, err := process.Listen(ctx, "files_addr", cfg.FilesAddr)
	if err != nil {
		return err
	}
	opsListener, err := process.Listen(ctx, "ops_addr", cfg.OpsAddr)
	if err != nil {
		return err
	}

	// Mechanisms.
	tracer, stopTracing, err := lifecycle.Tracing(ctx, &cfg.Common, "edge", cfg.EdgeName, log)
	if err != nil {
		return err
	}
	defer stopTracing()
	bytes, err := objects.NewS3(objects.S3Config{
		Endpoint: cfg.S3Endpoint, Region: cfg.S3Region, Bucket: cfg.S3Bucket,
		AccessKey: cfg.S3AccessKey, SecretKey: string(cfg.S3SecretKey), PathStyle: cfg.S3PathStyle,
	})
	if err != nil {
		return err
	}
	defer bytes.Close()
	shared, err := redisparts.Open(&cfg.Redis, string(cfg.InternalKey), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shared.Close()) }()
	leases := ledger.NewOpener(shared.Leases)
	defer leases.Close()
	origin := originclient.New(cfg.OriginURL, string(cfg.InternalKey))
	defer origin.Close()

	// The plane.
	registry := metrics.New()
	node, err := edgeparts.New(edgeparts.Parts{
		Settings: &cfg.Edge, Name: cfg.EdgeName, LeaseKey: []byte(cfg.LeaseKey), Keyring: keyring,
		Objects: bytes, Cache: shared.Records, Truth: origin, Bus: shared.Bus,
		Ceiling: origin, Blocks: shared.Blocks, Leases: leases, Sink: origin, Purges: origin, Limits: shared.Limits, Registry: registry, Tracer: tracer, Log: log, Succeeds: process.Succeeds(),
	})
	if err != nil {
		return err
	}

	// Serve until told to stop.
	ops := lifecycle.NewOps(registry, lifecycle.Check{Name: "redis", Do: shared.Check},
		lifecycle.Check{Name: "origin", Do: origin.Check}, lifecycle.Check{Name: "objects", Do: bytes.Check})
	if ctx, err = process.Ready(ctx, ops); err != nil {
		return errors.Join(err, node.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	stopOps := process.ServeOps(ctx, opsListener, ops)
	defer stopOps()
	group.Go(func() error { return node.Run(ctx, files, process.Drain) })
	log.InfoContext(ctx, "started", "files", files.Addr().String(), "ops", opsListener.Addr().String(), "name", cfg.EdgeName)
	err = group.Wait()
	log.InfoContext(ctx, "stopped")
	return err
}
