package testenv

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClamdScans(t *testing.T) {
	clamd := Clamd(t)
	for _, test := range []struct {
		name string
		text []byte
		want string
	}{
		{"clean", []byte("an ordinary file"), "stream: OK"},
		{"empty", nil, "stream: OK"},
		{"EICAR", EICAR(), "stream: Eicar-Test-"},
		{"EICAR inside", append([]byte("text before "), EICAR()...), "stream: Eicar-Test-Body"},
		{"marker", []byte("see " + Marker + "!"), "stream: Rawlink-Test-Marker"},
		{"too large to look at", make([]byte, ClamdFileMax+1), "stream: Heuristics.Limits.Exceeded"},
	} {
		for network, addr := range map[string]string{"tcp": clamd.TCP, "unix": clamd.Unix} {
			t.Run(test.name+" over "+network, func(t *testing.T) {
				got, err := instream(t.Context(), network, addr, test.text)
				if err != nil || !strings.HasPrefix(got, test.want) {
					t.Fatalf("answer = %q, %v; want %q…", got, err, test.want)
				}
			})
		}
	}
}

func TestClamdAnswersPing(t *testing.T) {
	clamd := Clamd(t)
	for network, addr := range map[string]string{"tcp": clamd.TCP, "unix": clamd.Unix} {
		conn, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "zPING\x00"); err != nil {
			t.Fatal(err)
		}
		if got, err := bufio.NewReader(conn).ReadString(0); got != "PONG\x00" || err != nil {
			t.Fatalf("PING over %s = %q, %v", network, got, err)
		}
		_ = conn.Close()
	}
}

// clamd without its port goes on with the unix socket alone: a start like that
// has failed, whoever answers at the port.
func TestClamdNeedsItsPort(t *testing.T) {
	other, clamd := Clamd(t), Clamd(t)
	c := clamd.last
	clamd.Stop()
	taken, err := net.ResolveTCPAddr("tcp", other.TCP)
	if err != nil {
		t.Fatal(err)
	}
	conf := clamdConf(Place{}, c.dir, clamd.Unix, taken.Port)
	if err := os.WriteFile(filepath.Join(c.dir, "clamd.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := launch(c)
	if err == nil {
		p.kill()
	}
	if !errors.Is(err, errNoPort) {
		t.Fatalf("clamd on a port that another has = %v; want %v", err, errNoPort)
	}
}
