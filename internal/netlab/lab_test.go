package netlab

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// TestHosts: hosts have addresses of their own, reach each other, and don't while
// they are parted or cut off.
func TestHosts(t *testing.T) {
	if err := Permitted(); err != nil {
		t.Skip(err)
	}
	lab := New(t)
	one, other := lab.Host("one"), lab.Host("other")
	greeter := listenAt(t, other)
	reaches := func(from *Host) error {
		return from.Within(func() error {
			conn, err := net.DialTimeout("tcp", greeter, 300*time.Millisecond)
			if err != nil {
				return err
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
			text, err := io.ReadAll(conn)
			if err == nil && string(text) != one.Addr {
				err = errors.New("the other sees " + string(text))
			}
			return err
		})
	}
	eventually := func(when string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			err := reaches(one)
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v", when, err)
			}
		}
	}
	eventually("at first")
	for name, fault := range map[string]func(){
		"parted":  func() { lab.Part([]*Host{one}, []*Host{other}) },
		"cut off": other.Cut,
	} {
		fault()
		var network net.Error
		if err := reaches(one); !errors.As(err, &network) || !network.Timeout() {
			t.Errorf("%s: %v; want silence", name, err)
		}
		one.Heal()
		other.Heal()
		eventually("after it was " + name)
	}
}

// listenAt starts a listener on the host that tells callers their address.
func listenAt(t *testing.T, h *Host) (addr string) {
	t.Helper()
	var ln net.Listener
	if err := h.Within(func() (err error) {
		ln, err = net.Listen("tcp", net.JoinHostPort(h.Addr, "7000"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			_, _ = io.WriteString(conn, host)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}
