package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// The cores, by number.
const (
	serverCore = "0"
	clientCore = "1"
	anyCore    = "0,1" // for what is idle while others are measured
)

const (
	readyWithin = 30 * time.Second
	stopGrace   = 10 * time.Second
)

// process is a server that this program started.
type process struct {
	name string
	log  string // file
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start runs a server on a core. Its output goes to a file in dir. The caller
// ends it with stop; if this program is killed, the server is too.
func start(dir, name, core string, env []string, argv ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer out.Close() // the server has its own descriptor by then
	p.cmd = exec.Command("taskset", append([]string{"-c", core}, argv...)...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), env...)
	// A group of its own, so that Ctrl-C reaches it through stop alone.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // its log says why
		close(p.done)
	}()
	return p, nil
}

// ready returns when the URL answers with 200.
func (p *process) ready(ctx context.Context, url string) error {
	return p.await(ctx, func(ctx context.Context) error { return ask(ctx, url) })
}

// listens returns when the address accepts connections: for a server that must
// not be asked for anything yet.
func (p *process) listens(ctx context.Context, addr string) error {
	return p.await(ctx, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

func (p *process) await(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at once:\n%s", p.name, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name, err, p.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, url string) error {
	resp, err := get(ctx, url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// stop ends the server and its children, politely first.
func (p *process) stop() {
	family := descendants(p.cmd.Process.Pid)
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
	select {
	case <-p.done:
	case <-time.After(stopGrace):
	}
	select {
	case <-p.done:
	default:
		for _, pid := range family {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-p.done
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // children that it left behind; mostly there are none
}

func (p *process) tail() string {
	text, _ := os.ReadFile(p.log) // what can't be read has nothing to say
	return string(text[max(0, len(text)-2000):])
}

// freeAddr returns a loopback address that nobody listens on now, from below
// the range that Linux takes outgoing ports from.
func freeAddr() (string, error) {
	var failed error
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10240+rand.IntN(22000))
		ln, err := net.Listen("tcp", addr)
		if err == nil {
			return addr, ln.Close()
		}
		failed = err
	}
	return "", fmt.Errorf("find a free port: %w", failed)
}
