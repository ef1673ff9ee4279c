package scan_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

// Content that clamd does not look at to its end must never come out clean.
func TestClamdLimits(t *testing.T) {
	server := testenv.Clamd(t)
	tests := []struct {
		name    string
		maxSize int64
		size    int
		want    string // in the error; "" = clean
	}{
		{"at our limit", 1 << 20, 1 << 20, ""},
		{"over our limit", 1 << 20, 1<<20 + 1, "limit of 1048576 bytes"},
		{"at MaxFileSize", testenv.ClamdFileMax, testenv.ClamdFileMax, ""},
		{"over MaxFileSize", 1 << 30, testenv.ClamdFileMax + 1<<20, "MaxFileSize"},
		{"over StreamMaxLength", 1 << 30, testenv.ClamdStreamMax + 1<<20, "StreamMaxLength"},
		{"far over StreamMaxLength", 1 << 30, 4 * testenv.ClamdStreamMax, "StreamMaxLength"},
	}
	for _, tt := range tests {
		for _, host := range []string{server.TCP, server.Unix} {
			content := bytes.NewReader(make([]byte, tt.size))
			got, err := mustClamd(t, tt.maxSize, host).Scan(t.Context(), content)
			if tt.want == "" && (err != nil || got.Status != share.Clean) {
				t.Errorf("%s, %s: %+v, %v; want clean", tt.name, host, got, err)
			}
			if tt.want != "" && (share.KindOf(err) != share.Invalid || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s, %s: %+v, %v; want Invalid, naming %s", tt.name, host, got, err, tt.want)
			}
		}
	}
}

func TestClamdPassesOverDeadHosts(t *testing.T) {
	server := testenv.Clamd(t)
	s := mustClamd(t, 1<<20, "/nowhere/clamd.sock", server.TCP, "127.0.0.1:1")
	for i := range 6 { // every host gets to be the first, twice
		if got, err := s.Scan(t.Context(), strings.NewReader("x")); err != nil || got.Status != share.Clean {
			t.Fatalf("scan %d: %+v, %v; want clean", i, got, err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Fatalf("ping %d: %v", i, err)
		}
	}

	server.Stop()
	if got, err := s.Scan(t.Context(), strings.NewReader("x")); share.KindOf(err) != share.Unavailable {
		t.Errorf("all down: %+v, %v; want Unavailable", got, err)
	}
	if err := s.Ping(t.Context()); share.KindOf(err) != share.Unavailable {
		t.Errorf("all down: ping %v; want Unavailable", err)
	}
	server.Start()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("up again: ping %v", err)
	}
}

// A daemon that breaks the protocol, at every point where it can, gives no verdict.
func TestClamdProtocolFaults(t *testing.T) {
	answer := func(reply string) func(net.Conn) {
		return func(c net.Conn) { readStream(c); _, _ = io.WriteString(c, reply) }
	}
	tests := []struct {
		name  string
		serve func(net.Conn)
	}{
		{"closes at once", func(net.Conn) {}},
		{"closes within the stream", func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 100<<10) }},
		{"says OK within the stream", func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 100<<10)
			_, _ = io.WriteString(c, "stream: OK\x00")
		}},
		{"closes without a reply", answer("")},
		{"reply cut short", answer("stream: OK")},
		{"newline for NUL", answer("stream: OK\n")},
		{"more than OK", answer("stream: OK \x00")},
		{"lower case", answer("stream: ok\x00")},
		{"other id", answer("1: stream: OK\x00")},
		{"no signature", answer("stream:  FOUND\x00")},
		{"error", answer("Can't allocate memory ERROR\x00")},
		{"unknown command", answer("UNKNOWN COMMAND\x00")},
		{"empty line", answer("\x00")},
		{"rubbish", answer("\x01\xff\xfe OK\x00")},
		{"endless", answer(strings.Repeat("stream: OK", 1000) + "\x00")},
		{"silent", func(c net.Conn) { readStream(c); _, _ = c.Read(make([]byte, 1)) }},
		{"never reads", func(c net.Conn) { <-time.After(2 * time.Second) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := scan.NewClamd(scan.ClamdConfig{
				Hosts: []string{testenv.Answer(t, tt.serve)}, MaxSize: 1 << 30,
				ChunkTimeout: 300 * time.Millisecond, ReplyTimeout: 300 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Scan(t.Context(), bytes.NewReader(make([]byte, 16<<20)))
			if share.KindOf(err) != share.Unavailable || got != (scan.Verdict{}) {
				t.Errorf("Scan = %+v, %v; want no verdict, Unavailable", got, err)
			}
			if err := s.Ping(t.Context()); share.KindOf(err) != share.Unavailable {
				t.Errorf("Ping = %v; want Unavailable", err)
			}
		})
	}
}

func TestClamdConfig(t *testing.T) {
	for _, cfg := range []scan.ClamdConfig{
		{MaxSize: 1},
		{Hosts: []string{"localhost:3310"}},
		{Hosts: []string{"localhost:3310"}, MaxSize: -1},
		{Hosts: []string{"localhost"}, MaxSize: 1},
		{Hosts: []string{"http://localhost:80"}, MaxSize: 1},
		{Hosts: []string{"unix://relative"}, MaxSize: 1},
		{Hosts: []string{""}, MaxSize: 1},
	} {
		if _, err := scan.NewClamd(cfg); err == nil {
			t.Errorf("NewClamd(%+v) accepted it", cfg)
		}
	}
}

// readStream reads a command and, if it is INSTREAM, its chunks to the end mark.
func readStream(c net.Conn) {
	r := bufio.NewReader(c)
	if command, err := r.ReadString(0); err != nil || command != "zINSTREAM\x00" {
		return
	}
	for {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil || size == [4]byte{} {
			return
		}
		n := int64(size[0])<<24 | int64(size[1])<<16 | int64(size[2])<<8 | int64(size[3])
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			return
		}
	}
}
