package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// fact is a line about the machine or the run.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// machine says where the figures come from, and fails if something is missing.
func machine(ctx context.Context) ([]fact, error) {
	if runtime.NumCPU() < 2 {
		return nil, errors.New("want two cores: one for the server, one for the client")
	}
	for _, program := range []string{"taskset", "wrk", "nginx", "varnishd"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is missing; `make bench-peers` installs it for root, else install nginx, varnish and wrk", program)
		}
	}
	load, _, _ := strings.Cut(line("/proc/loadavg"), " ")
	return []fact{
		{"Date", time.Now().UTC().Format("2006-01-02 15:04 UTC")},
		{"Commit", says(ctx, "git", "describe", "--always", "--dirty")},
		{"CPU", fmt.Sprintf("%s, %d cores", cpuModel(), runtime.NumCPU())},
		{"Kernel", line("/proc/sys/kernel/osrelease")},
		{"Load before", load + " (above 0.5 somebody else was busy: expect noise)"},
		{"Go", runtime.Version()},
		{"nginx", says(ctx, "nginx", "-v")},
		{"Varnish", says(ctx, "varnishd", "-V")},
		{"wrk", says(ctx, "wrk", "-v")},
	}, nil
}

// says returns the first line that a program prints, whatever its exit status.
func says(ctx context.Context, argv ...string) string {
	out, _ := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput() // wrk -v exits 1
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}

func line(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

func cpuModel() string {
	for l := range strings.Lines(line("/proc/cpuinfo")) {
		if name, value, _ := strings.Cut(l, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
