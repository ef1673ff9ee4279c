// Command rawlink is the all-in-one: `up` runs origin and edge in one process
// with nothing else installed, `admin` looks after the tenants, keys and data of any
// set-up.
package main

import (
	"context"
	"io"

	"rawlink/cmd/internal/lifecycle"
	"rawlink/cmd/internal/settings"
)

func main() { lifecycle.Main("rawlink", run) }

// defaultOps is the ops listener's address.
const defaultOps = "127.0.0.1:8082"

// commands is the command line.
type commands struct {
	Up    upCommand    `cmd:"" help:"Run origin and edge in this process, with all they need in one directory."`
	Admin adminCommand `cmd:"" help:"Look after tenants, keys, webhooks and data, also of a running server."`
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var cli commands
	chosen, err := settings.Load(&cli, "rawlink", "Turns stored files into raw links.", defaultOps, args, stdout)
	if err != nil {
		return err
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	return chosen.Run(&streams{out: stdout, err: stderr})
}

// streams are where commands print: results, and logs.
type streams struct{ out, err io.Writer }
