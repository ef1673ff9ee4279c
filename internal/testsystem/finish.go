package testsystem

import (
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// over reports whether the process and its successors have ended, and how.
func (p *Program) over() (ended bool, err error) {
	select {
	case err = <-p.ended:
		p.ended <- err
		return true, err
	default:
		return false, nil
	}
}

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

// secrets are what no log may hold: keys, tokens, signatures of URLs.
var secrets = regexp.MustCompile(`fck_(live|test)_[0-9a-f]{8}|/s/[A-Za-z0-9_-]{20}|[?&]signature=|[?&]grant=|\$argon2id\$|X-Amz-Signature=`)

// finish ends the process and looks over what it left.
func (p *Program) finish() {
	if p.cmd == nil || p.cmd.Process == nil {
		return // it was never started, and the test has failed for that
	}
	if over, _ := p.over(); !over {
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
