package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	readyWithin = 60 * time.Second // generous: the machine may be compiling at the same time
	answerIn    = 2 * time.Second  // one question; a stranger on our port may never answer
	askEvery    = 10 * time.Millisecond
	stopGrace   = 5 * time.Second // from the polite signal to SIGKILL
)

// Failures that are worth another try: mostly somebody took the port in between.
var (
	errEnded  = errors.New("ended before it was ready")
	errNoPort = errors.New("serves, but somebody else has its port")
)

// worthAnotherTry reports whether a start may succeed on another port, or later.
func worthAnotherTry(err error) bool {
	return errors.Is(err, errEnded) || errors.Is(err, errNoPort)
}

// command says how a server is started, asked and ended.
type command struct {
	name  string              // as messages call it
	path  string              // the program
	args  []string            //
	env   []string            // beside the test's own environment
	dir   string              // the server's folder; its log is written there
	owner *syscall.Credential // whom it runs as; nil: as the test does
	quit  syscall.Signal      // asks for an orderly end
	place Place               // where it runs

	// ready returns nil once the server serves, and errNoPort if it never will.
	// A stranger may have taken the port, so it must recognise this very server:
	// by pid, folder or key.
	ready func(ctx context.Context, pid int) error
}

func (c command) logFile() string { return filepath.Join(c.dir, "server.log") }

// process is a running server.
type process struct {
	command
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone; cmd.ProcessState says how
}

// launch starts a server and returns when it is ready. The goroutine that it
// starts ends with the server.
func launch(c command) (*process, error) {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	defer log.Close() // the server has its own descriptor by then

	p := &process{command: c, cmd: exec.Command(c.path, c.args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = c.dir, log, log
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Pdeathsig: syscall.SIGKILL}

	started := make(chan error)
	go p.live(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	if err := p.awaitReady(); err != nil {
		p.kill()
		return nil, fmt.Errorf("start %s: %w\n%s", c.name, err, p.logTail())
	}
	return p, nil
}

// live starts the process and waits for its end. The parent-death signal is
// sent when the *thread* that forked ends, so this goroutine keeps its thread
// until the process is gone: started from a goroutine that is locked to its
// thread, the server would die with that goroutine instead.
func (p *process) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	within := p.place.Within
	if within == nil {
		within = func(start func() error) error { return start() }
	}
	err := within(p.cmd.Start)
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // ProcessState says more
		close(p.done)
	}
}

func (p *process) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		err := p.ask(ctx)
		if err == nil || errors.Is(err, errNoPort) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %v: %w", readyWithin, err)
		case <-p.done:
		case <-tick.C:
		}
		if p.ended() {
			return fmt.Errorf("%w: %v", errEnded, p.cmd.ProcessState)
		}
	}
}

func (p *process) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	return p.ready(ctx, p.cmd.Process.Pid)
}

// stop asks the process to end, insists after the grace, and returns when it is
// gone. A frozen process is woken, to hear the request.
func (p *process) stop() {
	p.signal(p.quit)
	p.signal(syscall.SIGCONT)
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-p.done:
	case <-grace.C:
		p.kill()
	}
}

// kill ends the process as a power cut would, and returns when it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal can only fail when the process is gone, which is what done is for.
func (p *process) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// logTail returns the last lines of the server's log, under a heading.
func (p *process) logTail() string {
	const tail = 4 << 10
	text, err := os.ReadFile(p.logFile())
	if err != nil {
		return "no log: " + err.Error()
	}
	return fmt.Sprintf("--- end of the log of %s ---\n%s", p.name, text[max(0, len(text)-tail):])
}
