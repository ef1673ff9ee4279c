package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"rawlink/bench/pace"
	"rawlink/bench/session"
	"rawlink/bench/workload"
)

// secret is a flag's value that must not be printed.
type secret string

// String hides the value from fmt.
func (secret) String() string { return "[secret]" }

// target is where a load goes, and who seeds.
type target struct {
	API     string        `name:"api" default:"http://127.0.0.1:8080" help:"Base URL of the origin's API."`
	Key     secret        `help:"API key of the tenant to seed with. Better in BENCH_KEY than on the command line."`
	Edge    []string      `default:"http://127.0.0.1:8081" help:"Base URL of each edge; clients spread over them."`
	Ops     []string      `help:"Base URL of ops listeners, whose metrics are read before and after."`
	Redis   string        `help:"redis://host:port, whose INFO is read before and after."`
	Timeout time.Duration `default:"10s" help:"For a connection, and for an answer to go on."`
}

// load is what is asked for.
type load struct {
	target
	Workload    string  `arg:"" enum:"${workloads}" help:"One of ${workloads}."`
	Connections int     `short:"c" default:"64" help:"Clients at once, one connection each. An edge takes 512 requests at once of one address, unless told otherwise."`
	Verify      float64 `default:"0.05" help:"Share of the answers whose bytes and headers are checked in full, 0 to 1. Lengths and ranges of all are."`
	Seed        uint64  `default:"1" help:"Of all random choices: the same seed asks for the same things."`
	Out         string  `short:"o" default:"bench-results" help:"Folder for the report."`
	Name        string  `help:"Name of the report's files; the workload's if empty."`

	Objects int           `help:"Files to seed, instead of the workload's own number."`
	Sizes   string        `help:"Sizes of them: 64KiB, 1KiB-1MiB or lognormal:64KiB,1.5 (median, sigma)."`
	Alpha   float64       `help:"zipf, mixed: how uneven, 1 if 0."`
	Links   int           `help:"capped: links to race for; revoke: links to revoke."`
	Cap     int64         `help:"capped: downloads of a link."`
	Every   time.Duration `help:"revoke: between two revocations."`
	Bound   time.Duration `default:"5s" help:"revoke: after which nothing may be served."`
}

// config is a session's, but for what the command adds.
func (l *load) config() (session.Config, error) {
	sizes, err := workload.ParseSizes(l.Sizes)
	return session.Config{
		Workload: l.Workload,
		Options: workload.Options{
			Objects: l.Objects, Sizes: sizes, Alpha: l.Alpha, Links: l.Links, Cap: l.Cap, Every: l.Every, Bound: l.Bound,
		},
		API: l.API, Key: string(l.Key), Edges: l.Edge, Ops: l.Ops, Redis: l.Redis,
		Arrivals: pace.Even, Burst: 1, Connections: l.Connections, Timeout: l.Timeout, Grace: 10 * time.Second, Duration: time.Second,
		Sample: l.Verify, Seed: l.Seed, Command: commandLine(os.Args, string(l.Key)),
	}, err
}

// commandLine is what was typed, without the key.
func commandLine(args []string, key string) string {
	words := append([]string{"bench"}, args[1:]...)
	for i, word := range words {
		if key != "" {
			word = strings.ReplaceAll(word, key, "[key]")
		}
		if strings.ContainsAny(word, " '\"$&;|<>()*?[]") && !strings.Contains(word, "'") {
			word = "'" + word + "'"
		}
		words[i] = word
	}
	return strings.Join(words, " ")
}

// place is the name of a report's files.
func (l *load) place(other string) string {
	if l.Name != "" {
		return l.Name
	}
	return fmt.Sprint(l.Workload, other)
}
