package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Target is a server by its base URL.
type Target struct {
	Base string      // as given, without a slash at its end
	Host string      // for the Host header
	addr string      // host:port to dial
	tls  *tls.Config // nil = plain
}

// ParseTarget reads a base URL such as https://files.example.com.
func ParseTarget(base string) (Target, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return Target{}, fmt.Errorf("%q: want a URL such as http://127.0.0.1:8081", base)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return Target{}, errors.New("want a URL without a path")
	}
	t := Target{Base: u.Scheme + "://" + u.Host, Host: u.Host, addr: u.Host}
	port := "80"
	if u.Scheme == "https" {
		port, t.tls = "443", &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	if u.Port() == "" {
		t.addr = net.JoinHostPort(u.Hostname(), port)
	}
	return t, nil
}

// Request renders a request without a body. headers are name, value pairs.
func (t Target) Request(method, path string, headers ...string) []byte {
	return t.RequestWith(method, path, nil, headers...)
}

// RequestWith renders a request with a body, unless that is nil.
func (t Target) RequestWith(method, path string, body []byte, headers ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, t.Host)
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return []byte(b.String())
}
