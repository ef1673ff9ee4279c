package lifecycle

import (
	"fmt"
	"net"
	"strings"

	"github.com/cloudflare/tableflip"
	sdactivation "github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// activation returns the listeners that systemd opened for this process, by their
// FileDescriptorName=, which is that of the setting that they stand for: files_addr,
// api_addr, internal_addr, ops_addr.
func activation() (map[string]tableflip.Listener, error) {
	named, err := sdactivation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("take listeners from systemd: %w", err)
	}
	all := map[string]tableflip.Listener{}
	for name, listeners := range named {
		if len(listeners) != 1 {
			return nil, fmt.Errorf("take listeners from systemd: %d sockets are named %q; want one", len(listeners), name)
		}
		tcp, ok := listeners[0].(*net.TCPListener)
		if !ok || !strings.HasSuffix(name, "_addr") {
			return nil, fmt.Errorf("take listeners from systemd: the socket %q is not one of TCP whose FileDescriptorName= is files_addr, api_addr, internal_addr or ops_addr", name)
		}
		all[name] = tcp
	}
	return all, nil
}

// notify tells systemd, if it is there: a hand-over changes the unit's main
// process, which NotifyAccess=all lets it hear of.
func (p *Process) notify(lines ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		p.log.Warn("systemd was not told", "error", err)
	}
}
