package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// scenario is one kind of load.
type scenario struct {
	name        string
	object      string
	connections int                // 0 = as the command line says
	conditional bool               // If-None-Match: answered 304
	bulk        bool               // counted in bytes: few transfers end within a measurement
	servers     []string           // nil = all
	goals       map[string]float64 // least ratio wanted of the rates, by peer
	cpuGoals    map[string]float64 // greatest ratio wanted of processor seconds per byte, by peer
}

var cases = []scenario{
	{name: "1KiB", object: "1KiB", goals: map[string]float64{nameProxy: 1.7, nameVarnish: 1.9, nameBare: 0.95}},
	{name: "16KiB", object: "16KiB", goals: map[string]float64{nameProxy: 1.1, nameVarnish: 1.2, nameBare: 0.95}},
	{name: "1MiB", object: "1MiB", goals: map[string]float64{nameProxy: 1.9, nameVarnish: 1.05, nameBare: 0.95}},
	{
		name: large, object: large, connections: 4, bulk: true, servers: []string{nameEdge, nameProxy, nameStatic},
		goals: map[string]float64{nameStatic: 1}, cpuGoals: map[string]float64{nameStatic: 1.1},
	},
	{name: "304", object: "1KiB", conditional: true},
}

// sample is one measurement.
type sample struct {
	Case      string  `json:"case"`
	Server    string  `json:"server"`
	Round     int     `json:"round"`
	Requests  float64 `json:"requests"` // of a bulk case: bytes by the object's size
	Bytes     float64 `json:"bytes"`    // headers included
	Seconds   float64 `json:"seconds"`
	ServerCPU float64 `json:"server_cpu_seconds"`
	ClientCPU float64 `json:"client_cpu_seconds"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
}

// rate returns requests per second.
func (s *sample) rate() float64 { return s.Requests / s.Seconds }

// perCPU returns requests per second of the server's processor time.
func (s *sample) perCPU() float64 { return s.Requests / max(s.ServerCPU, 1.0/userHz) }

// perGiB returns the server's processor seconds per 2³⁰ bytes.
func (s *sample) perGiB() float64 { return s.ServerCPU / s.Bytes * (1 << 30) }

// tell makes wrk end with a line of JSON, in microseconds.
const tell = `done = function(all, latency)
	local e = all.errors
	io.write(string.format('\n{"requests":%d,"bytes":%d,"micros":%d,"p50":%d,"p99":%d,"errors":%d}\n',
		all.requests, all.bytes, all.duration, latency:percentile(50), latency:percentile(99),
		e.connect + e.read + e.write + e.status + e.timeout))
end
`

// told is that line.
type told struct{ Requests, Bytes, Micros, P50, P99, Errors float64 }

// load runs the load client against one server and measures both.
func load(ctx context.Context, s *server, c scenario, o *object, connections int, span time.Duration, dir string) (*sample, error) {
	script := filepath.Join(dir, "tell.lua")
	if err := os.WriteFile(script, []byte(tell), 0o600); err != nil {
		return nil, fmt.Errorf("load %s: %w", s.name, err)
	}
	if c.connections != 0 {
		connections = c.connections
	}
	args := []string{"-c", clientCore, "wrk", "-t1", fmt.Sprint("-c", connections), fmt.Sprintf("-d%ds", int(span.Seconds())),
		"--timeout", "60s", "-s", script}
	if c.conditional {
		args = append(args, "-H", "If-None-Match: "+s.etags[o.Name])
	}
	// taskset becomes wrk, so its processor time is the client's.
	wrk := exec.CommandContext(ctx, "taskset", append(args, s.base+o.Target)...)
	wrk.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	wrk.Stderr = os.Stderr
	before := s.proc.cpu()
	out, err := wrk.Output()
	used := s.proc.cpu() - before
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var t told
	if err == nil {
		err = json.Unmarshal(lastLine(out), &t)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("load %s: %w", s.name, err)
	case t.Errors > 0 || t.Bytes == 0:
		return nil, fmt.Errorf("%w: %s, %s: %.0f errors, %.0f bytes", errVoid, s.name, c.name, t.Errors, t.Bytes)
	}
	m := &sample{
		Case: c.name, Server: s.name, Requests: t.Requests, Bytes: t.Bytes, Seconds: t.Micros / 1e6, P50: t.P50 / 1e3, P99: t.P99 / 1e3,
		ServerCPU: used, ClientCPU: (wrk.ProcessState.UserTime() + wrk.ProcessState.SystemTime()).Seconds(),
	}
	if c.bulk {
		m.Requests = t.Bytes / float64(o.Size)
	}
	return m, nil
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}
