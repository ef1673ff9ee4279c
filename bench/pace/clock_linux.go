package pace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// longest bounds one sleep, so that the end of a context is soon seen.
const longest = 50 * time.Millisecond

// fdTimer waits for a timerfd through the runtime's poller: it wakes as exactly
// as the kernel's timers, and no thread is held meanwhile.
type fdTimer struct {
	file *os.File
	fd   int
}

func newTimer() (timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	return &fdTimer{file: os.NewFile(uintptr(fd), "timer"), fd: fd}, nil
}

func (t *fdTimer) sleep(ctx context.Context, d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(min(d, longest)))}
	if err := unix.TimerfdSettime(t.fd, 0, &spec, nil); err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	var fired [8]byte
	if _, err := t.file.Read(fired[:]); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("wait for the timer: %w", err)
	}
	return ctx.Err()
}

func (t *fdTimer) close() error { return t.file.Close() }
