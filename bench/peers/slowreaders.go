package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

func runSlowReaders(ctx context.Context, l *lab, note func(string, map[string]float64)) error {
	s, err := l.startColdEdge(ctx, true)
	if err != nil {
		return err
	}
	defer s.proc.stop()
	plan := randomSpans(slowReaders, 1, mib, l.object.Size, 2)
	for i := range plan {
		plan[i][0].Length = l.object.Size - plan[i][0].From
	}
	if _, err := l.read(ctx, s, job{Plan: [][]span{{{0, l.object.Size}}}}); err != nil { // all slices to disk
		return err
	}
	idle := s.proc.residentMiB()
	var peak float64
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			peak = max(peak, s.proc.residentMiB())
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	h, err := l.read(ctx, s, job{Plan: plan, SlowBytes: 16 << 10, Seconds: 10})
	close(done)
	<-watched
	if err != nil {
		return err
	}
	note(s.name, map[string]float64{idleMiB: idle, above: peak - idle, readersCut: float64(h.Cut)})
	return nil
}

// residentMiB returns the process's resident memory; see proc_pid_status(5).
func (p *process) residentMiB() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)) // taskset has become the program
	for line := range strings.Lines(string(text)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}
