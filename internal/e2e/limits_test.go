package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

// TestLimits spends a key's requests; another key of the same tenant has its own.
func TestLimits(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "LIMIT_REQUESTS=5", "LIMIT_UPLOADS=2")
			c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
			me := c.Must(t, 200, "GET", "/me", nil)
			space := c.Must(t, 200, "GET", "/spaces", nil).List[0]["id"]
			upload := testsystem.Object{"original_name": "a", "size": 1, "space_id": space}
			c.Must(t, 200, "POST", "/uploads/initiate", upload)
			c.Must(t, 200, "POST", "/uploads/initiate", upload)
			if a := c.Must(t, 429, "POST", "/uploads/initiate", upload); !strings.HasPrefix(a.Detail(), "too many uploads") || a.Header.Get("Retry-After") == "" {
				t.Errorf("over the uploads: %s, Retry-After %q", a.Raw, a.Header.Get("Retry-After"))
			}
			c.Must(t, 429, "GET", "/me", nil)
			s.As(s.NewKey(t, me.Text("tenant_id"))).Must(t, 200, "GET", "/me", nil)
		})
	}
}

// TestLimitsWithoutRedis stops the Redis that counts: the API goes on, and
// counts again when Redis is back.
func TestLimitsWithoutRedis(t *testing.T) {
	t.Parallel()
	redis := testenv.Redis(t)
	s := testsystem.Production(t, "REDIS_URL=redis://"+redis.Addr, "LIMIT_REQUESTS=10")
	c := s.As(s.NewTenant(t, testsystem.Limits{Bytes: -1, Links: -1}))
	c.Must(t, 200, "GET", "/me", nil)
	redis.Stop()
	for range 20 {
		c.Must(t, 200, "GET", "/me", nil)
	}
	redis.Start()
	testsystem.Until(t, 15*time.Second, "requests counted again", func() error {
		if a := c.Do(t, "GET", "/me", nil); a.Status != 429 {
			return fmt.Errorf("answer %d", a.Status)
		}
		return nil
	})
}
