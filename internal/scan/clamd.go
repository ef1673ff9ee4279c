package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/tracing"
)

// ClamdConfig says where clamd listens and how far it is trusted.
type ClamdConfig struct {
	// Hosts are the daemons, used in turn: "tcp://host:port" or "host:port",
	// "unix:///path" or "/path". At least one.
	Hosts []string
	// MaxSize in bytes is the largest content that may be called clean. clamd
	// answers OK for what it skipped, so this must not exceed the smallest
	// StreamMaxLength, MaxFileSize and MaxScanSize of any host; over it, Scan
	// gives an Invalid error. Set AlertExceedsMax there too: it is what makes
	// clamd own up to limits inside archives. Required.
	MaxSize int64

	DialTimeout  time.Duration // per host; 0 = 1 s
	ChunkTimeout time.Duration // for clamd to take 64 KiB; 0 = 30 s
	ReplyTimeout time.Duration // from the last byte to the verdict; 0 = 2 min
}

// Clamd asks ClamAV daemons over INSTREAM (clamd(8)), one connection per scan.
// Safe for concurrent use; how many scans run at once is up to the caller, and
// should not exceed the MaxThreads of all hosts together.
type Clamd struct {
	cfg   ClamdConfig
	hosts []clamdHost
	next  atomic.Uint64 // turn of the hosts
}

type clamdHost struct{ network, address string }

// NewClamd checks the configuration. It connects to nothing; see Ping.
func NewClamd(cfg ClamdConfig) (*Clamd, error) {
	if len(cfg.Hosts) == 0 {
		return nil, errors.New("clamd: no hosts")
	}
	if cfg.MaxSize <= 0 {
		return nil, errors.New("clamd: MaxSize must be positive")
	}
	orDefault(&cfg.DialTimeout, time.Second)
	orDefault(&cfg.ChunkTimeout, 30*time.Second)
	orDefault(&cfg.ReplyTimeout, 2*time.Minute)
	c := &Clamd{cfg: cfg}
	for _, text := range cfg.Hosts {
		host, err := parseHost(text)
		if err != nil {
			return nil, err
		}
		c.hosts = append(c.hosts, host)
	}
	return c, nil
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

func parseHost(text string) (clamdHost, error) {
	network, address, ok := strings.Cut(text, "://")
	if !ok {
		network, address = "tcp", text
		if strings.HasPrefix(text, "/") {
			network = "unix"
		}
	}
	switch network {
	case "unix":
		if strings.HasPrefix(address, "/") {
			return clamdHost{network, address}, nil
		}
	case "tcp":
		if _, port, err := net.SplitHostPort(address); err == nil && port != "" {
			return clamdHost{network, address}, nil
		}
	}
	return clamdHost{}, fmt.Errorf("clamd host %q: want tcp://host:port or unix:///path", text)
}

// Name implements Scanner.
func (c *Clamd) Name() string { return fmt.Sprintf("clamd (%d hosts)", len(c.hosts)) }

// Scan implements Scanner. A host that can't be reached is passed over for the
// next; one that fails once the content flows costs this attempt, because the
// content can't be read twice.
func (c *Clamd) Scan(ctx context.Context, r io.Reader) (Verdict, error) {
	ctx, span := tracing.Call(ctx, "clamd scan")
	defer span.End()
	verdict, err := c.scan(ctx, r)
	span.Fail(err)
	if err != nil && ctx.Err() != nil {
		return Verdict{}, share.E(share.Unavailable, "clamd: scan", ctx.Err())
	}
	return verdict, err
}

func (c *Clamd) scan(ctx context.Context, r io.Reader) (Verdict, error) {
	s, err := c.connect(ctx)
	if err != nil {
		return Verdict{}, err
	}
	defer s.close()
	return s.instream(r, c.cfg.MaxSize)
}

// Ping returns nil if at least one host answers.
func (c *Clamd) Ping(ctx context.Context) error {
	var errs []error
	for _, host := range c.inTurn() {
		s, err := c.dial(ctx, host)
		if err == nil {
			err = s.ping()
			s.close()
		}
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return share.E(share.Unavailable, "clamd: ping", errors.Join(errs...))
}

// connect returns a connection to the next host that takes one.
func (c *Clamd) connect(ctx context.Context) (*session, error) {
	var errs []error
	for _, host := range c.inTurn() {
		s, err := c.dial(ctx, host)
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	return nil, share.E(share.Unavailable, "clamd: connect", errors.Join(errs...))
}

// inTurn returns the hosts in the order in which this call should try them.
func (c *Clamd) inTurn() []clamdHost {
	first := int(c.next.Add(1) % uint64(len(c.hosts))) //nolint:gosec // less than there are hosts
	order := make([]clamdHost, 0, len(c.hosts))
	order = append(order, c.hosts[first:]...)
	return append(order, c.hosts[:first]...)
}

func (c *Clamd) dial(ctx context.Context, host clamdHost) (*session, error) {
	dialer := net.Dialer{Timeout: c.cfg.DialTimeout}
	conn, err := dialer.DialContext(ctx, host.network, host.address)
	if err != nil {
		return nil, err
	}
	// Closing, not a deadline: the session renews deadlines and would undo it.
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &session{conn: conn, release: release, chunk: c.cfg.ChunkTimeout, reply: c.cfg.ReplyTimeout}, nil
}
