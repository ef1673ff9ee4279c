// Command bench load-tests a Rawlink, checks its promises while doing so, and
// shows the result. It speaks to a deployment as partners and users do, and links
// nothing of the planes.
//
// Exit codes: 0 all is well; 1 it could not be measured, or was interrupted; 2 a
// promise was broken and the run is void; 3 a gate was missed (compare, capacity).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"rawlink/bench/judge"
	"rawlink/bench/workload"
)

// The exit codes.
const (
	exitFailed = 1
	exitVoid   = 2
	exitMissed = 3
)

// errMissed says that a gate was missed.
var errMissed = errors.New("missed")

// commands is the command line.
type commands struct {
	Run      runCommand      `cmd:"" help:"Run a workload: ${workloads}."`
	Capacity capacityCommand `cmd:"" help:"Find the greatest rate that meets a latency goal."`
	Compare  compareCommand  `cmd:"" help:"Compare two reports, with confidence intervals; exit code 3 if B is worse."`
	Model    modelCommand    `cmd:"" help:"Work out what a large deployment needs, from costs per request."`
	Clean    cleanCommand    `cmd:"" help:"Remove what runs left that were killed."`

	Config string `type:"existingfile" placeholder:"FILE" env:"BENCH_CONFIG" help:"YAML file with any of the flags."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // from here on a signal ends the process
	}()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// streams are where commands print: results, and what goes on.
type streams struct{ out, err io.Writer }

// run runs a command and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := execute(ctx, args, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errHelped):
		return 0
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(stderr, "bench: %s\n", strings.TrimSuffix(line, "\n"))
	}
	switch {
	case errors.Is(err, judge.ErrVoid):
		return exitVoid
	case errors.Is(err, errMissed):
		return exitMissed
	}
	return exitFailed
}

// errHelped says that help was asked for and given.
var errHelped = errors.New("help was shown")

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var cli commands
	file, err := readFile(args)
	if err != nil {
		return err
	}
	helped := false
	parser, err := kong.New(&cli,
		kong.Name("bench"), kong.Description("Load-tests a Rawlink and checks its promises. See docs/benchmarking.md."),
		kong.Vars{"workloads": strings.Join(workload.Names(), ", ")}, kong.DefaultEnvars("BENCH"), kong.Resolvers(file), kong.Writers(stdout, stdout),
		kong.Exit(func(int) { helped = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
	)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	chosen, err := parser.Parse(args)
	if helped {
		return errHelped
	}
	if err != nil {
		return err
	}
	if err := file.unknown(parser); err != nil {
		return err
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	return chosen.Run(&streams{out: stdout, err: stderr})
}
