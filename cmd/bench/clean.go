package main

import (
	"context"
	"errors"
	"fmt"

	"rawlink/bench/seed"
	"rawlink/bench/wire"
)

// cleanCommand removes leftovers.
type cleanCommand struct {
	API string `name:"api" default:"http://127.0.0.1:8080" help:"Base URL of the origin's API."`
	Key secret `help:"API key of the tenant that was seeded with; better in BENCH_KEY."`
}

// Run implements the command.
func (c *cleanCommand) Run(ctx context.Context, std *streams) error {
	if c.Key == "" {
		return errors.New("key: want the API key that runs seeded with, by --key or BENCH_KEY")
	}
	api, err := wire.ParseTarget(c.API)
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	client := seed.NewClient(api.Base, string(c.Key), newLive(std.err).Note)
	defer client.Close()
	spaces, files, err := client.Sweep(ctx)
	fmt.Fprintf(std.out, "removed %d files in %d spaces\n", files, spaces)
	return err
}
