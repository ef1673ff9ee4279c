package edge

import (
	"sync"
	"time"

	"rawlink/internal/ratelimit"
)

// lately remembers keys, each for a while. It holds a fixed number at most; beyond
// it some are forgotten early. Safe for concurrent use.
type lately[K comparable] struct {
	most int
	life time.Duration // no key is remembered for longer, wherever the clock is set

	mu   sync.Mutex
	ends map[K]time.Time
}

func newLately[K comparable](most int, life time.Duration) *lately[K] {
	return &lately[K]{most: most, life: life, ends: make(map[K]time.Time)}
}

// keep remembers the key for so long, or for as long as it is remembered already.
func (l *lately[K]) keep(key K, now time.Time, long time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.ends[key]; !known && len(l.ends) >= l.most {
		ratelimit.MakeRoom(l.ends, l.most, func(end time.Time) bool { return l.until(end, now) == 0 })
	}
	if l.until(l.ends[key], now) < long {
		l.ends[key] = now.Add(long)
	}
}

// left is how much longer the key is remembered; 0: it isn't.
func (l *lately[K]) left(key K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until(l.ends[key], now)
}

func (l *lately[K]) until(end, now time.Time) time.Duration {
	left := end.Sub(now)
	if left > l.life {
		return 0
	}
	return max(0, left)
}
