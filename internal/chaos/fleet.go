package chaos

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"rawlink/internal/netlab"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// Fleet is a World in which each part is a host of its own, with an address of its
// own: faults are those of a network and of machines. Clients and partner are on the
// host of the test.
type Fleet struct {
	*World
	Lab         *netlab.Lab
	EdgeHosts   [Edges]*netlab.Host
	OriginHosts [Origins]*netlab.Host
	RedisHosts  [2]*netlab.Host // of the primary at first, and of its replica
	Watchers    [testenv.Sentinels]*netlab.Host
	DataHost    *netlab.Host // of PostgreSQL
	StoreHost   *netlab.Host // of the S3 server
	ScanHost    *netlab.Host // of clamd
}

// NewFleet starts all hosts and programs. They end with the test.
func NewFleet(tb testing.TB, seed uint64) *Fleet {
	tb.Helper()
	f := &Fleet{World: &World{tb: tb, Rand: rand.New(rand.NewPCG(seed, 1)), user: newUser()}, Lab: netlab.New(tb)}
	tb.Cleanup(f.user.CloseIdleConnections)
	f.plug()
	f.heals = append(f.heals, f.healHosts)
	f.Watched = testenv.RedisSentinelsAt(tb, [2]testenv.Place{at(f.RedisHosts[0]), at(f.RedisHosts[1])},
		[testenv.Sentinels]testenv.Place{at(f.Watchers[0]), at(f.Watchers[1]), at(f.Watchers[2])})
	f.Redis = f.Watched.Primary
	f.Database = at(f.DataHost).Postgres(tb)
	f.Scanner = at(f.ScanHost).Clamd(tb)
	bucket, _ := at(f.StoreHost).S3(tb)
	shared := []string{
		"TOKEN_KEYS=1:" + share.NewKey(), "INTERNAL_KEY=a-secret-of-the-internal-api", "OPS_PUBLIC=true",
		"REDIS_URL=redis://" + f.Watched.Hosts(), "REDIS_MODE=sentinel", "REDIS_PRIMARY=" + testenv.WatchedName,
		"S3_ENDPOINT=" + bucket.Endpoint, "S3_REGION=" + bucket.Region, "S3_BUCKET=" + bucket.Bucket,
		"S3_ACCESS_KEY=" + bucket.AccessKey, "S3_SECRET_KEY=" + bucket.SecretKey,
	}
	f.startOrigins(append(f.originSettings(), shared...))
	f.System = testsystem.OnDatabase(f.Database.DSN, f.APIs[0])
	f.Key = f.System.NewTenant(tb, testsystem.Limits{Bytes: -1, Links: -1})
	f.startEdges(append(edgeSettings(), shared...))
	return f
}

// at is a host as a place for a server.
func at(h *netlab.Host) testenv.Place { return testenv.Place{IP: h.Addr, Within: h.Within} }

// plug makes the hosts.
func (f *Fleet) plug() {
	for i := range f.EdgeHosts {
		f.EdgeHosts[i] = f.Lab.Host(fmt.Sprint("edge", i))
	}
	for i := range f.OriginHosts {
		f.OriginHosts[i] = f.Lab.Host(fmt.Sprint("origin", i))
	}
	f.RedisHosts = [2]*netlab.Host{f.Lab.Host("redis0"), f.Lab.Host("redis1")}
	for i := range f.Watchers {
		f.Watchers[i] = f.Lab.Host(fmt.Sprint("watch", i))
	}
	f.DataHost, f.StoreHost, f.ScanHost = f.Lab.Host("data"), f.Lab.Host("store"), f.Lab.Host("scan")
}

// Hosts are all of them.
func (f *Fleet) Hosts() (all []*netlab.Host) {
	all = append(all, f.EdgeHosts[:]...)
	all = append(all, f.OriginHosts[:]...)
	all = append(all, f.RedisHosts[:]...)
	all = append(all, f.Watchers[:]...)
	return append(all, f.DataHost, f.StoreHost, f.ScanHost)
}

func (f *Fleet) healHosts() {
	for _, h := range f.Hosts() {
		h.Heal()
	}
}

// The ports of a program, the same on every host.
const (
	filesPort    = 8081
	opsPort      = 8082
	apiPort      = 8080
	internalPort = 8084
)

func (f *Fleet) startOrigins(settings []string) {
	for i, h := range f.OriginHosts {
		ops := fmt.Sprintf("http://%s:%d/readyz", h.Addr, opsPort)
		own := append([]string{
			fmt.Sprintf("API_ADDR=%s:%d", h.Addr, apiPort), fmt.Sprintf("INTERNAL_ADDR=%s:%d", h.Addr, internalPort),
			fmt.Sprintf("OPS_ADDR=%s:%d", h.Addr, opsPort),
		}, settings...)
		f.ready = append(f.ready, ops)
		f.Origins[i] = testsystem.RunWithin(f.tb, h.Within, "origin", own, ops)
		f.APIs[i] = fmt.Sprintf("http://%s:%d", h.Addr, apiPort)
	}
}

func (f *Fleet) startEdges(settings []string) {
	for i, h := range f.EdgeHosts {
		ops := fmt.Sprintf("http://%s:%d/readyz", h.Addr, opsPort)
		own := append([]string{
			fmt.Sprintf("FILES_ADDR=%s:%d", h.Addr, filesPort), fmt.Sprintf("OPS_ADDR=%s:%d", h.Addr, opsPort),
			fmt.Sprintf("ORIGIN_URL=http://%s:%d", f.OriginHosts[i%Origins].Addr, internalPort),
			"EDGE_NAME=" + h.Name, "EDGE_CACHE_DIR=" + f.tb.TempDir(), "EDGE_JOURNAL_DIR=" + f.tb.TempDir(),
		}, settings...)
		f.ready = append(f.ready, ops)
		f.Edges[i] = testsystem.RunWithin(f.tb, h.Within, "edge", own, ops)
		f.Files[i] = fmt.Sprintf("http://%s:%d", h.Addr, filesPort)
	}
}
