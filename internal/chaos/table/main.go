// Command table adds up the results of the fault suite and prints them as the
// table of docs/guarantees.md; with -into FILE it puts the table there, between
// the lines that mark its place.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"rawlink/internal/chaos"
)

func main() {
	into := flag.String("into", "", "document to put the table into")
	flag.Parse()
	if err := run(*into, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(into string, files []string) error {
	var sum summary
	for _, name := range files {
		if err := sum.read(name); err != nil {
			return err
		}
	}
	if into == "" {
		fmt.Print(sum.table())
		return nil
	}
	return put(into, sum.table())
}

// summary is what all runs came to, in the order of the first one.
type summary struct {
	seeds []uint64
	lines []*line
}

// line is one scenario over all runs.
type line struct {
	fault, scenario string
	runs, failed    int
	visits, bodies  int64
	over, unsure    int64
	missing, of     int64
	revocations     int
	stale, p99      float64 // milliseconds
}

func (s *summary) read(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r chaos.Result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.add(r)
	}
	return lines.Err()
}

func (s *summary) add(r chaos.Result) {
	if !slices.Contains(s.seeds, r.Seed) {
		s.seeds = append(s.seeds, r.Seed)
	}
	i := slices.IndexFunc(s.lines, func(l *line) bool { return l.fault == r.Fault && l.scenario == r.Scenario })
	if i < 0 {
		i = len(s.lines)
		s.lines = append(s.lines, &line{fault: r.Fault, scenario: r.Scenario})
	}
	l := s.lines[i]
	l.runs++
	if r.Failed {
		l.failed++
	}
	l.visits += r.Visits
	l.bodies += r.Bodies
	l.over = max(l.over, r.Over)
	l.unsure = max(l.unsure, r.Unsure)
	if r.Missing > l.missing {
		l.missing, l.of = r.Missing, r.MissingOf
	}
	l.revocations += r.Revocations
	l.stale, l.p99 = max(l.stale, r.StaleWorst), max(l.p99, r.StaleP99)
}

func (s *summary) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d runs, seeds %s.\n\n", len(s.seeds), span(s.seeds))
	b.WriteString("| Fault | Scenario | Runs (failed) | Requests | Bodies | Most over a cap | Most lacking | Most unsure | Revocations | Worst staleness | p99 |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	slices.SortStableFunc(s.lines, func(x, y *line) int { return strings.Compare(x.fault, y.fault) })
	for _, l := range s.lines {
		lacking := fmt.Sprint(l.missing)
		if l.missing > 0 {
			lacking = fmt.Sprintf("%d of %d", l.missing, l.of)
		}
		stale, p99 := "–", "–"
		if l.revocations > 0 {
			stale, p99 = fmt.Sprintf("%.0f ms", l.stale), fmt.Sprintf("%.0f ms", l.p99)
		}
		fmt.Fprintf(&b, "| %s | %s | %d (%d) | %d | %d | %d | %s | %d | %d | %s | %s |\n",
			l.fault, l.scenario, l.runs, l.failed, l.visits, l.bodies, l.over, lacking, l.unsure, l.revocations, stale, p99)
	}
	return b.String()
}

// span names seeds in their order: all of a few, the first and last of many.
func span(seeds []uint64) string {
	slices.Sort(seeds)
	if len(seeds) > 8 {
		return fmt.Sprintf("%d to %d", seeds[0], seeds[len(seeds)-1])
	}
	return strings.Trim(fmt.Sprint(seeds), "[]")
}

// The lines between which a document has the table.
const (
	begin = "<!-- table: make chaos -->\n"
	end   = "<!-- end of table -->\n"
)

func put(name, table string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, found1 := strings.Cut(string(text), begin)
	_, after, found2 := strings.Cut(rest, end)
	if !found1 || !found2 {
		return fmt.Errorf("%s: no place for the table: want the lines %q and %q", name, begin, end)
	}
	return os.WriteFile(name, []byte(before+begin+"\n"+table+"\n"+end+after), 0o644)
}
