package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	rawlink     string
	results     string
	out         string
	cases       string
	edgeLog     string
	rounds      int
	connections int
	span        time.Duration // of one measurement
	quick       bool
	profile     string // case
	args        []string
}

// commands are the programs that this one becomes for its own use.
var commands = map[string]func(args []string) error{
	bareCommand: serveBare, storeCommand: serveStore, edgeCommand: serveColdEdge, readCommand: runReaders,
}

func main() {
	// Children are told to die with the thread that started them. This one is the
	// process's first, which ends with the process.
	runtime.LockOSThread()
	if len(os.Args) > 1 {
		if serve := commands[os.Args[1]]; serve != nil {
			exit(serve(os.Args[2:]))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	exit(err)
}

func exit(err error) {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "peers:", err)
	if errors.Is(err, errVoid) {
		os.Exit(2)
	}
	os.Exit(1)
}

// run measures once and writes the report.
func run(ctx context.Context, args []string, progress io.Writer) (err error) {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	cases, trials, err := chosen("-cases", o.cases)
	if err != nil {
		return err
	}
	if _, _, err := chosen("-profile", o.profile); err != nil {
		return err
	}
	facts, err := machine(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rawlink-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var found results
	if len(trials) > 0 {
		found.Notes, err = runTrials(ctx, o, trials, dir, progress)
	}
	if err == nil && len(cases) > 0 {
		found.Samples, err = runField(ctx, o, cases, dir, progress)
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if len(found.Samples)+len(found.Notes) == 0 {
		return err
	}
	if err != nil { // interrupted or void: keep the figures, not the table
		return errors.Join(err, writeJSON(o, facts, found))
	}
	return errors.Join(writeJSON(o, facts, found), writeReport(o, facts, cases, trials, found, progress))
}

// runField measures the cases of servers that are warm.
func runField(ctx context.Context, o *options, cases []scenario, dir string, progress io.Writer) ([]*sample, error) {
	field, err := setUp(ctx, o, dir, progress)
	if err != nil {
		return nil, err
	}
	defer field.close()
	samples, err := measure(ctx, o, field, cases, dir, progress)
	if err == nil {
		err = field.stillCached(ctx)
	}
	if err == nil && o.profile != "" {
		err = field.profile(ctx, o, dir, progress)
	}
	return samples, err
}

func parse(args []string, usage io.Writer) (*options, error) {
	o := &options{args: args}
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(usage)
	f.StringVar(&o.rawlink, "rawlink", "bin/rawlink", "`program` under test, built without the race detector")
	f.StringVar(&o.results, "results", "bench/RESULTS.md", "`file` for the tables; a quick run writes them into the folder of -out")
	f.StringVar(&o.out, "out", filepath.Join(os.TempDir(), "rawlink-bench-peers"), "`folder` for results.json and the profile")
	f.StringVar(&o.cases, "cases", "", "only these `cases`, comma separated")
	f.StringVar(&o.edgeLog, "edge-log", "warn", "the edge's log `level`; info writes a line per request, the others' logs are off")
	f.IntVar(&o.rounds, "rounds", 3, "rounds, at least 3")
	f.IntVar(&o.connections, "connections", 64, "keep-alive connections")
	seconds := f.Int("seconds", 4, "seconds per measurement")
	f.BoolVar(&o.quick, "quick", false, "one round of one second: shows that it works, not how fast")
	f.StringVar(&o.profile, "profile", "", "write profiles of the edge under this `case` into the folder of -out")
	if err := f.Parse(args); err != nil {
		return nil, flag.ErrHelp // said already
	}
	o.span = time.Duration(*seconds) * time.Second
	if o.quick {
		o.rounds, o.span = 1, time.Second
		o.results = filepath.Join(o.out, "RESULTS.md")
	}
	switch {
	case o.rounds < 3 && !o.quick:
		return nil, fmt.Errorf("-rounds %d: want at least 3, or -quick", o.rounds)
	case o.span < time.Second || o.connections < 1:
		return nil, errors.New("-seconds and -connections: want at least 1")
	}
	return o, os.MkdirAll(o.out, 0o755)
}
