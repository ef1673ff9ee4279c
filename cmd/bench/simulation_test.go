package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"

	"rawlink/bench/model"
	"rawlink/bench/scrape"
	"rawlink/bench/seed"
	"rawlink/cmd/internal/edgeparts"
	"rawlink/cmd/internal/originparts"
	"rawlink/cmd/internal/settings"
	"rawlink/internal/database"
	"rawlink/internal/memstore"
	"rawlink/internal/objects"
	"rawlink/internal/redisstore"
	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/metrics"
	"rawlink/origin"
	"rawlink/origin/store"
)

// simulated is a Rawlink with many edges in this process: real planes, a real
// Redis between them, SQLite and a directory behind the origin.
type simulated struct {
	t         testing.TB
	redis     testenv.RedisServer
	client    *seed.Client
	field     *seed.Field
	edges     []string // host:port
	registers []*httptest.Server
	http      *http.Client
}

const simulatedEdges = 50

// must stops the test on an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func simulate(t testing.TB) *simulated {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { stop(); running.Wait() })
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	s := &simulated{t: t, redis: testenv.Redis(t), http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4, MaxIdleConns: 4 * simulatedEdges}}}
	t.Cleanup(s.http.CloseIdleConnections)

	var up settings.UpProgram
	must[*kong.Context](t)(settings.Load(&up, "rawlink", "", "127.0.0.1:0", []string{"--data", dir, "--limit-requests=0", "--limit-shares=0", "--limit-uploads=0"}, io.Discard))
	api := httptest.NewUnstartedServer(nil)
	base := "http://" + api.Listener.Addr().String()
	up.APIURL, up.FilesURL = base, "http://files.test"
	keyring := must[*share.Keyring](t)(share.ParseKeyring("1:" + share.NewKey()))
	db := must[*database.DB](t)(database.OpenSQLite(ctx, filepath.Join(dir, "rawlink.db")))
	t.Cleanup(func() { _ = db.Close() })
	tables := must[*store.Store](t)(store.Open(ctx, db, originparts.StoreOptions(&up.API)))
	bytes := must[*objects.Local](t)(objects.NewLocal(objects.LocalConfig{Dir: dir, BaseURL: base, Prefix: "/objects", Secret: []byte(share.NewKey()), Log: log}))
	shared := s.open(log)
	plane := must[*origin.Origin](t)(originparts.New(originparts.Parts{
		Settings: &up.API, Store: tables, Objects: bytes, Scanner: must[scan.Scanner](t)(originparts.Scanner(&up.API)), Records: shared.Records, Bus: shared.Bus, Blocks: shared.Blocks, Limits: memstore.NewLimits(1000, time.Now),
		Keyring: keyring, Mint: must[*share.Mint](t)(share.ParseMint(share.NewKey())), Registry: metrics.New(), Log: log,
	}))
	api.Config.Handler = plane.Handler(map[string]http.Handler{"/objects": bytes.Handler()})
	api.Start()
	t.Cleanup(api.Close)
	running.Go(func() { _ = plane.Run(ctx) })
	running.Go(func() { plane.Relay(ctx) })

	for i := range simulatedEdges {
		own, registry, config := s.open(log), metrics.New(), up.Edge
		config.EdgeJournalDir = filepath.Join(dir, fmt.Sprint("counts-", i))
		node := must[*edgeparts.Node](t)(edgeparts.New(edgeparts.Parts{
			Settings: &config, Name: fmt.Sprint("edge-", i), LeaseKey: []byte("a key of all leases"), Keyring: keyring, Objects: bytes,
			Cache: own.Records, Truth: tables, Bus: own.Bus, Ceiling: plane, Blocks: own.Blocks, Leases: own.Leases, Sink: tables, Purges: tables, Registry: registry, Log: log,
		}))
		ln := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
		running.Go(func() { _ = node.Run(ctx, ln, edgeparts.Within(time.Second)) })
		scraped := httptest.NewServer(registry.Handler())
		t.Cleanup(scraped.Close)
		s.edges, s.registers = append(s.edges, ln.Addr().String()), append(s.registers, scraped)
	}
	s.seed(ctx, tables, base)
	return s
}

// open connects to the one Redis, as each process does for itself.
func (s *simulated) open(log *slog.Logger) *redisstore.Store {
	s.t.Helper()
	shared := must[*redisstore.Store](s.t)(redisstore.Open(redisstore.Config{URL: "redis://" + s.redis.Addr}, log))
	s.t.Cleanup(func() { _ = shared.Close() })
	return shared
}

func (s *simulated) seed(ctx context.Context, tables *store.Store, base string) {
	s.t.Helper()
	tenant := must[store.Tenant](s.t)(tables.CreateTenant(store.Audited(ctx, store.Deed{Who: "test", Operation: "test"}), store.Tenant{Name: "simulated", BytesLimit: -1, LinksLimit: -1}))
	_, key, err := tables.CreateKey(store.Audited(ctx, store.Deed{Who: "test", Operation: "test"}), store.NewKey{TenantID: tenant.ID, Label: "bench", Mode: "test", Scopes: origin.AllScopes()})
	if err != nil {
		s.t.Fatal(err)
	}
	s.client = seed.NewClient(base, key, s.t.Logf)
	s.t.Cleanup(s.client.Close)
	s.field = must[*seed.Field](s.t)(seed.Open(ctx, s.client, seed.Needs{Files: 1, Bytes: 1 << 10, Links: 1}))
}

