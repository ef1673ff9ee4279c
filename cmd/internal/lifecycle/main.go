package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"rawlink/cmd/internal/settings"
)

// Main runs a program until it ends or is told to stop, and exits: 0 after a
// clean stop, 1 after a failure, which is said in a line per mistake. A second
// signal does not wait for anything.
func Main(program string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // from here on a signal ends the process
	}()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, settings.ErrHelp) {
		fmt.Fprintln(os.Stderr, settings.OneLine(program, err))
		os.Exit(1)
	}
}

// Logger returns the program's JSON logger.
func Logger(out io.Writer, level slog.Level, program string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})).With("program", program)
}
