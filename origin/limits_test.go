package origin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rawlink/internal/ratelimit"
	"rawlink/internal/testsystem"
)

// TestLimitsComeInOrder spends a key's requests and wants each refusal at its
// place: 401, plan, all requests, scope, requests of this sort, and only then
// what is wrong with the request itself.
func TestLimitsComeInOrder(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config, _ *Parts) { c.Limits = Limits{Requests: 4, Shares: 2, Uploads: 1} })
	reader := r.as(r.newKey(t, "shares:read"))
	wrong := testsystem.Object{"file_id": uuid.NewString()} // a 404, if it gets so far
	for i, want := range []int{404, 404, 429, 429, 429} {
		a := r.Must(t, want, "POST", "/shares", wrong)
		states := fmt.Sprintf(`"requests";r=%d;t=60, "shares";r=%d;t=60`, 3-i, max(0, 1-i))
		if want == 429 {
			limited(t, a, map[bool]string{true: "shares", false: "requests"}[i < 4])
		}
		if i == 4 {
			states = `"requests";r=0;t=60`
		}
		if got := a.Header.Get("RateLimit"); withoutTime(got) != withoutTime(states) {
			t.Errorf("request %d: RateLimit = %s; want %s", i+1, got, states)
		}
	}
	if got := r.Must(t, 429, "GET", "/spaces", nil).Header.Get("RateLimit-Policy"); got != `"requests";q=4;w=60` {
		t.Errorf("RateLimit-Policy = %s", got)
	}
	r.as("fck_test_unknown").Must(t, 401, "POST", "/shares", wrong)
	for _, want := range []int{403, 403, 403, 403, 429} { // over all requests before the scope, the scope before its sort
		reader.Must(t, want, "POST", "/shares", wrong)
	}
	if err := r.Store.SuspendTenant(t.Context(), r.tenant, true); err != nil {
		t.Fatal(err)
	}
	r.Must(t, 403, "GET", "/spaces", nil)
	r.metric(t, `rawlink_origin_limited_total{limit="shares"} 2`)
}

// limited checks a 429 for one limit.
func limited(t *testing.T, a *testsystem.Answer, limit string) {
	t.Helper()
	after, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || after < 1 || after > 60 {
		t.Errorf("Retry-After = %q; want 1 to 60", a.Header.Get("Retry-After"))
	}
	if !strings.HasPrefix(a.Detail(), "too many "+limit+": ") {
		t.Errorf("detail = %s; want too many %s", a.Raw, limit)
	}
}

// withoutTime cuts what varies with the clock.
func withoutTime(header string) string {
	var out []string
	for state := range strings.SplitSeq(header, ", ") {
		head, _, _ := strings.Cut(state, ";t=")
		out = append(out, head)
	}
	return strings.Join(out, ", ")
}

// brokenLimiter can't count while it is broken.
type brokenLimiter struct {
	Limiter
	broken atomic.Bool
}

func (b *brokenLimiter) Take(ctx context.Context, client string, budgets []ratelimit.Budget) ([]ratelimit.Standing, error) {
	if b.broken.Load() {
		return nil, errors.New("the counters are down")
	}
	return b.Limiter.Take(ctx, client, budgets)
}

// TestUncountedRequestsPass breaks the counters: requests are let through, which
// is said twice in the log, and counted.
func TestUncountedRequestsPass(t *testing.T) {
	t.Parallel()
	limiter := &brokenLimiter{}
	r := serve(t, func(c *Config, p *Parts) {
		c.Limits = Limits{Requests: 1}
		limiter.Limiter, p.Limits = p.Limits, limiter
	})
	r.Must(t, 200, "GET", "/me", nil)
	r.Must(t, 429, "GET", "/me", nil)
	limiter.broken.Store(true)
	for range 3 {
		if a := r.Must(t, 200, "GET", "/me", nil); a.Header.Get("RateLimit") != "" {
			t.Errorf("RateLimit = %q while nobody counts", a.Header.Get("RateLimit"))
		}
	}
	limiter.broken.Store(false)
	r.Must(t, 429, "GET", "/me", nil)
	log := r.log.String()
	if strings.Count(log, "requests can't be counted") != 1 || strings.Count(log, "requests are counted again") != 1 {
		t.Errorf("the log says it more or less than once:\n%s", log)
	}
	r.metric(t, "rawlink_origin_uncounted_total 3")
}

// TestRetryAfter rounds up, and stays within a window.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]int64{time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2, time.Minute: 60, time.Hour: 60} {
		if got := (ratelimit.Standing{Budget: ratelimit.Budget{Per: time.Minute}, Left: left}).Seconds(); got != want {
			t.Errorf("%v: %d s; want %d", left, got, want)
		}
	}
}
