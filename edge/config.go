package edge

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"
)

// CountMode says which requests of a client that was counted are counted again.
type CountMode string

// The two ways to count.
const (
	// CountLeases lets a counted client fetch ranges of its copy for free.
	CountLeases CountMode = "lease"
	// CountStrict counts every GET that sends bytes and is not a probe.
	CountStrict CountMode = "strict"
)

// Config is what an operator decides about an edge. Begin with Defaults, which are
// named beside the fields.
type Config struct {
	LeaseKey       []byte         // required, ≥ 16 bytes: keys the hash that stands for a client; the same on all edges
	CountMode      CountMode      // CountLeases
	PreviewBots    PreviewBots    // PreviewCount
	CutEnded       bool           // true: a body under way is broken off when its link is revoked or its file goes or is found infected
	TrustedProxies []netip.Prefix // none: peers whose X-Forwarded-For is believed
	ProxyProtocol  bool           // trusted proxies begin each connection with a PROXY header

	EnforcePasswords   bool // ask for a share's password; else it is stored and not asked for
	PasswordTries      int  // 10 passwords a client may try in 60 s that aren't known to be right; more are answered 429
	PasswordShareTries int  // 100 of all clients at one share
	PasswordHashes     int  // 2 slow hashes at once, each of 19 MiB and some 30 ms of a core

	RecordCacheBytes int64         // 64 MiB of records in process
	MaxStale         time.Duration // 5 s: how long a record is believed without hearing from the bus
	ServeStale       time.Duration // 60 s: the same for uncapped shares when nothing can be asked; ≥ MaxStale
	NegativeTTL      time.Duration // 1 s: how long "no such share" is remembered
	MaxAge           time.Duration // 1 h: max-age of permanent, uncapped links

	CacheRAM  int64  // 256 MiB of objects' bytes in process
	SmallMax  int64  // 1 MiB: objects up to this size are kept whole, in RAM
	CacheDir  string // "": where slices of larger objects are kept; else they aren't
	CacheDisk int64  // 10 GiB of them
	Succeeds  bool   // CacheDir may be in another process's hands, which is about to leave it; see TakeOver
	SliceSize int64  // 4 MiB
	ReadAhead int    // 2 slices ahead of a sequential reader; negative = none
	MaxFills  int    // 64 reads of the store at once for slices, as many for small objects, and as many past fills that are late

	LookupTimeout    time.Duration // 2 s for a record that is not in process
	RedeemTimeout    time.Duration // 2 s for the ledger and the leases
	FirstByteTimeout time.Duration // 10 s for the first byte to be ready
	StoreStall       time.Duration // 30 s for the store to deliver anything after that

	MaxInFlight int // 16,384 requests at once, bodies included; more are answered 429
	MaxConns    int // 65,536 connections at once; more are answered 429 and closed
	// Both of one client: an IPv4 address, an IPv6 /64.
	MaxPerClient      int // 512 requests at once; more are answered 429. None for those of a trusted proxy that names no client
	MaxConnsPerClient int // 1,024 connections at once; more are answered 429 and closed

	MaxHeader   int           // 8 KiB for request line and headers
	ReadTimeout time.Duration // 10 s for a request to arrive
	IdleTimeout time.Duration // 60 s between requests of a connection
	SendStall   time.Duration // 60 s for a client to accept anything
	MinRate     int64         // 1,024 bytes/s a client must average while it is being sent to, after SendGrace
	SendGrace   time.Duration // 60 s before MinRate applies
}

// Defaults returns what an operator who decides nothing gets. The lease key is missing.
func Defaults() Config {
	return Config{
		CountMode: CountLeases, PreviewBots: PreviewCount, CutEnded: true,
		PasswordTries: 10, PasswordShareTries: 100, PasswordHashes: 2,
		RecordCacheBytes: 64 << 20, MaxStale: 5 * time.Second, ServeStale: 60 * time.Second, NegativeTTL: time.Second, MaxAge: time.Hour,
		SmallMax:      1 << 20,
		LookupTimeout: 2 * time.Second, RedeemTimeout: 2 * time.Second, FirstByteTimeout: 10 * time.Second, StoreStall: 30 * time.Second,
		MaxInFlight: 16384, MaxConns: 65536, MaxPerClient: 512, MaxConnsPerClient: 1024,
		MaxHeader: 8 << 10, ReadTimeout: 10 * time.Second, IdleTimeout: 60 * time.Second, SendStall: 60 * time.Second, MinRate: 1024, SendGrace: 60 * time.Second,
	}
}

// Problems returns everything that is wrong with the configuration. Fields are named
// as the settings that they come from, where they do.
func (c Config) Problems() []error {
	var problems []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	must(len(c.LeaseKey) >= 16, "lease key: want at least 16 bytes, have %d", len(c.LeaseKey))
	must(c.CountMode == CountLeases || c.CountMode == CountStrict, "ledger_count_mode: want lease or strict, have %q", c.CountMode)
	must(c.PreviewBots == PreviewCount || c.PreviewBots == PreviewRefuse, "edge_preview_bots: want count or refuse, have %q", c.PreviewBots)
	for _, p := range c.TrustedProxies {
		must(p.IsValid(), "edge_trusted_proxies: not an address range: %v", p)
	}
	must(c.PasswordTries > 0, "edge_password_tries: want a positive number, have %d", c.PasswordTries)
	must(c.PasswordShareTries >= c.PasswordTries, "edge_password_share_tries: want at least edge_password_tries (%d), have %d", c.PasswordTries, c.PasswordShareTries)
	must(c.PasswordHashes > 0, "edge_password_hashes: want a positive number, have %d", c.PasswordHashes)
	must(c.ServeStale >= c.MaxStale, "edge_serve_stale: want at least edge_max_stale (%v), have %v", c.MaxStale, c.ServeStale)
	must(c.RecordCacheBytes > 0, "edge_record_cache: want a positive size, have %d", c.RecordCacheBytes)
	must(c.MaxInFlight > 0, "edge_max_in_flight: want a positive number, have %d", c.MaxInFlight)
	must(c.MaxConns > 0, "edge_max_conns: want a positive number, have %d", c.MaxConns)
	must(c.MaxPerClient > 0 && c.MaxPerClient < math.MaxInt32, "edge_max_per_client: want a positive number, have %d", c.MaxPerClient)
	must(c.MaxConnsPerClient > 0 && c.MaxConnsPerClient < math.MaxInt32, "edge_max_client_conns: want a positive number, have %d", c.MaxConnsPerClient)
	must(c.MaxHeader >= 1<<10, "max header: want at least 1024 bytes, have %d", c.MaxHeader)
	must(c.MinRate > 0, "edge_min_rate: want a positive number of bytes per second, have %d", c.MinRate)
	durations := c.durations()
	for _, name := range slices.Sorted(maps.Keys(durations)) {
		must(durations[name] > 0, "%s: want a positive duration, have %v", name, durations[name])
	}
	return problems
}

// durations lists what must be positive, by name.
func (c Config) durations() map[string]time.Duration {
	return map[string]time.Duration{
		"edge_max_stale": c.MaxStale, "edge_max_age": c.MaxAge, "negative ttl": c.NegativeTTL,
		"lookup timeout": c.LookupTimeout, "redeem timeout": c.RedeemTimeout,
		"first byte timeout": c.FirstByteTimeout, "store stall": c.StoreStall,
		"read timeout": c.ReadTimeout, "idle timeout": c.IdleTimeout,
		"edge_send_stall": c.SendStall, "send grace": c.SendGrace,
	}
}
