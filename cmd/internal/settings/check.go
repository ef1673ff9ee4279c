package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"rawlink/internal/share"
)

// findings gathers problems.
type findings []error

func (f *findings) unless(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

func (f *findings) address(name, addr string) {
	_, _, err := net.SplitHostPort(addr)
	f.unless(err == nil, "%s: want host:port such as 127.0.0.1:8080, got %q", name, addr)
}

func (f *findings) url(name, text string) {
	u, err := url.Parse(text)
	f.unless(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Trim(u.Path, "/") == "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == "", "%s: want scheme and host, such as https://files.example.com, got %q", name, text)
}

// origins checks web origins as browsers name them (RFC 6454 §6.2): with anything
// more they would match nothing.
func (f *findings) origins(name string, all []string) {
	for _, origin := range all {
		u, err := url.Parse(origin)
		f.unless(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Scheme+"://"+strings.ToLower(u.Host) == origin,
			"%s: want scheme and host, such as https://app.example.com, got %q", name, origin)
	}
}

func (c *Common) problems(f *findings) {
	_, err := c.Level()
	f.unless(err == nil, "log_level: want debug, info, warn or error, got %q", c.LogLevel)
	f.address("ops_addr", c.OpsAddr)
	f.unless(c.OpsPublic || !public(c.OpsAddr), "ops_addr: %s can be reached from other networks, and shows profiles and the load to whoever asks; "+
		"choose a loopback or private address, or set ops_public if a firewall is in front", c.OpsAddr)
	f.unless(c.ShutdownDelay >= 0, "shutdown_delay: want a duration from 0s, got %s", c.ShutdownDelay)
	f.unless(c.ShutdownGrace > 0, "shutdown_grace: want a positive duration, got %s", c.ShutdownGrace)
	f.unless(c.HandoverGrace > 0, "handover_grace: want a positive duration, got %s", c.HandoverGrace)
	f.unless(c.TraceRatio >= 0 && c.TraceRatio <= 1, "trace_ratio: want a number from 0 to 1, got %v", c.TraceRatio)
	if c.OTLPEndpoint != "" {
		f.url("otlp_endpoint", c.OTLPEndpoint)
	}
}

// public reports whether a listener on addr may be reached from other networks:
// all that is neither loopback nor of a range that the Internet does not route. A
// name is as public as any of the addresses that it stands for.
func public(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false // reported as no address
	}
	if host == "" {
		return true
	}
	ips := []net.IP{net.ParseIP(host)}
	if ips[0] == nil {
		ips, _ = net.LookupIP(host) // what can't be resolved can't be listened on
	}
	for _, ip := range ips {
		if !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// Level is the least level that is logged.
func (c *Common) Level() (level slog.Level, err error) {
	err = level.UnmarshalText([]byte(c.LogLevel))
	return level, err
}

func (a *API) problems(f *findings) {
	f.address("api_addr", a.APIAddr)
	_, err := a.Proxies()
	f.unless(err == nil, "api_trusted_proxies: %v", err)
	_, err = a.ImportNetworks()
	f.unless(err == nil, "import_allow_networks: %v", err)
	_, err = ports(a.ImportPorts)
	f.unless(err == nil, "import_ports: %v", err)
	_, err = a.WebhookNetworks()
	f.unless(err == nil, "webhook_allow_networks: %v", err)
	_, err = ports(a.WebhookPorts)
	f.unless(err == nil, "webhook_ports: %v", err)
	f.origins("api_origins", a.APIOrigins)
	f.origins("upload_origins", a.UploadOrigins)
	f.unless(a.QuotaNearLimit >= 0 && a.QuotaNearLimit <= 100, "quota_near_limit: want a percentage from 0, which is never, to 100, got %d", a.QuotaNearLimit)
	f.unless(a.ClamdMaxSize > 0 && a.ClamdMaxSize < clamdLimit, "clamd_max_size: want a size above 0 and below 2GiB, such as 2000MiB, for clamd calls more clean without looking at it; got %d bytes", a.ClamdMaxSize)
	if a.APIURL != "" {
		f.url("api_url", a.APIURL)
	}
	if a.FilesURL != "" {
		f.url("files_url", a.FilesURL)
	}
}

// clamdLimit is what ClamAV can't look at: its own limits end two bytes below 2 GiB
// (clamd.conf(5), MaxFileSize; https://github.com/Cisco-Talos/clamav/issues/1414).
const clamdLimit Size = 2<<30 - 2

// leastDisk is the least that edge_cache_disk may be: room for some slices.
const leastDisk Size = 64 << 20

// Proxies are the trusted proxies as ranges.
func (a *API) Proxies() ([]netip.Prefix, error) { return ranges(a.APITrustedProxies) }

func (e *Edge) problems(f *findings) {
	f.address("files_addr", e.FilesAddr)
	_, err := e.Proxies()
	f.unless(err == nil, "edge_trusted_proxies: %v", err)
	f.unless(e.EdgeCacheSmall > 0, "edge_cache_small: want a positive size, got %d", e.EdgeCacheSmall)
	f.unless(e.EdgeCacheRAM >= e.EdgeCacheSmall, "edge_cache_ram: want at least edge_cache_small (%d bytes), got %d", e.EdgeCacheSmall, e.EdgeCacheRAM)
	f.unless(e.EdgeCacheDisk >= leastDisk, "edge_cache_disk: want at least %d bytes, got %d", leastDisk, e.EdgeCacheDisk)
}

// Proxies are the trusted proxies as ranges.
func (e *Edge) Proxies() ([]netip.Prefix, error) { return ranges(e.EdgeTrustedProxies) }

// ImportNetworks are the networks, not public, that are imported from.
func (a *API) ImportNetworks() ([]netip.Prefix, error) { return ranges(a.ImportAllowNetworks) }

// SourcePorts are the ports that are imported from.
func (a *API) SourcePorts() ([]uint16, error) { return ports(a.ImportPorts) }

// WebhookNetworks are the networks, not public, that events are delivered to.
func (a *API) WebhookNetworks() ([]netip.Prefix, error) { return ranges(a.WebhookAllowNetworks) }

// ReceiverPorts are the ports that events are delivered to.
func (a *API) ReceiverPorts() ([]uint16, error) { return ports(a.WebhookPorts) }

func ports(texts []string) ([]uint16, error) {
	var all []uint16
	for _, text := range texts {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("want numbers from 1 to 65535, got %q", text)
		}
		all = append(all, uint16(port))
	}
	return all, nil
}

// ranges reads addresses and ranges; a single address is a range of one.
func ranges(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, errAddr := netip.ParseAddr(text)
			if errAddr != nil {
				return nil, fmt.Errorf("want addresses or ranges such as 10.0.0.0/8, got %q", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix)
	}
	return all, nil
}

func (k *Keys) problems(f *findings) {
	_, err := share.ParseKeyring(string(k.TokenKeys))
	f.unless(err == nil, "token_keys: %v", err)
}

func (i *Internal) problems(f *findings) {
	f.unless(len(i.InternalKey) >= 16, "internal_key: want at least 16 characters, got %d", len(i.InternalKey))
}

func (r *Redis) problems(f *findings) {
	f.unless(r.RedisURL != "", "redis_url: is required, such as redis://127.0.0.1:6379")
	f.unless(r.RedisMode == "single" || r.RedisMode == "sentinel" || r.RedisMode == "cluster", "redis_mode: want single, sentinel or cluster, got %q", r.RedisMode)
	f.unless((r.RedisMode == "sentinel") == (r.RedisPrimary != ""), "redis_primary: goes with redis_mode sentinel, and that with it")
	f.unless(r.RedisMode == "sentinel" || r.RedisSentinelUser == "" && r.RedisSentinelPassword == "", "redis_sentinel_user, redis_sentinel_password: go with redis_mode sentinel")
}

func (s *S3) problems(f *findings) {
	f.url("s3_endpoint", s.S3Endpoint)
	if s.S3PublicEndpoint != "" {
		f.url("s3_public_endpoint", s.S3PublicEndpoint)
	}
	f.unless(s.S3Bucket != "", "s3_bucket: is required")
	f.unless(s.S3AccessKey != "", "s3_access_key: is required")
	f.unless(s.S3SecretKey != "", "s3_secret_key: is required")
}

func (d *Database) problems(f *findings) {
	f.unless(strings.HasPrefix(string(d.DatabaseURL), "postgres"), "database_url: want postgres://user:password@host:port/name")
	f.unless(d.DatabaseMaxConns > 0, "database_max_conns: want at least 1, got %d", d.DatabaseMaxConns)
}

// devKey is what an API key looks like.
var devKey = regexp.MustCompile(`^fck_(live|test)_[0-9a-f]{32}$`)

func (e *Embedded) problems(f *findings) {
	f.unless(e.DevKey == "" || devKey.MatchString(string(e.DevKey)), "dev_key: want fck_live_ or fck_test_ and 32 lower-case hex digits")
}

// Problems reports everything that is wrong with how Redis is reached.
func (r *Redis) Problems() []error {
	var f findings
	r.problems(&f)
	return f
}

// Problems reports everything that is wrong with an origin's settings.
func (p *OriginProgram) Problems() []error {
	var f findings
	p.Common.problems(&f)
	p.API.problems(&f)
	p.Keys.problems(&f)
	p.Internal.problems(&f)
	p.Redis.problems(&f)
	p.S3.problems(&f)
	p.Database.problems(&f)
	f.address("internal_addr", p.InternalAddr)
	_, err := share.ParseMint(string(p.MintSecret))
	f.unless(err == nil, "mint_secret: want %d hex digits", 2*share.KeySize)
	f.unless(p.FilesURL != "", "files_url: is required, such as https://files.example.com")
	f.unless(len(p.ClamdHosts) > 0, "clamd_hosts: is required, such as tcp://127.0.0.1:3310; the built-in scanner is not for production")
	return f
}

// Problems reports everything that is wrong with an edge's settings.
func (p *EdgeProgram) Problems() []error {
	var f findings
	p.Common.problems(&f)
	p.Edge.problems(&f)
	p.Keys.problems(&f)
	p.Internal.problems(&f)
	p.Redis.problems(&f)
	p.S3.problems(&f)
	f.url("origin_url", p.OriginURL)
	f.unless(len(p.LeaseKey) >= 32, "lease_key: want at least 32 characters, got %d", len(p.LeaseKey))
	return f
}

// Problems reports everything that is wrong with the settings of rawlink up.
func (p *UpProgram) Problems() []error {
	var f findings
	p.Common.problems(&f)
	p.API.problems(&f)
	p.Edge.problems(&f)
	p.Embedded.problems(&f)
	return f
}

// OneLine renders joined errors for a terminal, a line each.
func OneLine(program string, err error) string {
	var lines []string
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, one := range joined.Unwrap() {
			lines = append(lines, program+": "+one.Error())
		}
		return strings.Join(lines, "\n")
	}
	return program + ": " + err.Error()
}
