package outbound

import (
	"net/netip"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPublic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.0.1": true, "172.32.0.1": true, "223.255.255.255": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.1.2.3": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false, "127.255.255.255": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.0.1": false,
		"198.18.0.1": false, "198.19.255.255": false, "198.51.100.7": false, "203.0.113.9": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,

		"2606:4700::1111": true, "2001:4860:4860::8888": true, "2a00:1450::1": true,
		"::": false, "::1": false, "::127.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "2606:4700::1111%eth0": false, "fc00::1": false, "fd12:3456::1": false,
		"fec0::1": false, "ff02::1": false, "ff0e::1": false, "100::1": false, "2001:db8::1": false, "3fff::1": false, "5f00::1": false, "fd00:ec2::254": false,

		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, // mapped
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::808:808": true, "64:ff9b:1::808:808": false, // NAT64
		"2002:7f00:1::": false, "2002:808:808::1": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false, // 6to4, Teredo
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v; want %v", text, got, want)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	g := Guard{Allow: prefixes("10.1.0.0/16", "fd00::/8"), Ports: []uint16{80, 443}}
	for _, c := range []struct{ network, address, want string }{
		{"tcp4", "8.8.8.8:443", ""},
		{"tcp6", "[::ffff:8.8.8.8]:443", ""},
		{"tcp4", "8.8.8.8:22", "port 22 is not allowed; allowed are 80, 443"},
		{"tcp4", "127.0.0.1:80", "leads to an address that is not public"},
		{"tcp6", "[::ffff:127.0.0.1]:80", "leads to an address that is not public"},
		{"tcp6", "[fe80::1%lo]:80", "leads to an address that is not public"},
		{"tcp4", "10.1.2.3:9000", ""}, // allowed by name, on any port
		{"tcp6", "[::ffff:10.1.2.3]:9000", ""},
		{"tcp6", "[fd12::1]:8080", ""},
		{"tcp4", "10.2.0.1:80", "leads to an address that is not public"},
		{"udp4", "8.8.8.8:53", "leads to an address of an unknown kind"},
		{"unix", "/run/docker.sock", "leads to an address of an unknown kind"},
	} {
		got := ""
		if err := g.control(t.Context(), c.network, c.address, nil); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s: %q; want %q", c.network, c.address, got, c.want)
		}
	}
}
