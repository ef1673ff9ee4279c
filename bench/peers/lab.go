package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"rawlink/internal/share"
)

// lab is a store, and what is measured in front of it: each server begins with
// nothing, and is ended when it was measured.
type lab struct {
	dir, self string
	quick     bool
	store     *server
	object    *object
	keys      string   // keyring of the edges
	homes     []string // of servers measured before
}

// home returns a folder for the next server to be measured. What its
// predecessors left on the disk goes first, and is waited for: else the disk
// writes theirs while it is the next one's turn.
func (l *lab) home(name string) (string, error) {
	for _, old := range l.homes {
		if err := os.RemoveAll(old); err != nil {
			return "", err
		}
	}
	syscall.Sync()
	home, err := os.MkdirTemp(l.dir, name+"-")
	l.homes = []string{home}
	return home, err
}

const (
	nameStore    = "store"
	storeLatency = "10ms" // of each GET
	storeTag     = "00000000000000000000000000000001"
	storedAt     = 1_700_000_000 // Unix seconds
)

// note is one measurement of a trial.
type note struct {
	Case    string             `json:"case"`
	Server  string             `json:"server"`
	Round   int                `json:"round"`
	Figures map[string]float64 `json:"figures"`
}

// trial is a case that needs servers of its own.
type trial struct {
	name, about string
	columns     []string
	run         func(ctx context.Context, l *lab, note func(server string, figures map[string]float64)) error
	goals       func(figure func(server, name string) float64) []goal
}

// table is what a trial has found, for people.
type table struct {
	Name, Note string
	Columns    []string
	Rows       []struct {
		Server string
		Cells  []string
	}
}

// newLab makes the object and starts the store. The caller ends it.
func newLab(ctx context.Context, o *options, dir string) (*lab, error) {
	l := &lab{dir: dir, quick: o.quick, keys: "1:" + share.NewKey()}
	ring, err := share.ParseKeyring(l.keys)
	if err != nil {
		return nil, err
	}
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.object, err = makeObject(dir, "stored", 1<<30); err != nil {
		return nil, err
	}
	l.object.Target = "/s/" + string(ring.Seal([16]byte{1}))
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	l.store, err = startServer(ctx, dir, nameStore, clientCore, addr, countTarget, nil,
		l.self, storeCommand, l.object.File, addr, storeLatency, storeTag)
	return l, err
}

// asked returns what the store was asked for so far.
func (l *lab) asked(ctx context.Context) (r reads, err error) {
	resp, err := get(ctx, l.store.base+countTarget)
	if err != nil {
		return r, fmt.Errorf("ask store: %w", err)
	}
	defer resp.Body.Close()
	return r, json.NewDecoder(resp.Body).Decode(&r)
}

// runTrials runs the trials, each as often as there are rounds.
func runTrials(ctx context.Context, o *options, trials []trial, dir string, progress io.Writer) (notes []*note, err error) {
	fmt.Fprintln(progress, "starting the store")
	l, err := newLab(ctx, o, dir)
	if err != nil {
		return nil, err
	}
	defer l.store.proc.stop()
	for _, t := range trials {
		for round := 1; round <= o.rounds; round++ {
			err := t.run(ctx, l, func(server string, figures map[string]float64) {
				notes = append(notes, &note{t.name, server, round, figures})
				fmt.Fprintf(progress, "%-7s round %d  %-18s %v\n", t.name, round, server, figures)
			})
			if err != nil {
				return notes, fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return notes, nil
}

// median returns a figure's median of all rounds.
func median(notes []*note, trial, server, name string) float64 {
	var values []float64
	for _, n := range notes {
		if value, ok := n.Figures[name]; ok && n.Case == trial && n.Server == server {
			values = append(values, value)
		}
	}
	return spreadOf(values).Median
}

// tableOfTrial returns a trial's rows, servers in the order of their first note.
func tableOfTrial(t trial, notes []*note) table {
	out := table{Name: t.name, Note: t.about, Columns: t.columns}
	var seen []string
	for _, n := range notes {
		if n.Case != t.name || strings.Contains(strings.Join(seen, "\n")+"\n", n.Server+"\n") {
			continue
		}
		seen = append(seen, n.Server)
		row := struct {
			Server string
			Cells  []string
		}{Server: n.Server}
		for _, c := range t.columns {
			row.Cells = append(row.Cells, fmt.Sprintf("%.4g", median(notes, t.name, n.Server, c)))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}
