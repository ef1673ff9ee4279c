//go:build chaos

package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

var (
	seed    = flag.Uint64("seed", 0, "`seed` of every choice; 0 draws one")
	rounds  = flag.Int("rounds", 1, "how many `times` each fault is repeated")
	long    = flag.Bool("long", false, "take the time that whole waits need")
	race    = flag.Bool("programs-race", false, "build the programs with the race detector; bounds of time are then not judged")
	results = Results{}
)

func TestMain(m *testing.M) {
	flag.StringVar(&results.Path, "results", "", "append results to this `file`, a JSON object a line")
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64N(1<<32-1) + 1
	}
	results.Seed = *seed
	fmt.Fprintf(os.Stderr, "chaos: seed %d; again with: make chaos SEED=%d\n", *seed, *seed)
	if !*race {
		testsystem.Plain()
	}
	defer testsystem.Clean()
	testenv.Main(m)
}
