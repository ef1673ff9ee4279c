package lifecycle

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"

	"rawlink/cmd/internal/settings"
)

// Process is this program's run: its listeners, and how it ends. It ends when it
// is told to (SIGTERM), or by handing over to a successor (SIGUSR2): the program
// at its path is started anew, with the configuration as it is now and the same
// listening sockets. Only once the successor says that it can serve does this
// process stop accepting. A successor that fails before that costs nothing.
type Process struct {
	settings  *settings.Common
	log       *slog.Logger
	flip      *tableflip.Upgrader
	activated map[string]tableflip.Listener // listeners that systemd opened, by name
	parent    int                           // the predecessor's process id, if there is one
	alone     bool                          // predecessor and successor can't serve side by side
	asked     chan os.Signal                // to hand over
	handed    atomic.Bool                   // over, to a successor
	told      context.Context               // ends when the program is told to stop
}

// Begin takes over what a predecessor or systemd opened for this process. Call it
// once, before Listen; ctx ends when the program is told to stop.
func Begin(ctx context.Context, s *settings.Common, log *slog.Logger) (*Process, error) {
	p := &Process{settings: s, log: log, asked: make(chan os.Signal, 1), told: ctx}
	signal.Notify(p.asked, syscall.SIGUSR2) // which would end the process otherwise
	var err error
	if p.flip, err = tableflip.New(tableflip.Options{PIDFile: s.PIDFile, UpgradeTimeout: takeOverWithin + readyWithin}); err != nil {
		return nil, fmt.Errorf("take over from the running process: %w", err)
	}
	if p.flip.HasParent() {
		p.parent = os.Getppid()
	}
	if p.activated, err = activation(); err != nil {
		return nil, err
	}
	return p, nil
}

const (
	// readyWithin is how long a successor waits for the parts that it needs.
	readyWithin = 20 * time.Second
	// takeOverWithin is what it may need before that: to open its databases.
	takeOverWithin = 40 * time.Second
)

// Succeeds reports whether a predecessor may still be finishing requests.
func (p *Process) Succeeds() bool { return p.flip.HasParent() }

// AwaitPredecessor is for programs whose processes can't serve side by side. It has
// the predecessor finish and end, and returns when it has; new connections wait in
// the listeners meanwhile. There is no way back from here, so the caller has
// checked whatever can be checked.
func (p *Process) AwaitPredecessor(ctx context.Context) error {
	p.alone = true
	if !p.flip.HasParent() {
		return nil
	}
	if err := p.flip.Ready(); err != nil {
		return fmt.Errorf("take over from the running process: %w", err)
	}
	if err := p.flip.WaitForParent(ctx); err != nil {
		return fmt.Errorf("wait for the running process to finish: %w", err)
	}
	return nil
}

// Ready says that this process can serve: to the predecessor, which then stops
// accepting, to systemd, and in the pid file. A successor first waits for the parts
// that it needs, and fails without them: the predecessor, which has them, goes on.
//
// The context it returns ends when serving has to: at once after a hand-over,
// shutdown_delay after the program was told to stop, with ops saying so from the
// beginning.
func (p *Process) Ready(ctx context.Context, ops *Ops) (context.Context, error) {
	if p.flip.HasParent() && !p.alone {
		if err := ops.await(ctx, readyWithin); err != nil {
			return nil, fmt.Errorf("not taking over: %w", err)
		}
	}
	if !p.flip.HasParent() || !p.alone { // else it knows
		if err := p.flip.Ready(); err != nil {
			return nil, fmt.Errorf("take over from the running process: %w", err)
		}
	}
	p.notify("READY=1", fmt.Sprintf("MAINPID=%d", os.Getpid()))
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	go p.live(ctx, ops, end)
	return serving, nil
}

// live waits for the end, and hands over when asked to. It ends with the process.
func (p *Process) live(ctx context.Context, ops *Ops, end func()) {
	defer end()
	for {
		select {
		case <-p.asked:
			go p.handOver()
		case <-p.flip.Exit():
			p.handed.Store(true)
			ops.Stopping()
			go p.ignore()
			p.log.InfoContext(ctx, "handed over; finishing what is under way", "grace", p.grace().String())
			return
		case <-ctx.Done():
			ops.Stopping()
			p.notify("STOPPING=1")
			time.Sleep(p.settings.ShutdownDelay)
			p.flip.Stop() // closes its copies of the listeners
			return
		}
	}
}

// handOver starts a successor and waits until it serves or has failed. A
// predecessor of our own that still finishes bodies is told to be quick: only two
// processes may be there at a time.
func (p *Process) handOver() {
	if p.parent != 0 && p.parent == os.Getppid() {
		_ = syscall.Kill(p.parent, syscall.SIGTERM)
		patience, cancel := context.WithTimeout(p.told, p.settings.ShutdownGrace+p.settings.ShutdownDelay+time.Second)
		_ = p.flip.WaitForParent(patience) // else Upgrade says so
		cancel()
	}
	if err := p.upgrade(); err != nil && p.told.Err() == nil {
		p.log.Error("not handed over; this process goes on", "error", err)
	}
}

// upgrade starts the successor. The library hears of its parent's end by two channels:
// for a moment it may say both that it has ended and that it has not.
func (p *Process) upgrade() (err error) {
	for range 50 {
		if err = p.flip.Upgrade(); err == nil || err.Error() != "parent hasn't exited" {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// ignore takes further requests to hand over: there is nothing left to hand over.
func (p *Process) ignore() {
	for range p.asked {
		p.log.Warn("this process has handed over already")
	}
}
