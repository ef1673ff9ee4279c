package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Lab is a network of hosts. The test's own process is on it as well, at Gateway.
// Its methods are for one goroutine at a time.
type Lab struct {
	Gateway string // address of the test's process
	tb      testing.TB
	id      string // in the names of all that it makes
	bridge  string
	hosts   int
}

// ErrNotPermitted is that this machine doesn't let the test make namespaces.
var ErrNotPermitted = errors.New("network namespaces are not permitted")

// Permitted tries what a lab is made of, and says what is missing.
func Permitted() error {
	if os.Getuid() != 0 {
		return fmt.Errorf("%w: that takes root", ErrNotPermitted)
	}
	for _, program := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: %s is not installed: run scripts/fleet.sh", ErrNotPermitted, program)
		}
	}
	name := fmt.Sprintf("rl%dprobe", os.Getpid())
	defer func() { _, _ = run("ip", "netns", "del", name) }()
	for _, step := range [][]string{
		{"ip", "netns", "add", name},
		{"ip", "-n", name, "link", "add", "probe", "type", "bridge"},
		{"ip", "netns", "exec", name, "nft", "add", "table", "inet", "lab"},
	} {
		if text, err := run(step...); err != nil {
			return fmt.Errorf("%w: %s: %s", ErrNotPermitted, strings.Join(step, " "), text)
		}
	}
	return nil
}

// New makes a network without hosts, which ends with the test.
func New(tb testing.TB) *Lab {
	tb.Helper()
	l := &Lab{tb: tb, id: fmt.Sprintf("rl%d", os.Getpid()%100000), Gateway: subnet + "1"}
	l.bridge = l.id + "b"
	l.must("ip", "link", "add", l.bridge, "type", "bridge")
	tb.Cleanup(func() { l.must("ip", "link", "del", l.bridge) })
	l.must("ip", "addr", "add", l.Gateway+"/24", "dev", l.bridge)
	l.must("ip", "link", "set", l.bridge, "up")
	return l
}

// subnet begins every address: a range of RFC 2544, for tests of networks, so that it
// meets no network of the machine's.
const subnet = "198.18.77."

// Host is a machine of its own as far as the network is concerned.
type Host struct {
	Name string
	Addr string // IP address
	lab  *Lab
	ns   string
	link string // its end on the bridge
}

// Host adds a host.
func (l *Lab) Host(name string) *Host {
	l.tb.Helper()
	l.hosts++
	h := &Host{Name: name, Addr: fmt.Sprintf("%s%d", subnet, l.hosts+1), lab: l, ns: l.id + name, link: fmt.Sprintf("%sv%d", l.id, l.hosts)}
	l.must("ip", "netns", "add", h.ns)
	l.tb.Cleanup(func() { l.must("ip", "netns", "del", h.ns) })
	l.must("ip", "link", "add", h.link, "type", "veth", "peer", "name", "eth0", "netns", h.ns)
	l.must("ip", "link", "set", h.link, "master", l.bridge, "up")
	l.must("ip", "-n", h.ns, "addr", "add", h.Addr+"/24", "dev", "eth0")
	l.must("ip", "-n", h.ns, "link", "set", "eth0", "up")
	l.must("ip", "-n", h.ns, "link", "set", "lo", "up")
	l.nft(h, "add", "table", "inet", "lab")
	l.nft(h, "add", "chain", "inet", "lab", "in", "{ type filter hook input priority 0; }")
	return h
}

// Cut pulls the host's cable; Join puts it back. Nobody is told: connections hang.
func (h *Host) Cut() { h.lab.must("ip", "link", "set", h.link, "down") }

// Join ends Cut.
func (h *Host) Join() { h.lab.must("ip", "link", "set", h.link, "up") }

// Part drops whatever a host of one side sends to one of the other, either way.
func (l *Lab) Part(one, other []*Host) {
	for _, a := range one {
		for _, b := range other {
			l.nft(a, "add", "rule", "inet", "lab", "in", "ip", "saddr", b.Addr, "drop")
			l.nft(b, "add", "rule", "inet", "lab", "in", "ip", "saddr", a.Addr, "drop")
		}
	}
}

// Lose drops so many of a hundred packets, less than all, that reach the host.
func (h *Host) Lose(percent int) {
	h.lab.nft(h, "add", "rule", "inet", "lab", "in", "numgen", "random", "mod", "100", "<", fmt.Sprint(percent), "drop")
}

// Delay has every packet that the host sends wait, and reports whether this kernel
// can do that.
func (h *Host) Delay(wait time.Duration) bool {
	_, err := run("ip", "netns", "exec", h.ns, "tc", "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", fmt.Sprintf("%dms", wait.Milliseconds()))
	return err == nil
}

// Heal ends all of these at the host.
func (h *Host) Heal() {
	h.lab.nft(h, "flush", "chain", "inet", "lab", "in")
	_, _ = run("ip", "netns", "exec", h.ns, "tc", "qdisc", "del", "dev", "eth0", "root") // there may be none
	h.Join()
}

// Within calls f in the host's network: processes that f starts are on that host.
func (h *Host) Within(f func() error) error { return within(h.ns, f) }

// within calls f on a thread in the namespace. A thread that can't return from there
// is not given back.
func within(ns string, f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	if err != nil {
		return fmt.Errorf("enter %s: %w", ns, err)
	}
	defer home.Close()
	there, err := os.Open(filepath.Join("/run/netns", ns))
	if err != nil {
		return fmt.Errorf("enter %s: %w", ns, err)
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", ns, err)
	}
	result := f()
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return errors.Join(result, fmt.Errorf("leave %s: %w", ns, err))
	}
	runtime.UnlockOSThread()
	return result
}

func (l *Lab) nft(h *Host, args ...string) {
	l.must(append([]string{"ip", "netns", "exec", h.ns, "nft"}, args...)...)
}

// must runs a command; one that fails ends no cleanup, but the test has failed.
func (l *Lab) must(command ...string) {
	l.tb.Helper()
	if text, err := run(command...); err != nil {
		l.tb.Errorf("%s: %v: %s", strings.Join(command, " "), err, text)
	}
}

func run(command ...string) (string, error) {
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