// ask makes every edge serve each link so many times.
func (s *simulated) ask(links []*seed.Link, times int) {
	s.t.Helper()
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() {
			for e := i; e < len(s.edges); e += 4 {
				for range times {
					for _, link := range links {
						resp, err := s.http.Get("http://" + s.edges[e] + link.Path)
						if err != nil {
							s.t.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
						if resp.StatusCode != http.StatusOK {
							s.t.Errorf("edge %d answers %d", e, resp.StatusCode)
						}
					}
				}
			}
		})
	}
	asking.Wait()
}

// counters are what the model speaks of, so far.
type counters struct {
	at                    time.Time
	reads, puts, streamed float64 // commands
	appended              float64
	bytes                 float64 // that Redis sent
	l1, hits              float64 // of all edges
}

func (s *simulated) count() counters {
	s.t.Helper()
	c := counters{at: time.Now()}
	info := must[scrape.Metrics](s.t)(scrape.Redis(s.t.Context(), "redis://"+s.redis.Addr))
	// What a client sends is one EVALSHA or XREAD; what scripts do inside shows as
	// XADD and XREVRANGE of the bus, and MGET, GET or HGET of a record.
	c.streamed, c.appended = info["cmdstat_xread"], info["cmdstat_xadd"]
	c.reads, c.puts = info["cmdstat_evalsha_ro"], info["cmdstat_evalsha"]-c.appended
	c.bytes = info["total_net_output_bytes"]
	for _, register := range s.registers {
		m := must[scrape.Metrics](s.t)(scrape.Read(s.t.Context(), s.http, register.URL))
		c.l1 += m.Sum("rawlink_edge_l1_lookups_total", "")
		c.hits += m.Sum("rawlink_edge_l1_lookups_total", `"hit"`)
	}
	return c
}

// near fails unless the model and the measurement agree within a share.
func near(t *testing.T, what string, model, measured, within float64) {
	t.Helper()
	t.Logf("%-38s model %10.1f  measured %10.1f", what, model, measured)
	if measured < model*(1-within) || measured > model*(1+within) {
		t.Errorf("%s: the model says %.1f, fifty edges show %.1f", what, model, measured)
	}
}

// The model's formulas for Redis against fifty edges: what the stream costs, what
// records cost to read, how large they are. Its inputs are what the simulation was
// given and, for hit ratios, what it measured of itself.
func TestModelAgreesWithFiftyEdges(t *testing.T) {
	s := simulate(t)
	const links, changes = 40, 40
	all, err := s.field.Sow(t.Context(), []int64{1 << 10}, links, 0, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	s.ask(all, 1)

	// Requests: each link ten times at each edge, all known; then changes, after
	// which every edge asks Redis once more for each link.
	before := s.count()
	for i, link := range all[:changes] {
		if err := s.client.Call(t.Context(), "change a link", "PATCH", "/shares/"+link.ID, map[string]any{"expires_in_days": 1 + i}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // one entry of the stream each, and a turn for each edge to read it
	}
	time.Sleep(500 * time.Millisecond) // told and heard
	quiet := s.count()
	s.ask(all, 10)
	after := s.count()

	in := model.Defaults()
	in.Edges, in.Origins = simulatedEdges, 1
	span := quiet.at.Sub(before.at).Seconds()
	in.Changes = changes / span
	near(t, "reads of the stream, /s", in.StreamReads(), (quiet.streamed-before.streamed)/span, .25)
	near(t, "stream to one edge, bytes/s", in.StreamPerEdge(), (quiet.bytes-before.bytes)/span/simulatedEdges, .25)

	span = after.at.Sub(quiet.at).Seconds()
	in.Rate = float64(10*links*simulatedEdges) / span
	in.L1Hits = (after.hits - quiet.hits) / (after.l1 - quiet.l1)
	near(t, "reads of records, /s", in.L2Reads(), (after.reads-quiet.reads)/span, .25)
	if in.L1Hits < .85 {
		t.Errorf("L1 hit ratio %.3f; want 0.9: one look-up in ten is after the change", in.L1Hits)
	}
	near(t, "bytes of a record", in.RecordBytes, s.recordBytes(), .3)
}

// recordBytes asks Redis how much memory a record takes.
func (s *simulated) recordBytes() float64 {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.redis.Addr})
	defer client.Close()
	keys := must[[]string](s.t)(client.Keys(s.t.Context(), "*").Result())
	var total, n float64
	for _, key := range keys {
		if hash := key[strings.LastIndexByte(key, ':')+1:]; len(strings.Trim(hash, "{}")) == 64 {
			total, n = total+float64(must[int64](s.t)(client.MemoryUsage(s.t.Context(), key).Result())), n+1
		}
	}
	if n == 0 {
		s.t.Fatal("no record in " + strconv.Itoa(len(keys)) + " keys: " + strings.Join(keys, " "))
	}
	return total / n
}
