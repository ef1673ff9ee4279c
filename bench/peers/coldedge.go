package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"time"

	"rawlink/edge"
	"rawlink/internal/ledger"
	"rawlink/internal/objects"
	"rawlink/internal/records"
	"rawlink/internal/share"
	"rawlink/metrics"
)

// edgeCommand makes this program an edge in front of the store: edge SETTINGS.
const edgeCommand = "edge"

// edgeSettings is what such an edge is told. Whatever token is asked for, its
// record names the one object.
type edgeSettings struct {
	Addr, Ops, CacheDir, Store string
	Keys                       string // keyring; made for this run
	Object                     share.Object
	ManyConnections            bool // of one client
}

// startColdEdge starts an edge that has nothing yet.
func (l *lab) startColdEdge(ctx context.Context, manyConnections bool) (*server, error) {
	home, err := l.home("edge")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	ops, err := freeAddr()
	if err != nil {
		return nil, err
	}
	settings := edgeSettings{
		Addr: addr, Ops: ops, CacheDir: filepath.Join(home, "slices"), Store: l.store.base, Keys: l.keys,
		Object: share.Object{Key: "object", Version: storeTag, Size: l.object.Size}, ManyConnections: manyConnections,
	}
	file := filepath.Join(home, "settings.json")
	text, err := json.Marshal(settings)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("start edge: %w", err)
	}
	proc, err := start(home, nameEdge, serverCore, []string{"GOMAXPROCS=1"}, l.self, edgeCommand, file)
	if err != nil {
		return nil, err
	}
	if err := proc.ready(ctx, "http://"+ops+"/readyz"); err != nil {
		proc.stop()
		return nil, err
	}
	return &server{name: nameEdge, base: "http://" + addr, proc: proc}, nil
}

// serveColdEdge runs the edge with the S3 client, until the process is ended.
func serveColdEdge(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: peers edge SETTINGS")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("serve edge: %w", err)
	}
	var s edgeSettings
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("serve edge: %w", err)
	}
	keys, err := share.ParseKeyring(s.Keys)
	if err != nil {
		return err
	}
	store, err := objects.NewS3(objects.S3Config{
		Endpoint: s.Store, Region: "here", Bucket: "bucket", AccessKey: "any", SecretKey: "any", PathStyle: true,
	})
	if err != nil {
		return err
	}
	cfg := edge.Defaults()
	cfg.LeaseKey, cfg.CacheDir = []byte("of this measurement alone"), s.CacheDir
	if s.ManyConnections {
		cfg.MaxConnsPerClient, cfg.MaxPerClient = 4*slowReaders, 4*slowReaders
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	e, err := edge.New(cfg, edge.Parts{
		Keys: keys, Records: oneRecord(s.Object), Objects: store, Ledger: noLedger{}, Leases: ledger.NewTable(1<<16, time.Now),
		LocalLeases: ledger.NewTable(1<<16, time.Now), Counter: noCounter{}, Purges: noPurges{}, Metrics: metrics.NewEdge(metrics.New()), Log: log,
	})
	if err != nil {
		return err
	}
	files, err := edge.Listen(s.Addr)
	if err != nil {
		return err
	}
	go serveOps(s.Ops)
	go func() { // the bus; it ends with the process
		for now := range time.Tick(time.Second) {
			e.Verified(now)
		}
	}()
	return e.Serve(files)
}

func serveOps(addr string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	s := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	_ = s.ListenAndServe() // then the edge is never ready, and the run fails
}

// oneRecord is the origin's whole knowledge.
type oneRecord share.Object

// Lookup implements edge.Records.
func (o oneRecord) Lookup(context.Context, share.Hash) (records.Found, error) {
	return records.Found{Source: records.FromOrigin, Record: share.Record{
		Version: 1, ShareID: "share", FileID: "file", TenantID: "tenant", Permission: share.Download, Scan: share.Clean,
		Object: share.Object(o), Name: "object.bin", MIME: "application/octet-stream", Modified: storedAt,
	}}, nil
}

type noLedger struct{}

// Redeem implements edge.Ledger; no share here is capped.
func (noLedger) Redeem(context.Context, *share.Record) error { return nil }

// Holds implements edge.Ledger.
func (noLedger) Holds(*share.Record) bool { return false }

type noCounter struct{}

// Add implements edge.Counter.
func (noCounter) Add(string) {}

type noPurges struct{}

// Purged implements edge.Purges.
func (noPurges) Purged(context.Context, int64) (share.Purges, error) { return share.Purges{}, nil }
