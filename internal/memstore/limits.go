package memstore

import (
	"context"
	"sync"
	"time"

	"rawlink/internal/ratelimit"
)

// Limits counts requests within this process. It holds a fixed number of
// windows at most; beyond it some are forgotten, which begins them anew. Safe
// for concurrent use.
type Limits struct {
	most int
	now  func() time.Time

	mu      sync.Mutex // guards what follows
	windows map[windowName]window
}

type windowName struct{ client, budget string }

type window struct {
	used int64
	ends time.Time
}

// NewLimits returns limits that hold at most most windows (≥ 1).
func NewLimits(most int, now func() time.Time) *Limits {
	return &Limits{most: max(1, most), now: now, windows: make(map[windowName]window)}
}

// Take counts one request of a client against each budget in turn and returns
// where the client then stands in them. It ends with the first that is used up:
// what comes after it is not counted.
func (l *Limits) Take(_ context.Context, client string, budgets []ratelimit.Budget) ([]ratelimit.Standing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	standings := make([]ratelimit.Standing, 0, len(budgets))
	for _, b := range budgets {
		name := windowName{client, b.Name}
		w, known := l.windows[name]
		if !known && len(l.windows) >= l.most {
			ratelimit.MakeRoom(l.windows, l.most, func(w window) bool { return !now.Before(w.ends) })
		}
		if !now.Before(w.ends) {
			w = window{ends: now.Add(b.Per)}
		}
		w.used++
		l.windows[name] = w
		s := ratelimit.Standing{Budget: b, Used: w.used, Left: w.ends.Sub(now)}
		if standings = append(standings, s); s.Over() {
			break
		}
	}
	return standings, nil
}

// Len is how many windows are held, ended ones that nobody looked at included.
func (l *Limits) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.windows)
}
