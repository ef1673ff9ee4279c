package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// profileSpan is how long the edge is watched.
const profileSpan = 15 * time.Second

// profile writes where the edge spends its time under one case's
// load, and what it has allocated in all: for `go tool pprof`.
func (f *field) profile(ctx context.Context, o *options, dir string, progress io.Writer) error {
	under, _, err := chosen("-profile", o.profile)
	if err != nil {
		return err
	}
	if len(under) == 0 {
		return fmt.Errorf("-profile: %s is none of the warm cases", o.profile)
	}
	fmt.Fprintf(progress, "profiling the edge for %v into %s\n", profileSpan, o.out)
	loaded := make(chan error, 1)
	go func() {
		_, err := load(ctx, f.servers[0], under[0], f.object(under[0]), o.connections, profileSpan+2*time.Second, dir)
		loaded <- err
	}()
	times := f.saveProfile(ctx, filepath.Join(o.out, "edge-cpu.pprof"), fmt.Sprintf("profile?seconds=%d", int(profileSpan.Seconds())))
	allocs := f.saveProfile(ctx, filepath.Join(o.out, "edge-allocs.pprof"), "allocs")
	return errors.Join(times, allocs, <-loaded)
}

func (f *field) saveProfile(ctx context.Context, file, which string) error {
	resp, err := get(ctx, f.ops+"/debug/pprof/"+which)
	if err != nil {
		return fmt.Errorf("profile edge: %w", err)
	}
	defer resp.Body.Close()
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("profile edge: %w", err)
	}
	_, err = io.Copy(out, resp.Body)
	return errors.Join(err, out.Close())
}
