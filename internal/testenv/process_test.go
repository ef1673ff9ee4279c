package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell describes a server made of a line of shell. It is ready once the folder
// has a file named "up".
func shell(dir, line string) command {
	return command{
		name: "shell", path: "/bin/sh", args: []string{"-c", line}, dir: dir, quit: syscall.SIGTERM,
		ready: func(context.Context, int) error {
			_, err := os.Stat(filepath.Join(dir, "up"))
			return err
		},
	}
}

func mustLaunch(tb testing.TB, c command) *process {
	tb.Helper()
	p, err := launch(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.kill)
	return p
}

func TestLaunchFailureShowsTheLog(t *testing.T) {
	_, err := launch(shell(mustTempDir(t), "echo the reason is here; exit 3"))
	if !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "exit status 3") ||
		!strings.Contains(err.Error(), "the reason is here") {
		t.Fatalf("launch of a server that ends at once = %v; want its end and its log", err)
	}
}

func TestStopInsists(t *testing.T) {
	for _, test := range []struct{ name, line, end string }{
		{"polite", `trap 'exit 0' TERM; : > up; while :; do sleep 0.01; done`, "exit status 0"},
		{"stubborn", `trap '' TERM; : > up; while :; do sleep 0.01; done`, "signal: killed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := mustLaunch(t, shell(mustTempDir(t), test.line))
			p.stop()
			if got := p.cmd.ProcessState.String(); got != test.end {
				t.Fatalf("end = %q; want %q", got, test.end)
			}
		})
	}
}

// A test may start a server from a goroutine whose thread ends with it; the
// parent-death signal of that thread must not reach the server.
func TestServerOutlivesTheThreadThatAsked(t *testing.T) {
	var p *process
	var launchErr error
	server := shell(mustTempDir(t), `: > up; exec sleep 600`)
	tid := onDyingThread(t, func() { p, launchErr = launch(server) })
	if launchErr != nil {
		t.Fatal(launchErr)
	}
	t.Cleanup(p.kill)
	eventually(t, "the asking thread ends", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		return errors.Is(err, os.ErrNotExist)
	})
	select {
	case <-p.done:
		t.Fatalf("the server died with the thread that asked for it: %v", p.cmd.ProcessState)
	case <-time.After(200 * time.Millisecond): // a signal would be there by now
	}
}

// onDyingThread runs do on a thread that ends afterwards, and returns its id. The
// process's first thread never ends, so a goroutine that lands there keeps it
// busy for as long as the next one runs.
func onDyingThread(tb testing.TB, do func()) (tid int) {
	tb.Helper()
	release := make(chan struct{})
	defer close(release)
	for ran := make(chan bool); ; {
		go func() {
			runtime.LockOSThread() // and never unlocked: that ends the thread
			if tid = syscall.Gettid(); tid == os.Getpid() {
				defer runtime.UnlockOSThread()
				ran <- false
				<-release
				return
			}
			do()
			ran <- true
		}()
		if <-ran {
			return tid
		}
	}
}

// The port of the first offer answers as Redis would: it is another one's.
func TestBootTakesAnotherPort(t *testing.T) {
	other := Redis(t)
	taken, err := net.ResolveTCPAddr("tcp", other.Addr)
	if err != nil {
		t.Fatal(err)
	}
	offers := 0
	p, port, err := boot(func(port int) command {
		if offers++; offers == 1 {
			port = taken.Port
		}
		c := other.last
		c.dir = mustTempDir(t)
		c.args = []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", ""}
		c.ready = func(ctx context.Context, pid int) error { return redisReady(ctx, loopback(port), pid) }
		return c
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	if offers != 2 || port == taken.Port {
		t.Fatalf("boot used %d offers, port %d; want the second offer", offers, port)
	}
}

// orphanEnv has this test binary play a test process that is about to be killed.
const orphanEnv = "RAWLINK_TESTENV_ORPHANS"

// leaveOrphans starts a server as the test's user and one as PostgreSQL's, writes
// their process ids, and waits to be killed.
func leaveOrphans() {
	owner, err := postgresOwner()
	if err != nil {
		panic(err)
	}
	for _, owner := range []*syscall.Credential{nil, owner} {
		c := shell(os.Getenv(orphanEnv), `: > up; exec sleep 600`)
		c.owner = owner
		p, err := launch(c)
		if err != nil {
			panic(err)
		}
		fmt.Println(p.cmd.Process.Pid)
	}
	<-make(chan struct{})
}

func TestServersDieWithTheTestProcess(t *testing.T) {
	dir := mustTempDir(t)
	if err := os.Chmod(dir, 0o777); err != nil { // both users write "up" there
		t.Fatal(err)
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), orphanEnv+"="+dir)
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	lines, servers := bufio.NewScanner(out), []string{}
	for len(servers) < 2 && lines.Scan() {
		servers = append(servers, lines.Text())
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	if len(servers) != 2 {
		t.Fatalf("the test process started %d servers; want 2", len(servers))
	}
	for _, pid := range servers {
		eventually(t, "server "+pid+" dies", func() bool { return dead(pid) })
	}
}

// dead reports whether a process is gone, or waits only for someone to read its end.
func dead(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func eventually(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !happened() {
		if time.Now().After(deadline) {
			tb.Fatalf("timed out: %s", what)
		}
		time.Sleep(askEvery)
	}
}
