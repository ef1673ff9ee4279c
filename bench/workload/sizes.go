package workload

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Sizes is a distribution of file sizes. The zero value is none.
type Sizes struct {
	least, most int64   // log-uniform between them
	median      float64 // lognormal, if > 0, within them
	sigma       float64
}

// largest is the largest file that a run seeds.
const largest = 8 << 30

var errSizes = errors.New("want a size as 64KiB, a span as 1KiB-1MiB, or lognormal:64KiB,1.5 (median and sigma)")

// ParseSizes reads a distribution. The empty text is the zero value.
func ParseSizes(text string) (Sizes, error) {
	if text == "" {
		return Sizes{}, nil
	}
	wrong := fmt.Errorf("sizes %q: %w", text, errSizes)
	if rest, ok := strings.CutPrefix(text, "lognormal:"); ok {
		median, sigma, _ := strings.Cut(rest, ",")
		m, err1 := parseSize(median)
		s, err2 := strconv.ParseFloat(sigma, 64)
		if err1 != nil || err2 != nil || !(s > 0 && s < 5) {
			return Sizes{}, wrong
		}
		return Sizes{least: 1, most: largest / 8, median: float64(m), sigma: s}, nil
	}
	from, to, span := strings.Cut(text, "-")
	if !span {
		to = from
	}
	least, err1 := parseSize(from)
	most, err2 := parseSize(to)
	if err1 != nil || err2 != nil || least > most {
		return Sizes{}, wrong
	}
	return Sizes{least: least, most: most}, nil
}

func parseSize(text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n < 1 || n > largest {
		return 0, errSizes
	}
	return int64(n), nil
}

func fixed(size int64) Sizes { return Sizes{least: size, most: size} }

// draw returns n sizes.
func (s Sizes) draw(n int, seed uint64) []int64 {
	random := rand.New(rand.NewPCG(seed, 2))
	all := make([]int64, n)
	for i := range all {
		x := float64(s.least) * math.Exp(random.Float64()*math.Log(float64(s.most)/float64(s.least)))
		if s.median > 0 {
			x = s.median * math.Exp(s.sigma*random.NormFloat64())
		}
		all[i] = min(s.most, max(s.least, int64(math.Round(x))))
	}
	return all
}

func sum(all []int64) (n int64) {
	for _, one := range all {
		n += one
	}
	return n
}
