package origin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rawlink/internal/ratelimit"
	"rawlink/origin/store"
)

// Limiter counts requests, for all origins together. Take counts one request of
// a client against each budget in turn, up to the first that is used up.
type Limiter interface {
	Take(ctx context.Context, client string, budgets []ratelimit.Budget) ([]ratelimit.Standing, error)
}

// Limits are the requests that one key may make in a window; 0 is unlimited.
type Limits struct {
	Requests int64 // of any sort
	Shares   int64 // creations
	Uploads  int64 // starts
	Imports  int64 // from URLs
}

// under are the limits of a key whose tenant has a plan.
func (l Limits) under(p store.Plan) Limits {
	return Limits{
		Requests: p.Or(store.RequestsPerMinute, l.Requests),
		Shares:   p.Or(store.LinksPerMinute, l.Shares),
		Uploads:  p.Or(store.UploadsPerMinute, l.Uploads),
		Imports:  p.Or(store.ImportsPerMinute, l.Imports),
	}
}

// limitWindow is the length of a window, and so the longest Retry-After.
const limitWindow = time.Minute

// budgets are what an operation counts against: all requests first, then its
// own sort, unless the key may not do it anyway.
func (l Limits) budgets(operation string, allowed bool) []ratelimit.Budget {
	all := []ratelimit.Budget{{Name: "requests", Most: l.Requests, Per: limitWindow}}
	if allowed {
		switch operation {
		case "create-share":
			all = append(all, ratelimit.Budget{Name: "shares", Most: l.Shares, Per: limitWindow})
		case "initiate-upload":
			all = append(all, ratelimit.Budget{Name: "uploads", Most: l.Uploads, Per: limitWindow})
		case "import-url":
			all = append(all, ratelimit.Budget{Name: "imports", Most: l.Imports, Per: limitWindow})
		}
	}
	limited := all[:0]
	for _, b := range all {
		if b.Most > 0 {
			limited = append(limited, b)
		}
	}
	return limited
}

// ration counts a request of a key and refuses it if a budget is used up. It
// tells the client where it stands, by draft-ietf-httpapi-ratelimit-headers.
//
// While nobody can count, requests are let through: limits protect the service
// from a client's excess, and an API that is down protects nobody. Quotas don't
// depend on it.
func (o *Origin) ration(ctx huma.Context, key store.Key, allowed bool) error {
	operation := ctx.Operation().OperationID
	budgets := o.config.Limits.under(key.Plan).budgets(operation, allowed)
	if len(budgets) == 0 {
		return nil
	}
	standings, err := o.Limits.Take(ctx.Context(), key.ID, budgets)
	o.noteCounting(ctx.Context(), err)
	if err != nil {
		return nil
	}
	policies, states := make([]string, len(standings)), make([]string, len(standings))
	for i, s := range standings {
		policies[i] = fmt.Sprintf("%q;q=%d;w=%d", s.Name, s.Most, int64(s.Per.Seconds()))
		states[i] = fmt.Sprintf("%q;r=%d;t=%d", s.Name, s.Remaining(), s.Seconds())
	}
	ctx.SetHeader("RateLimit-Policy", strings.Join(policies, ", "))
	ctx.SetHeader("RateLimit", strings.Join(states, ", "))
	if last := standings[len(standings)-1]; last.Over() {
		o.Metrics.Limited.WithLabelValues(last.Name).Inc()
		return tooMany(last)
	}
	return nil
}

func tooMany(s ratelimit.Standing) *problem {
	wait := strconv.FormatInt(s.Seconds(), 10)
	p := reject(http.StatusTooManyRequests, fmt.Sprintf("too many %s: a key may make %d in %d seconds; try again in %s seconds", s.Name, s.Most, int64(s.Per.Seconds()), wait))
	p.header = http.Header{"Retry-After": {wait}}
	return p
}

// noteCounting keeps the metric, and says it when it changes, not at each request.
func (o *Origin) noteCounting(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // a client that left says nothing about the counters
	}
	if err != nil {
		o.Metrics.Uncounted.Inc()
	}
	if o.uncounted.Swap(err != nil) == (err != nil) {
		return
	}
	if err != nil {
		o.Log.WarnContext(ctx, "requests can't be counted and are let through", "error", err)
	} else {
		o.Log.InfoContext(ctx, "requests are counted again")
	}
}
