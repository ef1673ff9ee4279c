//go:build deploycheck

package check

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// network is a namespace for each service and a bridge between them, so that each
// has the address, the ports and the names that it has under Docker.
type network struct {
	t      *testing.T
	prefix string            // of everything that is made
	addr   map[string]string // of each service
	hosts  string            // file with their names
}

// gateway is this process's own address on the bridge.
const gateway = "172.30.1.1"

// connect makes the namespaces. It needs root, and a kernel that lets it.
func connect(t *testing.T, c *composed, dir string) *network {
	t.Helper()
	n := &network{t: t, prefix: fmt.Sprintf("dc%d", os.Getpid()%100000), addr: map[string]string{}, hosts: filepath.Join(dir, "hosts")}
	if out, err := exec.Command("ip", "link", "add", n.bridge(), "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here, so the topology is not started: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", n.bridge()).Run() })
	n.ip("addr", "add", gateway+"/24", "dev", n.bridge())
	n.ip("link", "set", n.bridge(), "up")

	text, next := "127.0.0.1 localhost\n", 10
	for name, s := range c.Services {
		at := ""
		names := []string{name}
		for _, in := range s.Networks {
			if in != nil && in.Address != "" {
				at = in.Address
			}
			if in != nil {
				names = append(names, in.Aliases...)
			}
		}
		if at == "" {
			at = fmt.Sprintf("172.30.1.%d", next)
			next++
		}
		if name == "caddy" { // by the names that its users have for it
			names = append(names, "api.localhost", "files.localhost", "objects.localhost")
		}
		n.addr[name] = at
		text += at + " " + strings.Join(names, " ") + "\n"
	}
	if err := os.WriteFile(n.hosts, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	i := 0
	for name, at := range n.addr {
		n.attach(name, at, i)
		i++
	}
	return n
}

func (n *network) bridge() string { return n.prefix + "b" }

// space is the name of a service's namespace.
func (n *network) space(service string) string { return n.prefix + service }

func (n *network) attach(name, at string, i int) {
	n.t.Helper()
	space, outside, inside := n.space(name), fmt.Sprintf("%sv%d", n.prefix, i), fmt.Sprintf("%sw%d", n.prefix, i)
	n.ip("netns", "add", space)
	etc := filepath.Join("/etc/netns", space)
	n.t.Cleanup(func() {
		_ = exec.Command("ip", "netns", "del", space).Run()
		_ = os.RemoveAll(etc)
		_ = os.Remove("/etc/netns") // if it is empty
	})
	put(n.t, n.hosts, filepath.Join(etc, "hosts"), 0o644) // `ip netns exec` lays it over /etc/hosts
	n.ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", space)
	n.ip("link", "set", outside, "master", n.bridge(), "up")
	n.ip("-n", space, "addr", "add", at+"/24", "dev", inside)
	n.ip("-n", space, "link", "set", inside, "up")
	n.ip("-n", space, "link", "set", "lo", "up")
}

func (n *network) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %s", strings.Join(args, " "), out)
	}
}

// command prepares a command in a service's namespace, with an environment of its
// own.
func (n *network) command(service string, env []string, args ...string) *exec.Cmd {
	all := append([]string{"netns", "exec", n.space(service), "setpriv", "--no-new-privs"}, args...)
	cmd := exec.Command("ip", all...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}, env...)
	return cmd
}
