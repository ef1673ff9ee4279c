package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
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

// readAll runs all readers at once, and waits for them.
func readAll(c *http.Client, j *job, want []byte) (*haul, error) {
	h := &haul{}
	var mu sync.Mutex // guards what follows
	var failed error
	var total, cut atomic.Int64
	var readers sync.WaitGroup
	began := time.Now()
	for i, plan := range j.Plan {
		readers.Go(func() {
			time.Sleep(j.Within * time.Duration(i) / time.Duration(len(j.Plan)))
			for _, s := range plan {
				first, n, err := readOne(c, j, s, want)
				total.Add(n)
				if errors.Is(err, errCut) {
					cut.Add(1)
					err = nil
				}
				mu.Lock()
				h.TTFB = append(h.TTFB, first.Seconds()*1e3)
				failed = cmp.Or(failed, err) // thousands may say the same
				mu.Unlock()
				if err != nil {
					return
				}
				time.Sleep(j.Pause)
			}
		})
	}
	readers.Wait()
	h.Bytes, h.Cut, h.Seconds = total.Load(), cut.Load(), time.Since(began).Seconds()
	return h, failed
}

var errCut = errors.New("body ended early")

// readOne reads one span, and compares it.
func readOne(c *http.Client, j *job, s span, want []byte) (first time.Duration, n int64, err error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, j.URL, nil)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.From, s.From+s.Length-1))
	began := time.Now()
	resp, err := c.Do(req)
	if err != nil {
		return 0, 0, errors.New("no answer") // the cause would quote the URL
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return 0, 0, fmt.Errorf("status %d", resp.StatusCode)
	}
	p := make([]byte, 128<<10)
	if j.SlowBytes != 0 {
		p = p[:4<<10]
	}
	for n < s.Length {
		k, err := resp.Body.Read(p)
		if n == 0 && k > 0 {
			first = time.Since(began)
		}
		if at := s.From + n; at+int64(k) > s.From+s.Length || !bytes.Equal(p[:k], want[at:at+int64(k)]) {
			return first, n, fmt.Errorf("wrong bytes at %d", at)
		}
		n += int64(k)
		switch {
		case err != nil && n < s.Length && (j.SlowBytes != 0):
			return first, n, errCut
		case err != nil && !errors.Is(err, io.EOF), err != nil && n < s.Length:
			return first, n, fmt.Errorf("body broke at %d of %d", n, s.Length)
		}
		if j.SlowBytes != 0 {
			time.Sleep(time.Until(began.Add(time.Duration(float64(n) / float64(j.SlowBytes) * float64(time.Second)))))
			if time.Since(began) > time.Duration(j.Seconds)*time.Second {
				break
			}
		}
	}
	return first, n, nil
}
