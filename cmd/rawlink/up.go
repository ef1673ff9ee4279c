package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rawlink/cmd/internal/edgeparts"
	"rawlink/cmd/internal/lifecycle"
	"rawlink/cmd/internal/originparts"
	"rawlink/cmd/internal/settings"
	"rawlink/internal/database"
	"rawlink/internal/ledger"
	"rawlink/internal/memstore"
	"rawlink/internal/objects"
	"rawlink/internal/share"
	"rawlink/metrics"
	"rawlink/origin"
	"rawlink/origin/store"
)

type upCommand struct {
	settings.UpProgram
}

// Problems reports everything that is wrong with the settings.
func (c *upCommand) Problems() []error {
	return slices.Concat(c.UpProgram.Problems(), originparts.Problems(c.API), edgeparts.Problems(&c.Edge))
}

const (
	objectsPrefix = "/objects" // where the origin serves presigned URLs
	cappedLeases  = 100_000    // clients remembered that resume capped links
	rateWindows   = 100_000    // rate-limit windows counted; a key has four at most
)

// Run starts everything, says how to use it, and serves until told to stop.
func (c *upCommand) Run(ctx context.Context, std *streams) (err error) {
	if c.Health {
		return lifecycle.Health(ctx, c.OpsAddr)
	}
	level, err := c.Level()
	if err != nil {
		return err
	}
	log := lifecycle.Logger(std.err, level, "rawlink")

	// Listeners and data, first of all: what most often is in the way. Two processes
	// can't share a directory, so a predecessor ends before it is opened.
	process, err := lifecycle.Begin(ctx, &c.Common, log)
	if err != nil {
		return err
	}
	api, files, opsListener, err := c.listen(ctx, process)
	if err != nil {
		return err
	}
	if err := process.AwaitPredecessor(ctx); err != nil {
		return err
	}
	dir, err := openDatadir(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	c.fillURLs(api, files, opsListener)

	// Mechanisms: the embedded twin of each.
	kept, err := dir.secrets()
	if err != nil {
		return err
	}
	keyring, err := share.ParseKeyring(kept.TokenKeys)
	if err != nil {
		return fmt.Errorf("data: secrets.json: %w", err)
	}
	mint, err := share.ParseMint(kept.Mint)
	if err != nil {
		return fmt.Errorf("data: secrets.json: %w", err)
	}
	objectsSecret, err := fromHex("objects_secret", kept.Objects)
	if err != nil {
		return err
	}
	leaseKey, err := fromHex("lease_key", kept.Lease)
	if err != nil {
		return err
	}
	tracer, stopTracing, err := lifecycle.Tracing(ctx, &c.Common, "up", c.APIAddr, log)
	if err != nil {
		return err
	}
	defer stopTracing()
	db, err := database.OpenSQLite(ctx, dir.file("rawlink.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := store.Open(ctx, db, originparts.StoreOptions(&c.API))
	if err != nil {
		return err
	}
	bytes, err := objects.NewLocal(objects.LocalConfig{Dir: dir.path, BaseURL: c.APIURL, Prefix: objectsPrefix, Secret: objectsSecret, Origins: c.uploadOrigins(), Log: log})
	if err != nil {
		return err
	}
	scanner, err := originparts.Scanner(&c.API)
	if err != nil {
		return err
	}
	cache, bus, blocks := memstore.NewRecords(memstore.Config{}, time.Now), memstore.NewBus(), memstore.NewBlocks(time.Now)
	key, err := firstKey(ctx, dir, tables, c.DevKey)
	if err != nil {
		return err
	}

	if c.EdgeJournalDir == "" {
		c.EdgeJournalDir = dir.file("counts")
	}

	// The planes.
	registry := metrics.New()
	control, err := originparts.New(originparts.Parts{
		Settings: &c.API, Store: tables, Objects: bytes, Scanner: scanner, Records: cache, Bus: bus, Limits: memstore.NewLimits(rateWindows, time.Now), Blocks: blocks,
		Keyring: keyring, Mint: mint, Registry: registry, Tracer: tracer, Log: log.With("plane", "origin"),
	})
	if err != nil {
		return err
	}
	node, err := edgeparts.New(edgeparts.Parts{
		Settings: &c.Edge, Name: "embedded", LeaseKey: leaseKey, Keyring: keyring, Objects: bytes,
		Cache: cache, Truth: tables, Bus: bus, Ceiling: control, Blocks: blocks, Leases: ledger.NewLeases(cappedLeases, time.Now), Sink: tables, Purges: tables,
		Registry: registry, Tracer: tracer, Log: log.With("plane", "edge"),
	})
	if err != nil {
		return err
	}

	welcome(std.out, &c.UpProgram, key, scanner.Name())

	// Serve until told to stop. Handlers are made first: that takes a moment, and who
	// says that it can serve has to be able to. The edge hands its last counts over
	// while the database is still open.
	handler := control.Handler(map[string]http.Handler{objectsPrefix: bytes.Handler()})
	ops := lifecycle.NewOps(registry, lifecycle.Check{Name: "database", Do: tables.Check}, lifecycle.Check{Name: "objects", Do: bytes.Check})
	if ctx, err = process.Ready(ctx, ops); err != nil {
		return errors.Join(err, node.Close())
	}
	stopRelay := originparts.Relay(ctx, control)
	group, ctx := errgroup.WithContext(ctx)
	stopOps := process.ServeOps(ctx, opsListener, ops)
	defer stopOps()
	group.Go(func() error { return process.ServeHTTP(ctx, api, handler) })
	group.Go(func() error { return node.Run(ctx, files, process.Drain) })
	group.Go(func() error { return control.Run(ctx) })
	err = group.Wait()
	takeBack(ctx, control, log)
	stopRelay()
	log.InfoContext(ctx, "stopped")
	return err
}

// takeBackWithin bounds taking blocks of downloads back at the end. What that does not
// come to is lost to its links, as it is when the process is killed.
const takeBackWithin = 5 * time.Second

// takeBack takes all blocks back, which end with the process.
func takeBack(ctx context.Context, control *origin.Origin, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackWithin)
	defer cancel()
	if err := control.TakeBackBlocks(ctx); err != nil {
		log.WarnContext(ctx, "blocks of downloads are lost to their links", "error", err)
	}
}

func (c *upCommand) listen(ctx context.Context, process *lifecycle.Process) (api, files, ops net.Listener, err error) {
	var errAPI, errFiles, errOps error
	api, errAPI = process.Listen(ctx, "api_addr", c.APIAddr)
	files, errFiles = process.Listen(ctx, "files_addr", c.FilesAddr)
	ops, errOps = process.Listen(ctx, "ops_addr", c.OpsAddr)
	return api, files, ops, errors.Join(errAPI, errFiles, errOps)
}

// fillURLs names the listeners where the operator named no URL. The address is
// the real one: a port of 0 is chosen by the system.
func (c *upCommand) fillURLs(api, files, ops net.Listener) {
	c.APIAddr, c.FilesAddr, c.OpsAddr = api.Addr().String(), files.Addr().String(), ops.Addr().String()
	if c.APIURL == "" {
		c.APIURL = localURL(api.Addr())
	}
	if c.FilesURL == "" {
		c.FilesURL = localURL(files.Addr())
	}
}

// uploadOrigins are the web origins that may upload; the console's under either
// name that this machine has for itself.
func (c *upCommand) uploadOrigins() []string {
	origins := originparts.UploadOrigins(&c.API)
	if host, port, err := net.SplitHostPort(strings.TrimPrefix(c.APIURL, "http://")); c.Console && err == nil && host == "127.0.0.1" {
		origins = append(origins, "http://"+net.JoinHostPort("localhost", port))
	}
	return origins
}

// localURL is a URL that reaches a listener from this machine; one that listens
// on all addresses is reached on the loopback one.
func localURL(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil || !at.Addr().IsUnspecified() {
		return "http://" + addr.String()
	}
	return "http://" + netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port()).String()
}
