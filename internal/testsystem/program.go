package testsystem

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program is one process of a system. Its methods are for one goroutine.
type Program struct {
	tb       testing.TB
	name     string
	foreign  bool                     // of another version: it is given no more than its settings
	within   func(func() error) error // calls its start, on another host; nil: here
	args     []string
	settings []string
	readyURL string

	cmd    *exec.Cmd
	pid    int        // of the process that serves: the started one, or a successor
	pids   string     // file that it is written to
	ended  chan error // gets the end of the process and of its successors, once per start
	stdout *record
	stderr *record
}

// record is a process's output, read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// Run starts a program that is part of no set-up of this package, and waits until
// readyURL answers 200.
func Run(tb testing.TB, name string, settings []string, readyURL string) *Program {
	tb.Helper()
	return begin(&Program{tb: tb, name: name, settings: settings, readyURL: readyURL})
}

// RunForeign is Run for a program of another version, which Binary's folder has under
// this name.
func RunForeign(tb testing.TB, name string, settings []string, readyURL string) *Program {
	tb.Helper()
	return begin(&Program{tb: tb, foreign: true, name: name, settings: settings, readyURL: readyURL})
}

// RunWithin is Run for a program on another host: within calls a function there.
func RunWithin(tb testing.TB, within func(func() error) error, name string, settings []string, readyURL string) *Program {
	tb.Helper()
	return begin(&Program{tb: tb, within: within, name: name, settings: settings, readyURL: readyURL})
}

// begin starts a program for the first time; it ends with the test.
func begin(p *Program) *Program {
	p.tb.Helper()
	p.stdout, p.stderr = &record{}, &record{}
	if p.within == nil {
		p.within = func(start func() error) error { return start() }
	}
	p.tb.Cleanup(p.finish)
	p.Start()
	return p
}

// Setting is what the program was given for one, such as DATABASE_URL.
func (p *Program) Setting(name string) (value string) {
	for _, pair := range p.settings {
		if text, found := strings.CutPrefix(pair, name+"="); found {
			value = text
		}
	}
	return value
}

// Start starts the program again, after Stop or Kill, and waits until it is
// ready.
func (p *Program) Start() {
	p.tb.Helper()
	settings := p.settings
	if !p.foreign {
		if p.pids == "" {
			p.pids = filepath.Join(p.tb.TempDir(), "pid")
		}
		settings = append([]string{"PID_FILE=" + p.pids}, settings...)
	}
	p.cmd = command(p.tb, p.name, settings, p.args...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr // pipes: the last of the successors closes them
	if err := p.within(p.cmd.Start); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
	p.pid = p.cmd.Process.Pid
	p.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(p.cmd, p.ended)
	ready(p.tb, p.readyURL, func() error {
		if over, err := p.over(); over {
			return fmt.Errorf("%s ended: %w\n%s", p.name, err, p.stderr)
		}
		return nil
	})
}

// Signal sends a signal without waiting.
func (p *Program) Signal(signal os.Signal) {
	p.tb.Helper()
	if err := syscall.Kill(p.pid, signal.(syscall.Signal)); err != nil {
		p.tb.Errorf("signal %s: %v", p.name, err)
	}
}

// HandOver has the program hand over to a successor, which is started from the
// program's file as it is now, and returns when the successor serves.
func (p *Program) HandOver() {
	p.tb.Helper()
	before := p.pid
	p.Signal(syscall.SIGUSR2)
	Until(p.tb, 90*time.Second, "a successor of "+p.name, func() error {
		if over, err := p.over(); over {
			p.tb.Fatalf("%s ended instead of handing over: %v\n%s", p.name, err, p.stderr)
		}
		text, err := os.ReadFile(p.pids)
		if err != nil {
			return err
		}
		now, err := strconv.Atoi(string(text))
		if err != nil || now == before {
			return fmt.Errorf("process %d still serves: %w", before, err)
		}
		p.pid = now
		return nil
	})
}

// PID is the id of the process that serves.
func (p *Program) PID() int { return p.pid }

// Stdout and Stderr are everything that the program printed, over all starts.
func (p *Program) Stdout() string { return p.stdout.String() }

// Stderr is the program's log.
func (p *Program) Stderr() string { return p.stderr.String() }

// ResidentBytes is how much memory the process holds.
func (p *Program) ResidentBytes(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.pid))
	var total, resident int64
	if err == nil {
		_, err = fmt.Sscan(string(text), &total, &resident)
	}
	if err != nil {
		tb.Fatalf("memory of %s: %v", p.name, err)
	}
	return resident * int64(os.Getpagesize())
}
