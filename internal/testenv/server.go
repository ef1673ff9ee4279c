package testenv

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tries is how many ports a server is offered before its start has failed.
const tries = 5

// How long, and how often, a server is started again where it was.
const (
	againWithin = 20 * time.Second
	againEvery  = 50 * time.Millisecond
)

// boot starts a server on a free port that it returns, taking another port when
// the server can't have the first. build describes the server for a port.
func boot(build func(port int) command) (*process, int, error) {
	var failed error
	for range tries {
		port, claim, err := freePort()
		if err != nil {
			return nil, 0, err
		}
		p, err := launch(build(port))
		_ = claim.Close()
		if err == nil {
			return p, port, nil
		}
		if failed = err; !worthAnotherTry(err) {
			break
		}
	}
	return nil, 0, failed
}

// tempDir makes a server's folder and has it removed at the end. Unlike
// testing.TB's it is short, for the path of a unix socket has 107 bytes, and
// open to the user that a server runs as.
func tempDir(name string, atEnd func(func())) (string, error) {
	dir, err := os.MkdirTemp("", "rawlink-"+name+"-")
	if err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", name, err)
	}
	atEnd(func() { _ = os.RemoveAll(dir) })
	return dir, os.Chmod(dir, 0o755)
}

// Server is a server process of one test, which may stop, kill, freeze and
// restart it. Address and folder stay the same. Methods return when the change
// has happened and may be called from any goroutine while the test runs; a
// server that can't start again marks the test as failed.
type Server struct {
	tb testing.TB

	mu   sync.Mutex
	proc *process // nil while stopped
	last command  // what Start starts
}

// open starts a server that ends with the test.
func open(tb testing.TB, build func(port int) command) (*Server, int) {
	tb.Helper()
	p, port, err := boot(build)
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{tb: tb, proc: p, last: p.command}
	tb.Cleanup(s.Stop)
	return s, port
}

// Start starts the server again where it was; does nothing while it runs. A
// killed PostgreSQL keeps the next one out until the last of its processes has
// noticed, which takes seconds on a busy machine.
func (s *Server) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for end := time.Now().Add(againWithin); s.proc == nil; time.Sleep(againEvery) {
		p, err := launch(s.last)
		if err == nil {
			s.proc = p
			return
		}
		if time.Now().After(end) || !worthAnotherTry(err) {
			s.tb.Error(err)
			return
		}
	}
}

// Stop ends the server in order: SIGTERM, then SIGKILL after a grace.
func (s *Server) Stop() { s.finish((*process).stop) }

// Kill ends the server with SIGKILL: what it had not written is lost.
func (s *Server) Kill() { s.finish((*process).kill) }

func (s *Server) finish(end func(*process)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return
	}
	if s.proc.ended() {
		s.tb.Errorf("%s died unasked: %v\n%s", s.proc.name, s.proc.cmd.ProcessState, s.proc.logTail())
	}
	end(s.proc)
	s.proc = nil
}

// Pause freezes the server: connections stay open, and nothing answers.
func (s *Server) Pause() { s.send(syscall.SIGSTOP) }

// Resume lets a frozen server go on.
func (s *Server) Resume() { s.send(syscall.SIGCONT) }

func (s *Server) send(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.signal(sig)
	}
}
