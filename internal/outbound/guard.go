package outbound

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// Refusal is a URL, or a step behind one, that is not followed. Its text may be
// shown to whoever named the URL.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Guard decides which addresses may be connected to.
type Guard struct {
	Allow []netip.Prefix // reached whatever they are, on any port; for private deployments
	Ports []uint16       // on public addresses
}

// control is a net.Dialer's ControlContext: it runs once the address is known
// and the socket made, before it connects.
func (g *Guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return refuse("leads to an address of an unknown kind")
	}
	return g.admit(at)
}

func (g *Guard) admit(at netip.AddrPort) error {
	addr := at.Addr().Unmap()
	for _, allowed := range g.Allow {
		if allowed.Contains(addr) {
			return nil
		}
	}
	if !Public(addr) {
		return refuse("leads to an address that is not public")
	}
	if !slices.Contains(g.Ports, at.Port()) {
		return refuse("port %d is not allowed; allowed are %s", at.Port(), portList(g.Ports))
	}
	return nil
}

// Public reports whether an address is one of the public internet: globally
// reachable unicast by the registries of IANA for special-purpose addresses
// (RFC 6890 and its successors). An IPv4 address inside an IPv6 one is judged by
// itself (NAT64), or refused with its mechanism (6to4, Teredo), for it would be
// reached through it.
func Public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if addr.Is4() {
		return !within(special4, addr)
	}
	if nat64.Contains(addr) {
		raw := addr.As16()
		return Public(netip.AddrFrom4([4]byte(raw[12:])))
	}
	return global6.Contains(addr) && !within(special6, addr)
}

func within(ranges []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// nat64 is the well-known prefix of RFC 6052; global6 all that is assigned as
// global unicast (RFC 4291 §2.4). What is outside of both is not public.
var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	global6 = netip.MustParsePrefix("2000::/3")
)

var special4 = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carrier-grade NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, and the clouds' metadata
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // IETF protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast
)

var special6 = prefixes(
	"2001::/23",     // IETF protocol assignments: Teredo, ORCHID, benchmarks
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, an IPv4 address inside
	"3fff::/20",     // documentation
)
