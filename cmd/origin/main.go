// Command origin is Rawlink's control plane for production: the REST API and its
// background work, on PostgreSQL, Redis, an S3-compatible store and clamd.
package main

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"rawlink/cmd/internal/lifecycle"
	"rawlink/cmd/internal/originparts"
	"rawlink/cmd/internal/redisparts"
	"rawlink/cmd/internal/settings"
	"rawlink/internal/database"
	"rawlink/internal/objects"
	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/metrics"
	"rawlink/origin/store"
)

func main() { lifecycle.Main("origin", run) }

// defaultOps is the ops listener's address, beside the edge's on one machine.
const defaultOps = "127.0.0.1:8083"

// program is what bin/origin can be told.
type program struct{ settings.OriginProgram }

// Problems reports everything that is wrong with the settings.
func (p *program) Problems() []error {
	return append(p.OriginProgram.Problems(), originparts.Problems(p.API)...)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	// Settings.
	var cfg program
	if _, err := settings.Load(&cfg, "origin", "Rawlink's control plane.", defaultOps, args, stdout); err != nil {
		return err
	}
	if cfg.Health {
		return lifecycle.Health(ctx, cfg.OpsAddr)
	}
	level, err := cfg.Level()
	if err != nil {
		return err
	}
	log := lifecycle.Logger(stderr, level, "origin")
	keyring, err := share.ParseKeyring(string(cfg.TokenKeys))
	if err != nil {
		return err
	}
	mint, err := share.ParseMint(string(cfg.MintSecret))
	if err != nil {
		return err
	}

	// Listeners, first of all: a taken port is the commonest mistake.
	process, err := lifecycle.Begin(ctx, &cfg.Common, log)
	if err != nil {
		return err
	}
	public, err := process.Listen(ctx, "api_addr", cfg.APIAddr)
	if err != nil {
		return err
	}
	private, err := process.Listen(ctx, "internal_addr", cfg.InternalAddr)
	if err != nil {
		return err
	}
	opsListener, err := process.Listen(ctx, "ops_addr", cfg.OpsAddr)
	if err != nil {
		return err
	}

	// Mechanisms.
	tracer, stopTracing, err := lifecycle.Tracing(ctx, &cfg.Common, "origin", cfg.APIAddr, log)
	if err != nil {
		return err
	}
	defer stopTracing()
	db, err := database.OpenPostgres(ctx, string(cfg.DatabaseURL), cfg.DatabaseMaxConns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := store.Open(ctx, db, originparts.StoreOptions(&cfg.API))
	if err != nil {
		return err
	}
	bytes, err := objects.NewS3(objects.S3Config{
		Endpoint: cfg.S3Endpoint, PublicEndpoint: cfg.S3PublicEndpoint, Region: cfg.S3Region, Bucket: cfg.S3Bucket,
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
	scanner, err := originparts.Scanner(&cfg.API)
	if err != nil {
		return err
	}
	checks := []lifecycle.Check{{Name: "database", Do: tables.Check}, {Name: "objects", Do: bytes.Check}, {Name: "redis", Do: shared.Check}}
	if clamd, ok := scanner.(*scan.Clamd); ok {
		checks = append(checks, lifecycle.Check{Name: "scanner", Do: clamd.Ping})
	}

	// The plane.
	registry := metrics.New()
	plane, err := originparts.New(originparts.Parts{
		Settings: &cfg.API, InternalKey: string(cfg.InternalKey), Store: tables, Objects: bytes, Scanner: scanner,
		Records: shared.Records, Bus: shared.Bus, Limits: shared.Limits, Blocks: shared.Blocks, Keyring: keyring, Mint: mint, Registry: registry, Tracer: tracer, Log: log,
	})
	if err != nil {
		return err
	}

	// Serve until told to stop. Handlers are made first: that takes a moment, and who
	// says that it can serve has to be able to.
	api, internal := plane.Handler(nil), plane.InternalHandler()
	ops := lifecycle.NewOps(registry, checks...)
	if ctx, err = process.Ready(ctx, ops); err != nil {
		return err
	}
	stopRelay := originparts.Relay(ctx, plane)
	group, ctx := errgroup.WithContext(ctx)
	stopOps := process.ServeOps(ctx, opsListener, ops)
	defer stopOps()
	group.Go(func() error { return process.ServeHTTP(ctx, public, api) })
	group.Go(func() error { return process.ServeHTTP(ctx, private, internal) })
	group.Go(func() error { return plane.Run(ctx) })
	group.Go(func() error { return originparts.AllowUploads(ctx, &cfg.API, bytes, log) })
	log.InfoContext(ctx, "started", "api", public.Addr().String(), "internal", private.Addr().String(), "ops", opsListener.Addr().String(), "scanner", scanner.Name())
	err = group.Wait()
	stopRelay()
	log.InfoContext(ctx, "stopped")
	return err
}
