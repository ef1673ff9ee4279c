package scan_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"rawlink/internal/scan"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, testenv.IgnoreServers()) }

const border = 64 << 10 // where readers and daemons cut content into pieces

func TestBuiltinContract(t *testing.T) {
	contract(t, mustBuiltin(t))
}

func TestClamdContract(t *testing.T) {
	server := testenv.Clamd(t)
	t.Run("tcp", func(t *testing.T) { contract(t, mustClamd(t, 1<<20, "tcp://"+server.TCP)) })
	t.Run("unix", func(t *testing.T) { contract(t, mustClamd(t, 1<<20, "unix://"+server.Unix)) })
}

// contract is what every Scanner does.
func contract(t *testing.T, s scan.Scanner) {
	t.Helper()
	if s.Name() == "" {
		t.Error("the scanner has no name")
	}
	t.Run("verdicts", func(t *testing.T) { contractVerdicts(t, s) })
	t.Run("faults", func(t *testing.T) { contractFaults(t, s) })
}

func contractVerdicts(t *testing.T, s scan.Scanner) {
	eicar := testenv.EICAR()
	at := func(offset, size int) []byte {
		content := bytes.Repeat([]byte{'.'}, size)
		copy(content[offset:], eicar)
		return content
	}
	tests := []struct {
		name    string
		content []byte
		want    share.ScanStatus
	}{
		{"empty", nil, share.Clean},
		{"one byte", []byte{0}, share.Clean},
		{"text", []byte("nothing to see"), share.Clean},
		{"exactly one border", make([]byte, border), share.Clean},
		{"large", make([]byte, 1<<20), share.Clean},
		{"EICAR but its last byte", eicar[:len(eicar)-1], share.Clean},
		{"EICAR", eicar, share.Infected},
		{"EICAR in text", at(7, 1000), share.Infected},
		{"EICAR at the end", at(3*border-len(eicar), 3*border), share.Infected},
		{"EICAR from a border", at(border, 2*border), share.Infected},
		{"EICAR up to a border", at(border-len(eicar), 2*border), share.Infected},
		{"one byte over the border", at(border-len(eicar)+1, 2*border), share.Infected},
		{"one byte before the border", at(border-1, 2*border), share.Infected},
		{"across the border", at(border-33, 2*border), share.Infected},
		{"across the third border", at(3*border-1, 4*border), share.Infected},
	}
	for _, tt := range tests {
		for style, reader := range readers(tt.content) {
			got, err := s.Scan(t.Context(), reader)
			if err != nil || got.Status != tt.want {
				t.Errorf("%s, %s: %+v, %v; want %s", tt.name, style, got, err, tt.want)
			}
			if (got.Signature != "") != (tt.want == share.Infected) {
				t.Errorf("%s, %s: signature %q", tt.name, style, got.Signature)
			}
		}
	}
}

// readers returns the content in the ways that an io.Reader may give it.
func readers(content []byte) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":           bytes.NewReader(content),
		"end with data":   iotest.DataErrReader(bytes.NewReader(content)),
		"half reads":      iotest.HalfReader(bytes.NewReader(content)),
		"from odd pieces": &pieces{content: content, size: 4099},
	}
}

type pieces struct {
	content []byte
	size    int
}

func (p *pieces) Read(buf []byte) (int, error) {
	if len(p.content) == 0 {
		return 0, io.EOF
	}
	n := copy(buf[:min(len(buf), p.size)], p.content)
	p.content = p.content[n:]
	return n, nil
}

func contractFaults(t *testing.T, s scan.Scanner) {
	broken := func(err error) io.Reader {
		return io.MultiReader(strings.NewReader("a beginning"), iotest.ErrReader(err))
	}
	tests := []struct {
		name string
		err  error
		want share.Kind
	}{
		{"plain error", errors.New("cable cut"), share.Unavailable},
		{"body cut short", io.ErrUnexpectedEOF, share.Unavailable},
		{"error with a kind", share.E(share.Changed, "read object", nil), share.Changed},
	}
	for _, tt := range tests {
		got, err := s.Scan(t.Context(), broken(tt.err))
		if share.KindOf(err) != tt.want || !errors.Is(err, tt.err) || got != (scan.Verdict{}) {
			t.Errorf("%s: %+v, %v; want no verdict and kind %d", tt.name, got, err, tt.want)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	endless := readFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	// One MiB is within every limit here, so only the cancellation can stop it.
	got, err := s.Scan(ctx, io.LimitReader(endless, 1<<20))
	if share.KindOf(err) != share.Unavailable || !errors.Is(err, context.Canceled) || got != (scan.Verdict{}) {
		t.Errorf("cancelled: %+v, %v; want no verdict, Unavailable", got, err)
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func mustBuiltin(tb testing.TB, hashes ...string) *scan.Builtin {
	tb.Helper()
	s, err := scan.NewBuiltin(hashes)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func mustClamd(tb testing.TB, maxSize int64, hosts ...string) *scan.Clamd {
	tb.Helper()
	s, err := scan.NewClamd(scan.ClamdConfig{Hosts: hosts, MaxSize: maxSize, DialTimeout: 20 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
