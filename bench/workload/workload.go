package workload

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rawlink/bench/drive"
	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/wire"
)

// Options are what a user decides about a load. A zero field means the workload's
// own default.
type Options struct {
	Objects int           // files to seed
	Sizes   Sizes         // of them
	Alpha   float64       // of zipf and mixed: how uneven; 0 = 1
	Links   int           // of capped: links that are raced for; of revoke: links that are revoked
	Cap     int64         // of capped: downloads a link has
	Every   time.Duration // of revoke: between two revocations
	Bound   time.Duration // of revoke: after which nothing may be served
}

// Env is where a load runs.
type Env struct {
	Edges   []wire.Target
	API     wire.Target
	Key     string
	Field   *seed.Field
	Book    *judge.Book
	Sample  float64       // share of the answers that are checked in full, 0 to 1
	Timeout time.Duration // for a connection, and for an answer to go on
	Seed    uint64        // of all choices
	Told    func(done, of int)
}

// Figure is something that a workload measures beside latencies.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// Workload is one kind of load.
type Workload interface {
	// Needs is what Prepare will seed.
	Needs() seed.Needs
	// Prepare seeds.
	Prepare(ctx context.Context, env *Env) error
	// Worker returns the i-th worker.
	Worker(i int) drive.Worker
	// Warm says whether each link is to be asked for once before measuring.
	Warm() bool
	// Closed says that only a closed loop makes sense.
	Closed() bool
	// Beside runs along with the workers until ctx ends.
	Beside(ctx context.Context) error
	// Figures are what was found, after the end.
	Figures() []Figure
}

// kinds are the workloads by name, with a line about each.
var kinds = []struct {
	name, about string
	make        func(Options) Workload
}{
	{"hot", "the same few small files again and again", newHot},
	{"zipf", "many files, some much more often than others", newZipf},
	{"cold", "each file once: every answer comes from behind the edge", newCold},
	{"range", "players that seek, and downloaders that fetch in segments", newRanges},
	{"conditional", "If-None-Match, If-Modified-Since, If-Range", newConditional},
	{"capped", "all clients race for the last downloads of links", newCapped},
	{"revoke", "links are revoked under load, and each edge is timed", newRevoke},
	{"herd", "all clients want the same large cold file at once", newHerd},
	{"mixed", "70 % whole files, 20 % ranges, 10 % conditional", newMixed},
	{"abuse", "forged tokens, slow readers, broken-off downloads, beside good clients", newAbuse},
	{"api", "the control plane: look, list, share, change, revoke", newAPI},
}

// Names are the workloads' names.
func Names() (all []string) {
	for _, k := range kinds {
		all = append(all, k.name)
	}
	return all
}

// About is a line about a workload.
func About(name string) string {
	for _, k := range kinds {
		if k.name == name {
			return k.about
		}
	}
	return ""
}

// New returns a workload by its name.
func New(name string, o Options) (Workload, error) {
	i := slices.IndexFunc(Names(), func(n string) bool { return n == name })
	if i < 0 {
		return nil, fmt.Errorf("workload %q: want one of %v", name, Names())
	}
	return kinds[i].make(o), nil
}

// orElse returns value, or another if it is zero.
func orElse[T comparable](value, other T) T {
	var zero T
	if value == zero {
		return other
	}
	return value
}
