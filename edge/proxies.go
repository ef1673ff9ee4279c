package edge

import (
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxies is the set of peers whose X-Forwarded-For is believed.
type proxies []netip.Prefix

// client returns the address of whoever sent the request: the connection's
// peer, or, if that is a trusted proxy, the nearest address in forwarded that is
// not. Each proxy appends the peer it saw, so the list is read from its end and
// whatever stands before an untrusted address is the sender's own invention.
// forwarded is X-Forwarded-For, all lines of it joined by commas.
func (p proxies) client(peer netip.Addr, forwarded string) netip.Addr {
	addr := peer.Unmap()
	for p.trust(addr) && forwarded != "" {
		cut := strings.LastIndexByte(forwarded, ',')
		hop, err := netip.ParseAddr(strings.Trim(forwarded[cut+1:], " \t"))
		if err != nil {
			return addr // the last hop that made sense
		}
		addr = hop.Unmap().WithZone("")
		forwarded = forwarded[:max(cut, 0)]
	}
	return addr
}

// behind returns a listener for an edge behind proxies that speak the PROXY
// protocol, version 1 or 2. A trusted peer has to say whom it speaks for; what any
// other peer says is no HTTP.
func (p proxies) behind(ln net.Listener, patience time.Duration) net.Listener {
	return &proxyproto.Listener{
		Listener:          ln,
		ReadHeaderTimeout: patience,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if p.trust(peerAddr(o.Upstream).Unmap()) {
				return proxyproto.REQUIRE, nil
			}
			return proxyproto.SKIP, nil
		},
	}
}

func (p proxies) trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// peerAddr returns the address of the connection's other end; the zero Addr if
// it is not an IP connection.
func peerAddr(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	return netip.Addr{}
}

// identity returns what counts as one client's address: an IPv4 address whole,
// an IPv6 address without the 64 bits that its owner changes at will.
func identity(addr netip.Addr) netip.Addr {
	if addr.Is6() && !addr.Is4In6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}
