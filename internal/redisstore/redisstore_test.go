package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"rawlink/internal/ledger"
	"rawlink/internal/ratelimit"
	"rawlink/internal/redisstore"
	"rawlink/internal/share"
	"rawlink/internal/storecontract"
	"rawlink/internal/testenv"
)

func TestMain(m *testing.M) {
	// The driver's clock ticks for the life of the process.
	goleak.VerifyTestMain(m, testenv.IgnoreServers(), goleak.IgnoreCurrent())
}

// ways are the ways to run Redis; every contract holds in each.
func ways(t *testing.T) map[string]redisstore.Config {
	watched, nodes := testenv.RedisSentinels(t), testenv.RedisCluster(t, 3)
	watched.Steady(t)
	return map[string]redisstore.Config{
		"single":   {URL: "redis://" + testenv.Redis(t).Addr},
		"sentinel": {URL: "redis://" + watched.Hosts(), Mode: redisstore.Sentinel, Primary: testenv.WatchedName},
		"cluster":  {URL: "redis://" + nodes[0].Addr + "," + nodes[1].Addr, Mode: redisstore.Cluster},
	}
}

func TestContracts(t *testing.T) {
	for name, way := range ways(t) {
		open := func(t *testing.T) *redisstore.Store {
			way.Prefix = uuid.NewString() + ":"
			return mustOpen(t, way)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("records", func(t *testing.T) {
				storecontract.Records(t, func(t *testing.T, life, tombstone time.Duration) storecontract.RecordStore {
					way.RecordTTL, way.TombstoneTTL = life, tombstone
					return patient{mustOpen(t, way).Records}
				})
			})
			t.Run("bus", func(t *testing.T) {
				storecontract.Bus(t, func(t *testing.T) storecontract.EventBus { return open(t).Bus })
			})
			t.Run("leases", func(t *testing.T) {
				storecontract.Leases(t, func(t *testing.T) storecontract.LeaseStore { return open(t).Leases })
			})
			t.Run("limits", func(t *testing.T) {
				storecontract.Limits(t, func(t *testing.T) storecontract.LimitStore { return open(t).Limits })
			})
			t.Run("blocks", func(t *testing.T) {
				storecontract.Blocks(t, func(t *testing.T) storecontract.BlockStore { return open(t).Blocks })
			})
		})
	}
}

// TestLimitsMeet counts one client's requests at two origins.
func TestLimitsMeet(t *testing.T) {
	cfg := redisstore.Config{URL: "redis://" + testenv.Redis(t).Addr}
	one, two := mustOpen(t, cfg).Limits, mustOpen(t, cfg).Limits
	budget := []ratelimit.Budget{{Name: "b", Most: 10, Per: time.Minute}}
	for i := range int64(10) {
		at := []*redisstore.Limits{one, two}[i%2]
		if got, err := at.Take(t.Context(), "c", budget); err != nil || len(got) != 1 || got[0].Used != i+1 {
			t.Fatalf("request %d: %+v, %v", i+1, got, err)
		}
	}
}

// TestLimitsNeverStick takes the life off a count, as a restore of old data may:
// the next request gives it one again.
func TestLimitsNeverStick(t *testing.T) {
	server := testenv.Redis(t)
	s, raw := mustOpen(t, redisstore.Config{URL: "redis://" + server.Addr}).Limits, mustRaw(t, server.Addr)
	budget := []ratelimit.Budget{{Name: "b", Most: 1, Per: time.Minute}}
	for range 2 {
		if _, err := s.Take(t.Context(), "c", budget); err != nil {
			t.Fatal(err)
		}
		must(t, raw.Persist(t.Context(), "rawlink:limit:{c}:b"))
	}
	if got, err := s.Take(t.Context(), "c", budget); err != nil || got[0].Left != time.Minute {
		t.Errorf("Take = %+v, %v; want a window that ends", got, err)
	}
	if left := raw.PTTL(t.Context(), "rawlink:limit:{c}:b").Val(); left <= 0 || left > time.Minute {
		t.Errorf("the count lives for %v; want at most a minute", left)
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []redisstore.Config{
		{},
		{URL: "localhost:6379"},
		{URL: "http://user:hunter2@localhost"},
		{URL: "redis://user:hunter2@local host:x"},
		{URL: "redis://user:hunter2@localhost:6379/x"},
		{URL: "redis://one:1,two:2"},
		{URL: "redis://one:1,two", Mode: redisstore.Cluster},
		{URL: "redis://one:1,:2", Mode: redisstore.Cluster},
		{URL: "redis://user:hunter2@one:1,two:2/3", Mode: redisstore.Cluster},
		{URL: "redis://one:1,two:2", Mode: redisstore.Sentinel},
		{URL: "redis://one:1", Mode: redisstore.Cluster, Primary: "main"},
		{URL: "redis://one:1", SentinelPassword: "hunter2"},
		{URL: "redis://one:1", Mode: "both"},
		{URL: "unix:///tmp/redis.sock", Mode: redisstore.Cluster},
		{URL: "redis://localhost", RecordTTL: -1},
		{URL: "redis://localhost", StreamLength: -1},
	} {
		_, err := redisstore.Open(cfg, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "local host") {
			t.Errorf("Open(%q): %v; want an error that keeps the secret", cfg.URL, err)
		}
	}
}

// Whatever fails, every method says Unavailable, soon, and names no address,
// user or password; neither does the log.
func TestFailures(t *testing.T) {
	server, frozen, dead := testenv.Redis(t), testenv.Redis(t), testenv.Redis(t)
	frozen.Pause()
	dead.Stop()
	tests := []struct{ name, url, want string }{
		{"down", "redis://" + dead.Addr, "connection to redis failed"},
		{"frozen", "redis://" + frozen.Addr, "did not answer"},
		{"wrong password", "redis://someone:hunter2@" + server.Addr, "WRONGPASS"},
		{"no such database", "redis://" + server.Addr + "/4711", "redis answered ERR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log lockedBuffer
			s := mustOpenLogged(t, redisstore.Config{URL: tt.url}, slog.New(slog.NewTextHandler(&log, nil)))
			for name, call := range everyCall(s) {
				began := time.Now()
				err := call(t.Context())
				if share.KindOf(err) != share.Unavailable || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: %v; want Unavailable: … %s", name, err, tt.want)
				}
				if err != nil && leaks(err.Error()) {
					t.Errorf("%s: the error tells too much: %v", name, err)
				}
				if took := time.Since(began); took > 5*time.Second { // the driver's own limits come to more
					t.Errorf("%s took %v", name, took)
				}
			}
			listen(t, s, &log)
		})
	}

	s := mustOpenAt(t, server.Addr)
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check of a living Redis: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range everyCall(s) {
		if err := call(cancelled); share.KindOf(err) != share.Unavailable {
			t.Errorf("%s, cancelled: %v; want Unavailable", name, err)
		}
	}
}

