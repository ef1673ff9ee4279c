package testenv

import (
	"net"
	"strconv"
)

// Place is where a server of a test's own runs: on this machine's loopback address,
// or on another host, of which the test's process reaches the address.
type Place struct {
	IP     string                   // "" = loopback
	Within func(func() error) error // calls a function there; nil = here
}

// ip is the place's address.
func (p Place) ip() string {
	if p.IP == "" {
		return "127.0.0.1"
	}
	return p.IP
}

// addr returns the address of one of its ports.
func (p Place) addr(port int) string { return net.JoinHostPort(p.ip(), strconv.Itoa(port)) }

// listens are the addresses that a server of the place binds: its own, and loopback.
func (p Place) listens() []string {
	if p.IP == "" {
		return []string{"127.0.0.1"}
	}
	return []string{p.IP, "127.0.0.1"}
}
