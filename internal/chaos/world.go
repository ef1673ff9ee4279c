package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// Origins is how many origins a World has.
const Origins = 2

// The settings of every World, and what they bound.
const (
	maxStale   = 2 * time.Second // edge_max_stale
	serveStale = 4 * time.Second // edge_serve_stale
)

// Options say what a World is to be like.
type Options struct {
	Seed      uint64
	Sentinels bool          // Redis with a replica under Sentinels, reached directly; else one that paths lead to
	EdgeNames [Edges]string // programs to run as edges; "" = edge
}

// World is a whole Rawlink with three edges and two origins, and a network
// between them whose faults a test chooses.
type World struct {
	tb   testing.TB
	Rand *rand.Rand // for the test's own goroutine

	Database testenv.PostgresServer
	Redis    testenv.RedisServer // the primary
	Watched  testenv.RedisSentinel
	Scanner  testenv.ClamdServer
	Store    *StoreFront

	Network    *Network
	EdgeRedis  [Edges]*Path   // from each edge to Redis; nil with Sentinels
	EdgeOrigin [Edges]*Path   // from each edge to an origin's internal API
	APIRedis   [Origins]*Path // from each origin to Redis; nil with Sentinels
	StorePath  *Path          // from everybody to the object store

	Edges   [Edges]*testsystem.Program
	Origins [Origins]*testsystem.Program
	Files   [Edges]string   // base URLs
	APIs    [Origins]string // base URLs
	ready   []string        // URLs that answer 200 when a program is ready
	heals   []func()        // end faults of other kinds

	System *testsystem.System
	Key    string // of the tenant that most scenarios use
	user   *http.Client
}

// NewWorld starts everything. It ends with the test.
func NewWorld(tb testing.TB, opt Options) *World {
	tb.Helper()
	w := &World{tb: tb, Rand: rand.New(rand.NewPCG(opt.Seed, 1)), Network: NewNetwork(), user: newUser()}
	tb.Cleanup(w.user.CloseIdleConnections)
	w.Database = testenv.OwnPostgres(tb)
	w.Scanner = testenv.Clamd(tb)
	bucket := testenv.S3(tb)
	w.Store = NewStoreFront(tb, bucket.Endpoint)
	w.StorePath = w.Network.Path(tb, w.Store.Addr)
	redis := w.startRedis(opt.Sentinels)

	shared := []string{
		"TOKEN_KEYS=1:" + share.NewKey(), "INTERNAL_KEY=a-secret-of-the-internal-api",
		"S3_ENDPOINT=http://" + w.StorePath.Addr, "S3_REGION=" + bucket.Region, "S3_BUCKET=" + bucket.Bucket,
		"S3_ACCESS_KEY=" + bucket.AccessKey, "S3_SECRET_KEY=" + bucket.SecretKey,
	}
	internal := w.startOrigins(append(redis, append(w.originSettings(), shared...)...))
	w.System = testsystem.OnDatabase(w.Database.DSN, w.APIs[0])
	w.Key = w.System.NewTenant(tb, testsystem.Limits{Bytes: -1, Links: -1})
	w.startEdges(opt, internal, append(redis, append(edgeSettings(), shared...)...))
	return w
}

// startRedis returns the settings that lead to it, unless each program has its own.
func (w *World) startRedis(sentinels bool) []string {
	if sentinels {
		w.Watched = testenv.RedisSentinels(w.tb)
		w.Redis = w.Watched.Primary
		return []string{"REDIS_URL=redis://" + w.Watched.Hosts(), "REDIS_MODE=sentinel", "REDIS_PRIMARY=" + testenv.WatchedName}
	}
	w.Redis = testenv.Redis(w.tb)
	for i := range w.EdgeRedis {
		w.EdgeRedis[i] = w.Network.Path(w.tb, w.Redis.Addr)
	}
	for i := range w.APIRedis {
		w.APIRedis[i] = w.Network.Path(w.tb, w.Redis.Addr)
	}
	return nil
}

func (w *World) originSettings() []string {
	return []string{
		"DATABASE_URL=" + w.Database.DSN, "MINT_SECRET=" + share.NewKey(), "FILES_URL=http://files.invalid",
		"CLAMD_HOSTS=" + w.Scanner.TCP, fmt.Sprintf("CLAMD_MAX_SIZE=%d", testenv.ClamdFileMax),
		"LOG_LEVEL=warn", "LIMIT_REQUESTS=0", "LIMIT_SHARES=0", "LIMIT_UPLOADS=0", "SCAN_WAIT=1s",
	}
}

