package testsystem

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	return start(tb, name, nil, settings, readyURL)
}

// RunForeign is Run for a program of another version, which Binary's folder has under
// this name.
func RunForeign(tb testing.TB, name string, settings []string, readyURL string) *Program {
	tb.Helper()
	p := &Program{tb: tb, foreign: true, name: name, settings: settings, readyURL: readyURL, stdout: &record{}, stderr: &record{}}
	tb.Cleanup(p.finish)
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

// RunWithin is Run for a program on another host: within calls a function there.
func RunWithin(tb testing.TB, within func(func() error) error, name string, settings []string, readyURL string) *Program {
	tb.Helper()
	p := &Program{tb: tb, within: within, name: name, settings: settings, readyURL: readyURL, stdout: &record{}, stderr: &record{}}
	tb.Cleanup(p.finish)
	p.Start()
	return p
}

// start runs a program and waits until it is ready.
func start(tb testing.TB, name string, args, settings []string, readyURL string) *Program {
	tb.Helper()
	p := &Program{tb: tb, name: name, args: args, settings: settings, readyURL: readyURL, stdout: &record{}, stderr: &record{}}
	tb.Cleanup(p.finish)
	p.Start()
	return p
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
	if p.within == nil {
		p.within = func(start func() error) error { return start() }
	}
	if err := p.within(p.cmd.Start); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
	p.pid = p.cmd.Process.Pid
	p.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(p.cmd, p.ended)
	ready(p.tb, p.readyURL, func() error {
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("%s ended: %w\n%s", p.name, err, p.stderr)
		default:
			return nil
		}
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
		select {
		case err := <-p.ended:
			p.ended <- err
			p.tb.Fatalf("%s ended instead of handing over: %v\n%s", p.name, err, p.stderr)
		default:
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

// Wait waits for the process's end and returns how it ended.
func (p *Program) Wait(limit time.Duration) error {
	p.tb.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-time.After(limit):
		p.tb.Fatalf("%s did not end within %v", p.name, limit)
		return nil
	}
}

// Stop asks the program to end and checks that it does so cleanly.
func (p *Program) Stop() {
	p.tb.Helper()
	p.Signal(syscall.SIGTERM)
	if err := p.Wait(30 * time.Second); err != nil {
		p.tb.Errorf("%s: %v; want exit 0 after SIGTERM\n%s", p.name, err, p.stderr)
	}
}

// Kill ends the process at once.
func (p *Program) Kill() {
	p.tb.Helper()
	p.Signal(os.Kill)
	_ = p.Wait(10 * time.Second)
}

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

// secrets are what no log may hold: keys, tokens, signatures of URLs.
var secrets = regexp.MustCompile(`fck_(live|test)_[0-9a-f]{8}|/s/[A-Za-z0-9_-]{20}|[?&]signature=|[?&]grant=|\$argon2id\$|X-Amz-Signature=`)

// finish ends the process and looks over what it left.
func (p *Program) finish() {
	if p.cmd == nil || p.cmd.Process == nil {
		return // it was never started, and the test has failed for that
	}
	select {
	case err := <-p.ended:
		p.ended <- err
	default:
		_ = syscall.Kill(p.pid, syscall.SIGTERM)
	}
	select {
	case err := <-p.ended:
		p.ended <- err
	case <-time.After(20 * time.Second):
		p.tb.Errorf("%s did not end; killing it", p.name)
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
		_ = p.cmd.Process.Kill()
	}
	log := p.Stderr()
	if i := strings.Index(log, "WARNING: DATA RACE"); i >= 0 {
		p.tb.Errorf("%s: %s", p.name, log[i:min(len(log), i+4000)])
	}
	if i := strings.Index(log, `"msg":"panic"`); i >= 0 {
		p.tb.Errorf("%s panicked: %s", p.name, log[i:min(len(log), i+4000)])
	}
	if found := secrets.FindString(log); found != "" {
		p.tb.Errorf("%s logged a secret: %.12s…", p.name, found)
	}
	if p.tb.Failed() {
		p.tb.Logf("the end of %s's log:\n%s", p.name, log[max(0, len(log)-4000):])
	}
}

// built are the programs, built once per test process.
var built struct {
	once sync.Once
	kept bool   // the folder is the caller's
	fast bool   // Fast was called
	race bool   // with the detector
	dir  string // "" until it is made
	err  error
}

// BuildInto has the programs built into a folder that is kept, so that the next
// test process links only what changed; without the race detector where a test
// is about how soon something happens. TestMain calls it, before any test.
func BuildInto(dir string, race bool) { built.kept, built.race, built.dir = true, race, dir }

// Fast has the programs built without the race detector, for what is measured.
// TestMain calls it, before any test.
func Fast() { built.fast = true }

// Binary returns the path of a program, built with the race detector unless
// BuildInto or Fast said otherwise.
func Binary(tb testing.TB, name string) string {
	tb.Helper()
	built.once.Do(func() {
		if built.kept {
			built.err = os.MkdirAll(built.dir, 0o755)
		} else {
			built.race = !built.fast
			built.dir, built.err = os.MkdirTemp("", "rawlink-bin-")
		}
		if built.err != nil {
			return
		}
		build := exec.Command("go", "build", fmt.Sprintf("-race=%t", built.race), "-o", built.dir, "./cmd/...")
		build.Dir = repository(tb)
		if out, err := build.CombinedOutput(); err != nil {
			built.err = errors.Join(err, errors.New(string(out)))
		}
	})
	if built.err != nil {
		tb.Fatalf("build the programs: %v", built.err)
	}
	return filepath.Join(built.dir, name)
}

// Clean removes what Binary built, unless it is kept; TestMain calls it last.
func Clean() {
	if !built.kept {
		_ = os.RemoveAll(built.dir)
	}
}

// command prepares a program with these settings and no others.
func command(tb testing.TB, name string, settings []string, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.Command(Binary(tb, name), args...)
	cmd.Dir = tb.TempDir()
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "RAWLINK_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	for _, pair := range settings {
		cmd.Env = append(cmd.Env, "RAWLINK_"+pair)
	}
	return cmd
}

// output runs a program to its end and returns what it printed.
func output(tb testing.TB, name string, args ...string) []byte {
	tb.Helper()
	out, err := command(tb, name, nil, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.Join(err, errors.New(string(exit.Stderr)))
		}
		tb.Fatalf("%s: %v", name, err)
	}
	return out
}

// Output runs a program with these settings to its end, which must be a success, and
// returns what it printed.
func Output(tb testing.TB, name string, settings []string, args ...string) string {
	tb.Helper()
	out, err := command(tb, name, settings, args...).Output()
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

// Fails runs a program that must end by itself with a failure, and returns what
// it printed to stderr.
func Fails(tb testing.TB, name string, settings []string, args ...string) string {
	tb.Helper()
	cmd := command(tb, name, settings, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", name, err)
	}
	stop := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		tb.Errorf("%s ended with %v; want exit status 1", name, err)
	}
	return stderr.String()
}