// listen sees that a bus which can't be joined ends with its context, calls
// nobody, and logs one line.
func listen(t *testing.T, s *redisstore.Store, log *lockedBuffer) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var r storecontract.Recorder
	ended := make(chan error, 1)
	go func() { ended <- s.Bus.Listen(ctx, &r) }()
	await(t, "a line in the log", func() bool { return strings.Contains(log.String(), "bus lost") })
	<-time.After(time.Second) // it goes on trying
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Listen = %v; want the context's error", err)
	}
	if text := log.String(); strings.Count(text, "bus lost") != 1 || leaks(text) || len(r.Calls()) > 0 {
		t.Errorf("%d calls, log:\n%s", len(r.Calls()), text)
	}
}

func leaks(text string) bool {
	for _, secret := range []string{"127.0.0.1", "hunter2", "someone"} {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

func everyCall(s *redisstore.Store) map[string]func(context.Context) error {
	lease := ledger.Lease{ShareID: "s"}
	return map[string]func(context.Context) error{
		"Check":   s.Check,
		"Put":     func(ctx context.Context) error { return s.Records.Put(ctx, share.Hash{}, share.Record{}) },
		"Get":     func(ctx context.Context) error { _, _, err := s.Records.Get(ctx, share.Hash{}); return err },
		"Publish": func(ctx context.Context) error { return s.Bus.Publish(ctx, storecontract.RandomEvents(1)) },
		"Tick":    s.Bus.Tick,
		"Open":    func(ctx context.Context) error { return s.Leases.Open(ctx, lease, 1) },
		"Limits":  func(ctx context.Context) error { _, err := s.Limits.Take(ctx, "c", nil); return err },
		"Units": func(ctx context.Context) error {
			_, err := s.Blocks.Take(ctx, "s", ledger.Take{Edge: "e", Seq: 1, N: 1})
			return err
		},
		"Install": func(ctx context.Context) error { _, err := s.Blocks.Install(ctx, "s", share.Block{}, ""); return err },
		"Look":    func(ctx context.Context) error { _, err := s.Blocks.Look(ctx, "s", ""); return err },
		"Prove":   s.Blocks.Prove,
		"Take":    func(ctx context.Context) error { _, err := s.Leases.Take(ctx, lease, 1); return err },
	}
}

// mustOpenAt opens a store of its own on the Redis at addr.
func mustOpenAt(tb testing.TB, addr string) *redisstore.Store {
	tb.Helper()
	return mustOpen(tb, redisstore.Config{URL: "redis://" + addr, Prefix: uuid.NewString() + ":"})
}

func mustOpen(tb testing.TB, cfg redisstore.Config) *redisstore.Store {
	tb.Helper()
	return mustOpenLogged(tb, cfg, slog.New(slog.DiscardHandler))
}

func mustOpenLogged(tb testing.TB, cfg redisstore.Config, log *slog.Logger) *redisstore.Store {
	tb.Helper()
	s, err := redisstore.Open(cfg, log)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// mustRaw returns a plain client, to do to Redis what the store never would.
func mustRaw(tb testing.TB, addr string) *redis.Client {
	tb.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialTimeout: 20 * time.Second, ReadTimeout: 20 * time.Second})
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// must fails the test on the error of a raw command.
func must(tb testing.TB, cmd redis.Cmder) {
	tb.Helper()
	if cmd.Err() != nil {
		tb.Fatal(cmd.Err())
	}
}

// patient is a store whose calls may be repeated, and are.
type patient struct{ records *redisstore.Records }

func (p patient) Put(ctx context.Context, h share.Hash, rec share.Record) error {
	return storecontract.Again(func() error { return p.records.Put(ctx, h, rec) })
}

func (p patient) Get(ctx context.Context, h share.Hash) (rec share.Record, ok bool, err error) {
	err = storecontract.Again(func() (err error) { rec, ok, err = p.records.Get(ctx, h); return err })
	return rec, ok, err
}

// await polls until done, for a minute at most: Sentinels that were held up for two
// seconds do nothing for thirty.
func await(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(time.Minute); !done(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