func edgeSettings() []string {
	return []string{
		"LEASE_KEY=" + share.NewKey(), "EDGE_MAX_STALE=" + maxStale.String(), "EDGE_SERVE_STALE=" + serveStale.String(),
		"LOG_LEVEL=warn", "EDGE_MAX_PER_CLIENT=8192", "EDGE_MAX_CLIENT_CONNS=8192", "SHUTDOWN_GRACE=3s",
	}
}

func (w *World) startOrigins(settings []string) (internal [Origins]string) {
	for i := range w.Origins {
		api, private, ops := testsystem.Address(w.tb), testsystem.Address(w.tb), testsystem.Address(w.tb)
		own := append([]string{"API_ADDR=" + api, "INTERNAL_ADDR=" + private, "OPS_ADDR=" + ops}, settings...)
		if w.APIRedis[i] != nil {
			own = append(own, "REDIS_URL=redis://"+w.APIRedis[i].Addr)
		}
		w.ready = append(w.ready, "http://"+ops+"/readyz")
		w.Origins[i] = testsystem.Run(w.tb, "origin", own, "http://"+ops+"/readyz")
		w.APIs[i], internal[i] = "http://"+api, private
	}
	return internal
}

func (w *World) startEdges(opt Options, internal [Origins]string, settings []string) {
	for i := range w.Edges {
		files, ops := testsystem.Address(w.tb), testsystem.Address(w.tb)
		w.EdgeOrigin[i] = w.Network.Path(w.tb, internal[i%Origins])
		own := append([]string{
			"FILES_ADDR=" + files, "OPS_ADDR=" + ops, "ORIGIN_URL=http://" + w.EdgeOrigin[i].Addr,
			fmt.Sprintf("EDGE_NAME=edge-%d", i), "EDGE_CACHE_DIR=" + w.tb.TempDir(), "EDGE_JOURNAL_DIR=" + w.tb.TempDir(),
		}, settings...)
		if w.EdgeRedis[i] != nil {
			own = append(own, "REDIS_URL=redis://"+w.EdgeRedis[i].Addr)
		}
		name := opt.EdgeNames[i]
		if name == "" {
			name = "edge"
		}
		w.ready = append(w.ready, "http://"+ops+"/readyz")
		w.Edges[i] = testsystem.Run(w.tb, name, own, "http://"+ops+"/readyz")
		w.Files[i] = "http://" + files
	}
}

// Heal ends every fault of the network and the store.
func (w *World) Heal() {
	for _, paths := range [][]*Path{w.EdgeRedis[:], w.EdgeOrigin[:], w.APIRedis[:], {w.StorePath}} {
		for _, p := range paths {
			if p != nil {
				p.Heal()
			}
		}
	}
	if w.Store != nil {
		w.Store.Set(storeWorks)
	}
	for _, heal := range w.heals {
		heal()
	}
}

// recovery is how long a program may take to work again, without a restart, once
// nothing is wrong around it.
const recovery = 15 * time.Second

// AwaitReady waits until every program says that it is ready.
func (w *World) AwaitReady() {
	w.tb.Helper()
	testsystem.Until(w.tb, recovery, "recovery", func() error {
		for _, url := range w.ready {
			resp, err := w.user.Get(url)
			if err != nil {
				return err
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answers %d", url[strings.LastIndex(url, ":"):], resp.StatusCode)
			}
		}
		return nil
	})
}

// Proof sees that everything works: a link made now is served by every edge, and
// refused by every edge once it is revoked.
func (w *World) Proof(o *Oracle, file *File) {
	w.tb.Helper()
	w.AwaitReady()
	l := w.Share(o, file, nil)
	ctx := context.Background()
	for edge := range Edges {
		testsystem.Until(w.tb, recovery, fmt.Sprintf("a body from edge %d", edge), func() error {
			if v := w.Visit(ctx, o, l, Request{Edge: edge, Agent: "proof"}); !v.Whole {
				return fmt.Errorf("status %d", v.Status)
			}
			return nil
		})
	}
	w.Revoke(l)
	for edge := range Edges {
		testsystem.Until(w.tb, recovery, fmt.Sprintf("a refusal by edge %d", edge), func() error {
			if v := w.Visit(ctx, o, l, Request{Edge: edge, Agent: "proof"}); v.Status != http.StatusGone {
				return fmt.Errorf("status %d", v.Status)
			}
			return nil
		})
	}
}
