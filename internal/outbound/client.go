package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Config says how far a Client goes.
type Config struct {
	Allow     []netip.Prefix // see Guard
	Ports     []uint16       // see Guard
	Plain     bool           // take http:// besides https://
	Redirects int            // followed at most; 0: a redirect is the answer
	Idle      time.Duration  // longest silence: until the connection, its header, the next bytes of its body
	Agent     string         // User-Agent

	Resolver *net.Resolver // nil: the system's
}

// Client sends requests to URLs that strangers named. Safe for concurrent use.
// It keeps no connections, so nothing has to be closed: each request connects,
// and is judged, anew.
type Client struct {
	config Config
	guard  Guard
	http   http.Client
}

// maxHeader bounds the header of an answer, in bytes.
const maxHeader = 64 << 10

// New returns a client.
func New(config Config) *Client {
	c := &Client{config: config, guard: Guard{Allow: config.Allow, Ports: config.Ports}}
	dialer := &net.Dialer{Timeout: config.Idle, KeepAlive: -1, Resolver: config.Resolver, ControlContext: c.guard.control}
	c.http = http.Client{
		CheckRedirect: c.redirect,
		Transport: &http.Transport{
			Proxy:                  nil, // see the package comment
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    config.Idle,
			ResponseHeaderTimeout:  config.Idle,
			MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives:      true,
			DisableCompression:     true, // bytes are taken as they are
		},
	}
	return c
}

// redirect judges each hop like the URL itself.
func (c *Client) redirect(next *http.Request, via []*http.Request) error {
	if c.config.Redirects == 0 {
		return http.ErrUseLastResponse
	}
	if len(via) > c.config.Redirects {
		return refuse("redirects more than %d times", c.config.Redirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme == "http" {
		return refuse("redirects from https to http")
	}
	next.Header.Del("Referer") // the URL may hold a secret that is the first host's alone
	var refusal *Refusal
	if err := c.check(next.URL); errors.As(err, &refusal) {
		return refuse("redirects to a URL that %s", refusal.Reason)
	}
	return nil
}

// ErrIdle is the end of a body whose sender fell silent.
var ErrIdle = errors.New("the other side fell silent")

// Do sends a request whose URL was checked. The answer's body fails with ErrIdle
// when nothing comes for Idle, and the caller closes it. A *Refusal in the
// error's chain says that a step was not taken.
func (c *Client) Do(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	request = request.WithContext(ctx)
	request.Header.Set("User-Agent", c.config.Agent)
	response, err := c.http.Do(request)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	response.Body = &patientBody{body: response.Body, ctx: ctx, cancel: cancel, idle: c.config.Idle}
	return response, nil
}
