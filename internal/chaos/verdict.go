package chaos

import (
	"fmt"
	"slices"
	"time"

	"rawlink/internal/ledger"
)

// Bounds are what a scenario promises.
type Bounds struct {
	Stale    time.Duration // how long after a revocation a link may be served; 0 = no bound is promised
	StaleP99 time.Duration // the same for 99 of 100 revocations and edges; 0 = not asked
	Crashes  int64         // faults that may cost a part of a capped link's downloads, see Missing
	Drained  bool          // every capped link was asked for until all edges refused it
}

// Missing is how many downloads of a capped link a scenario may cost: each crash one
// in a hundred, of links with small caps none, for these are never in blocks. Beside
// these, a request that got no answer or 503 may have cost the one it asked for.
func (b Bounds) Missing(most int64) int64 {
	if !ledger.HasBlocks(most) {
		return 0
	}
	return b.Crashes * ((most + 99) / 100)
}

// Verdict is what an oracle finds.
type Verdict struct {
	Tally
	Capped      int      `json:"capped_links"`
	Over        int64    `json:"over"`        // most bodies above a cap
	Missing     int64    `json:"missing"`     // most downloads that a capped link came to lack, unsure ones not counted
	MissingOf   int64    `json:"missing_of"`  // that link's cap
	Unsure      int64    `json:"unsure"`      // most downloads lost to requests without an answer
	Revocations int      `json:"revocations"` //
	StaleWorst  float64  `json:"stale_worst"` // milliseconds
	StaleP99    float64  `json:"stale_p99"`   // milliseconds
	Broken      []string `json:"broken"`      // promises, in words
}

// Judge compares what clients got with what was promised.
func (o *Oracle) Judge(b Bounds) Verdict {
	var v Verdict
	var late []time.Duration
	for _, l := range o.Links() {
		t := l.Tally()
		v.add(t)
		v.judgeCap(l, t, b)
		l.mu.Lock()
		if !l.ended.IsZero() {
			v.Revocations++
			late = append(late, l.late[:]...)
		}
		l.mu.Unlock()
	}
	v.judgeStale(late, b)
	o.mu.Lock()
	defer o.mu.Unlock()
	v.Broken = append(v.Broken, o.faults...)
	return v
}

func (v *Verdict) judgeCap(l *Link, t Tally, b Bounds) {
	if l.Cap == 0 {
		return
	}
	v.Capped++
	if over := t.Bodies - l.Cap; over > 0 {
		v.Over = max(v.Over, over)
		v.broken("link %s: %d bodies of at most %d", l.ID, t.Bodies, l.Cap)
	}
	if !b.Drained || !l.open() {
		return
	}
	missing := max(0, l.Cap-t.Bodies)
	v.Unsure = max(v.Unsure, min(missing, t.Unsure()))
	if lost := missing - t.Unsure(); lost > 0 {
		if lost > v.Missing {
			v.Missing, v.MissingOf = lost, l.Cap
		}
		if lost > b.Missing(l.Cap) {
			v.broken("link %s: %d of %d downloads are gone, and only %d requests went without an answer", l.ID, missing, l.Cap, t.Unsure())
		}
	}
}

// open reports whether the link is not revoked.
func (l *Link) open() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended.IsZero()
}

func (v *Verdict) judgeStale(late []time.Duration, b Bounds) {
	if len(late) == 0 {
		return
	}
	slices.Sort(late)
	worst, p99 := late[len(late)-1], late[(len(late)-1)*99/100]
	v.StaleWorst, v.StaleP99 = milliseconds(worst), milliseconds(p99)
	if b.Stale > 0 && worst > b.Stale {
		v.broken("a revoked link was served %v after the revocation was acknowledged; the bound is %v", worst, b.Stale)
	}
	if b.StaleP99 > 0 && p99 > b.StaleP99 {
		v.broken("p99 of serving after a revocation is %v; the bound is %v", p99, b.StaleP99)
	}
}

func (v *Verdict) broken(format string, args ...any) {
	if len(v.Broken) < maxFaults {
		v.Broken = append(v.Broken, fmt.Sprintf(format, args...))
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
