package report

import (
	"math"
	"math/rand/v2"
	"slices"
)

// pool is a run's seconds, made ready to be drawn from.
type pool struct {
	seconds []Second
	values  []int64    // µs of all bars, ascending
	bars    [][][2]int // of each second: index into values, count
	counts  []int64    // by value, of the seconds drawn
}

func newPool(seconds []Second) *pool {
	p := &pool{seconds: seconds}
	for _, s := range seconds {
		for _, bar := range s.Bars {
			p.values = append(p.values, bar[0])
		}
	}
	slices.Sort(p.values)
	p.values = slices.Compact(p.values)
	p.counts = make([]int64, len(p.values))
	for _, s := range seconds {
		some := make([][2]int, len(s.Bars))
		for i, bar := range s.Bars {
			at, _ := slices.BinarySearch(p.values, bar[0])
			some[i] = [2]int{at, int(bar[1])}
		}
		p.bars = append(p.bars, some)
	}
	return p
}

// figures returns the measures of the seconds drawn, of all if that is nil. Their
// histograms are merged, then read.
func (p *pool) figures(drawn []int) []float64 {
	if drawn == nil {
		for i := range p.seconds {
			drawn = append(drawn, i)
		}
	}
	clear(p.counts)
	var answers, span float64
	var total int64
	for _, i := range drawn {
		span += p.seconds[i].Span
		for _, n := range p.seconds[i].Counts {
			answers += float64(n)
		}
		for _, bar := range p.bars[i] {
			p.counts[bar[0]] += int64(bar[1])
			total += int64(bar[1])
		}
	}
	return append([]float64{answers / max(span, 1e-9)}, p.quantiles(total, .5, .9, .99, .999)...)
}

// quantiles reads ascending quantiles of what was drawn, in milliseconds.
func (p *pool) quantiles(total int64, at ...float64) (found []float64) {
	var seen int64
	for i, n := range p.counts {
		seen += n
		for len(found) < len(at) && seen >= int64(math.Ceil(at[len(found)]*float64(total))) {
			found = append(found, float64(p.values[i])/millis)
		}
	}
	return found
}

// draw returns, for each measure, the ratios of B to A over all draws.
func draw(pools [2]*pool, seed uint64) [][]float64 {
	random := rand.New(rand.NewPCG(seed, 3))
	ratios := make([][]float64, len(measures))
	for range resamples {
		a := pools[0].figures(blocks(len(pools[0].seconds), random))
		b := pools[1].figures(blocks(len(pools[1].seconds), random))
		for k := range measures {
			ratios[k] = append(ratios[k], b[k]/max(a[k], 1e-9))
		}
	}
	return ratios
}

// blocks draws n of n seconds, in blocks of neighbours.
func blocks(n int, random *rand.Rand) []int {
	length := max(1, int(math.Round(math.Cbrt(float64(n)))))
	drawn := make([]int, 0, n+length)
	for len(drawn) < n {
		at := random.IntN(n - length + 1)
		for i := range length {
			drawn = append(drawn, at+i)
		}
	}
	return drawn[:n]
}
