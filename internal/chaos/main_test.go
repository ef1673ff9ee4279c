//go:build chaos

package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

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
	programs, err := filepath.Abs(filepath.Join("..", "..", "bin", "chaos", fmt.Sprintf("race-%t", *race)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "chaos: seed %d; again with: make chaos SEED=%d\n", *seed, *seed)
	testsystem.BuildInto(programs, *race)
	// toxiproxy forgets a link now and then whose end it was about to write to.
	code := testenv.Run(m,
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"))
	testsystem.Clean()
	os.Exit(code)
}
