package edge

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestForwardedFor(t *testing.T) {
	p := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct{ name, peer, forwarded, want string }{
		{"direct", "192.0.2.1", "", "192.0.2.1"},
		{"forged by a stranger", "192.0.2.1", "198.51.100.7", "192.0.2.1"},
		{"one proxy", "10.0.0.1", "198.51.100.7", "198.51.100.7"},
		{"two proxies", "10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"forged before the proxy", "10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		{"only proxies", "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
		{"nonsense", "10.0.0.1", "unknown", "10.0.0.1"},
		{"nonsense behind", "10.0.0.1", "x, 10.0.0.2", "10.0.0.2"},
		{"empty elements", "10.0.0.1", ",", "10.0.0.1"},
		{"mapped", "::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"},
		{"IPv6 proxy", "fd00::1", "2001:db8::5", "2001:db8::5"},
	}
	for _, tt := range tests {
		if got := p.client(netip.MustParseAddr(tt.peer), tt.forwarded); got.String() != tt.want {
			t.Errorf("%s: %v; want %s", tt.name, got, tt.want)
		}
	}
}

// a forged address changes nothing; a proxy's word does.
func TestForwardedClientsHaveTheirOwnLeases(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		w := newWorld(t, func(c *Config, _ *Parts, _ *world) {
			if trusted {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}
		})
		path := w.link(content(5000), capped(9))
		for i := range 3 {
			w.get(path, "Range", "bytes=0-99", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		}
		want := map[bool]int64{false: 1, true: 3}[trusted]
		if n := w.count(path); n != want {
			t.Errorf("trusted %v: count %d; want %d", trusted, n, want)
		}
	}
}
