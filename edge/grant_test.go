package edge

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rawlink/internal/share"
)

func TestGrants(t *testing.T) {
	g := newGrants(bytes.Repeat([]byte("k"), 32))
	now := time.Unix(1_800_000_000, 0)
	addr, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:0:1::1")
	h := share.HashToken("t")
	text := g.text(h, "stored", addr, now)
	if got := parseGrant([]byte("a=b&grant=" + text + "&c")); got != text {
		t.Errorf("parseGrant = %q; want %q", got, text)
	}
	if parseGrant([]byte("grant="+strings.Repeat("x", 1000))) != "" || parseGrant([]byte("xgrant="+text)) != "" {
		t.Error("parseGrant took what is no grant")
	}
	flipped := []byte(text)
	flipped[3] ^= 1
	for name, c := range map[string]struct {
		grants grants
		text   string
		hash   share.Hash
		proof  proof
		addr   netip.Addr
		after  time.Duration
		want   bool
	}{
		"itself":           {g, text, h, "stored", addr, 0, true},
		"same /64":         {g, text, h, "stored", netip.MustParseAddr("2001:db8::ffff"), 0, true},
		"at its last":      {g, text, h, "stored", addr, grantLife - time.Second, true},
		"ended":            {g, text, h, "stored", addr, grantLife, false},
		"another client":   {g, text, h, "stored", other, 0, false},
		"another link":     {g, text, share.HashToken("u"), "stored", addr, 0, false},
		"another password": {g, text, h, "changed", addr, 0, false},
		"a confirmation":   {g, text, h, confirmed, addr, 0, false},
		"of confirming":    {g, g.text(h, confirmed, addr, now), h, confirmed, addr, 0, true},
		"of less":          {g, g.text(h, confirmed, addr, now), h, "stored", addr, 0, false},
		"of nothing":       {g, g.text(h, "", addr, now), h, confirmed, addr, 0, false},
		"another key":      {newGrants(bytes.Repeat([]byte("l"), 32)), text, h, "stored", addr, 0, false},
		"later expiry":     {g, string(flipped), h, "stored", addr, 0, false},
		"cut off":          {g, text[:40], h, "stored", addr, 0, false},
		"empty":            {g, "", h, "stored", addr, 0, false},
	} {
		if got := c.grants.good(c.text, c.hash, c.proof, c.addr, now.Add(c.after)); got != c.want {
			t.Errorf("%s: good = %v; want %v", name, got, c.want)
		}
	}
}
