package outbound

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL is the longest URL that is taken, in bytes.
const maxURL = 2048

// Check reads a URL that a stranger named, or says in a *Refusal what is wrong
// with it. It resolves nothing: whether the address behind it may be reached is
// decided when it is connected to.
func (c *Client) Check(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, refuse("is longer than %d bytes", maxURL)
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || strings.TrimSpace(text) != text {
		return nil, refuse("is not an absolute URL such as https://example.com/file.pdf")
	}
	return u, c.check(u)
}

// check holds for the URL that was named and for each that it redirects to.
func (c *Client) check(u *url.URL) error {
	switch {
	case c.config.Plain && u.Scheme != "https" && u.Scheme != "http":
		return refuse("must begin with https:// or http://")
	case !c.config.Plain && u.Scheme != "https":
		return refuse("must begin with https://")
	case u.User != nil:
		return refuse("must not hold a user name or password")
	case strings.Contains(u.Host, "%"):
		return refuse("must not name a network interface")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return refuse("has no port from 1 to 65535")
		}
	}
	return c.checkLiteral(u)
}

// checkLiteral refuses an address that is spelled out before anything is asked
// for it. It spares no check at the connection; it makes the answer quick.
func (c *Client) checkLiteral(u *url.URL) error {
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil
	}
	port := uint64(80)
	if u.Scheme == "https" {
		port = 443
	}
	if text := u.Port(); text != "" {
		port, _ = strconv.ParseUint(text, 10, 16) // checked
	}
	return c.guard.admit(netip.AddrPortFrom(addr, uint16(port)))
}

func portList(ports []uint16) string {
	texts := make([]string, len(ports))
	for i, port := range ports {
		texts[i] = strconv.Itoa(int(port))
	}
	return strings.Join(texts, ", ")
}
