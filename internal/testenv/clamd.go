package testenv

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Limits of the clamd that Clamd starts, in bytes. A file above ClamdFileMax is
// reported as Heuristics.Limits.Exceeded.MaxFileSize: not looked at to its end,
// which is neither clean nor infected. A stream above ClamdStreamMax is refused.
const (
	ClamdFileMax   = 16 << 20
	ClamdStreamMax = 32 << 20
)

// ClamdServer is a virus scanner of one test.
type ClamdServer struct {
	*Server
	TCP  string // host:port
	Unix string // path of its socket
}

// Clamd starts a clamd of the test's own. It finds EICAR and Marker, and nothing
// else: see signatures.
func Clamd(tb testing.TB) ClamdServer {
	tb.Helper()
	return Place{}.Clamd(tb)
}

// Clamd is Clamd at the place.
func (p Place) Clamd(tb testing.TB) ClamdServer {
	tb.Helper()
	path, dir := prepare(tb, "clamd", "clamd", "/usr/sbin", "/usr/local/sbin")
	socket, self := filepath.Join(dir, "clamd.sock"), rand.Text()
	if err := writeSignatures(filepath.Join(dir, "db"), self); err != nil {
		tb.Fatal(err)
	}
	server, port := open(tb, func(port int) command {
		conf := filepath.Join(dir, "clamd.conf")
		if err := os.WriteFile(conf, []byte(clamdConf(p, dir, socket, port)), 0o600); err != nil {
			tb.Fatal(err)
		}
		return command{
			name: "clamd", path: path, args: []string{"--config-file=" + conf}, dir: dir, place: p,
			quit:  syscall.SIGTERM,
			ready: func(ctx context.Context, _ int) error { return clamdReady(ctx, socket, p.addr(port), self) },
		}
	})
	return ClamdServer{Server: server, TCP: p.addr(port), Unix: socket}
}

// Learn has the clamd find a text that it did not find before, as new signatures
// would.
func (c *ClamdServer) Learn(tb testing.TB, text []byte) {
	tb.Helper()
	db := filepath.Join(filepath.Dir(c.Unix), "db", "learned.ndb")
	if err := os.WriteFile(db, []byte(fmt.Sprintf("Rawlink-Test-Learned:0:*:%x\n", text)), 0o600); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	conn, err := dial(ctx, "unix", c.Unix)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("zRELOAD\x00")); err != nil {
		tb.Fatal(err)
	}
	for ctx.Err() == nil {
		if answer, err := instream(ctx, "unix", c.Unix, text); err == nil && strings.HasSuffix(answer, "FOUND") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	tb.Fatal("clamd does not find what it learned")
}

// clamdConf returns the configuration. Without AlertExceedsMax clamd would call
// an infected file clean if it is too large to be looked at.
func clamdConf(p Place, dir, socket string, port int) string {
	return strings.Join([]string{
		"Foreground yes",
		"LocalSocket " + socket,
		"FixStaleSocket yes",
		"TCPAddr " + p.ip(),
		fmt.Sprintf("TCPSocket %d", port),
		"DatabaseDirectory " + filepath.Join(dir, "db"),
		"TemporaryDirectory " + dir,
		"OfficialDatabaseOnly no",
		"SelfCheck 0",
		"MaxThreads 4",
		fmt.Sprintf("MaxFileSize %d", ClamdFileMax),
		fmt.Sprintf("MaxScanSize %d", ClamdStreamMax),
		fmt.Sprintf("StreamMaxLength %d", ClamdStreamMax),
		"AlertExceedsMax yes",
		"",
	}, "\n")
}

// clamdReady asks over both sockets for a scan of the text that only this clamd
// knows. clamd listens on TCP first and, where it can't, is content with the unix
// socket; so a wrong answer over TCP alone is final.
func clamdReady(ctx context.Context, socket, addr, self string) error {
	if err := recognise(ctx, "unix", socket, self); err != nil {
		return err
	}
	if err := recognise(ctx, "tcp", addr, self); err != nil {
		return fmt.Errorf("%w: %w", errNoPort, err)
	}
	return nil
}

func recognise(ctx context.Context, network, addr, self string) error {
	answer, err := instream(ctx, network, addr, []byte(self))
	if err == nil && answer != "stream: "+selfSignature+".UNOFFICIAL FOUND" {
		err = fmt.Errorf("a clamd that is not ours answers %q", answer)
	}
	return err
}

// instream has the clamd at addr scan a text, sent as one chunk, and returns its
// answer.
func instream(ctx context.Context, network, addr string, text []byte) (string, error) {
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	frame := binary.BigEndian.AppendUint32([]byte("zINSTREAM\x00"), uint32(len(text)))
	frame = append(append(frame, text...), 0, 0, 0, 0)
	if _, err := conn.Write(frame); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString(0)
	return strings.TrimSuffix(answer, "\x00"), err
}
