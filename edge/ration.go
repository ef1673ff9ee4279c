package edge

import (
	"context"
	"time"

	"rawlink/internal/ratelimit"
	"rawlink/internal/share"
)

// ration counts tries, for all edges together, and knows who has none left as far as
// this edge was told.
type ration[K comparable] struct {
	counter ratelimit.Counter
	most    ratelimit.Budget
	by      string // what it is in metrics
	over    *lately[K]
}

func newRation[K comparable](counter ratelimit.Counter, tries int, by string) ration[K] {
	most := ratelimit.Budget{Name: "password", Most: int64(tries), Per: triesWindow}
	return ration[K]{counter, most, by, newLately[K](rememberedMost, most.Per)}
}

// refuses says whether it is known that there are no tries left.
func (r *ration[K]) refuses(who K, now time.Time) error {
	if left := r.over.left(who, now); left > 0 {
		return &throttled{ratelimit.Standing{Budget: r.most, Left: left}, r.by}
	}
	return nil
}

// take counts a try under a name that all edges have for who, and refuses it if it is
// one too many. What can't be counted is not let through.
func (r *ration[K]) take(ctx context.Context, who K, name string, now func() time.Time) error {
	standings, err := r.counter.Take(ctx, name, []ratelimit.Budget{r.most})
	if err != nil {
		return share.E(share.Unavailable, "count password", err)
	}
	if last := standings[len(standings)-1]; last.Over() {
		r.over.keep(who, now(), last.Left)
		return &throttled{last, r.by}
	}
	return nil
}
