package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// readCommand makes this program a client: read JOB.
const readCommand = "read"

// job is what a client reads. Its bytes are compared with File's.
type job struct {
	URL, File string
	Plan      [][]span      // of each reader, one after the other
	Within    time.Duration // in which the readers begin, one after the other
	Pause     time.Duration // of a reader between two spans
	SlowBytes int64         // that a reader takes in a second; 0 = as it comes
	Seconds   int           // after which slow readers leave
}

// haul is what a client has seen. It fails at the first wrong byte.
type haul struct {
	TTFB    []float64 // milliseconds until the first byte of each body
	Bytes   int64
	Seconds float64
	Cut     int64 // slow readers whose body ended early
}

// read runs a client on the client's core.
func (l *lab) read(ctx context.Context, s *server, j job) (*haul, error) {
	j.URL, j.File = s.base+l.object.Target, l.object.File
	text, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w", s.name, err)
	}
	file := filepath.Join(l.dir, "job.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("read from %s: %w", s.name, err)
	}
	client := exec.CommandContext(ctx, "taskset", "-c", clientCore, l.self, readCommand, file)
	client.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	client.Stderr = os.Stderr
	out, err := client.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: read from %s: %w\n%s", errVoid, s.name, err, s.proc.tail())
	}
	h := &haul{}
	return h, json.Unmarshal(out, h)
}

// runReaders is that client.
func runReaders(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: peers read JOB")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var j job
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	file, err := os.Open(j.File)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	want, err := syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %s: %w", j.File, err)
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if j.SlowBytes != 0 {
		dialer.Control = smallBuffer
	}
	c := &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, MaxIdleConnsPerHost: len(j.Plan), DisableCompression: true, ReadBufferSize: 4 << 10,
	}}
	h, err := readAll(c, &j, want)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(h)
}

// smallBuffer makes the kernel take little on behalf of the reader.
func smallBuffer(_, _ string, c syscall.RawConn) (err error) {
	control := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10) })
	return errors.Join(control, err)
}
