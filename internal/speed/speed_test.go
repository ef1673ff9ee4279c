package speed

import (
	"encoding/json"
	"fmt"
	"testing"

	"rawlink/bench/wire"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// tenant is one with a clean file. Its limits are far away and yet there, so that
// each link is counted against them.
type tenant struct{ key, file string }

var far = testsystem.Limits{Bytes: 1 << 50, Links: 1 << 40}

func newTenant(b *testing.B, s *testsystem.System) tenant {
	t := tenant{key: s.NewTenant(b, far)}
	c := s.As(t.key)
	t.file = c.CleanFile(b, c.Space(b), "a.txt", "text/plain", []byte("what is shared"))
	return t
}

// limits are far away too: each request is counted against them.
var limits = []string{"LIMIT_REQUESTS=1000000000", "LIMIT_SHARES=1000000000", "LIMIT_UPLOADS=1000000", "LOG_LEVEL=info"}

// production is an origin on PostgreSQL, Redis and S3, without edges.
func production(b *testing.B) *testsystem.System {
	dsn, redis, bucket, clamd := testenv.DurablePostgres(b).DSN, testenv.Redis(b), testenv.S3(b), testenv.Clamd(b)
	api, internal, ops := testsystem.Address(b), testsystem.Address(b), testsystem.Address(b)
	testsystem.Run(b, "origin", append([]string{
		"DATABASE_URL=" + dsn, "API_ADDR=" + api, "INTERNAL_ADDR=" + internal, "OPS_ADDR=" + ops, "FILES_URL=http://files.invalid",
		"TOKEN_KEYS=1:" + share.NewKey(), "INTERNAL_KEY=a-secret-of-the-internal-api", "REDIS_URL=redis://" + redis.Addr,
		"S3_ENDPOINT=" + bucket.Endpoint, "S3_REGION=" + bucket.Region, "S3_BUCKET=" + bucket.Bucket,
		"S3_ACCESS_KEY=" + bucket.AccessKey, "S3_SECRET_KEY=" + bucket.SecretKey, "MINT_SECRET=" + share.NewKey(),
		"CLAMD_HOSTS=" + clamd.TCP, fmt.Sprintf("CLAMD_MAX_SIZE=%d", testenv.ClamdFileMax),
	}, limits...), "http://"+ops+"/readyz")
	b.Log("profile the origin at http://" + ops + "/debug/pprof/profile")
	return testsystem.OnDatabase(dsn, "http://"+api)
}

func embedded(b *testing.B) *testsystem.System { return testsystem.Embedded(b, limits...) }

var setups = []struct {
	name string
	make func(*testing.B) *testsystem.System
}{{"postgres", production}, {"embedded", embedded}}

// BenchmarkCreateShare makes links: for one tenant, whose row of limits all of them
// need, and for eight.
func BenchmarkCreateShare(b *testing.B) {
	for _, setup := range setups {
		b.Run(setup.name, func(b *testing.B) {
			s := setup.make(b)
			tenants := make([]tenant, 8)
			for i := range tenants {
				tenants[i] = newTenant(b, s)
			}
			for _, n := range []int{1, 8} {
				b.Run(fmt.Sprintf("tenants=%d", n), func(b *testing.B) {
					measure(b, s.API, 201, func(client int) []byte {
						t := tenants[client%n]
						body, _ := json.Marshal(map[string]any{"file_id": t.file, "expires_in_days": 7}) // text and a number
						return request(b, s, "POST", "/shares", t.key, body)
					})
				})
			}
		})
	}
}

// BenchmarkGetFile reads files, one and the same for all clients of a tenant.
func BenchmarkGetFile(b *testing.B) {
	for _, setup := range setups {
		b.Run(setup.name, func(b *testing.B) {
			s := setup.make(b)
			t := newTenant(b, s)
			b.Run("get", func(b *testing.B) {
				measure(b, s.API, 200, func(int) []byte { return request(b, s, "GET", "/files/"+t.file, t.key, nil) })
			})
		})
	}
}

func request(b *testing.B, s *testsystem.System, method, path, key string, body []byte) []byte {
	target, err := wire.ParseTarget(s.API)
	if err != nil {
		b.Fatal(err)
	}
	return target.RequestWith(method, "/api/v1"+path, body, "X-API-Key", key)
}
