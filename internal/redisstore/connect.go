package redisstore

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// target is where Redis is and how it is run.
type target struct {
	mode             Mode
	options          redis.Options // of one connection; Addr is the only or first host
	hosts            []string      // Sentinels, or nodes of a Cluster
	primary          string
	sentinelUser     string
	sentinelPassword string
}

// errURL repeats nothing: the URL may hold a password.
var errURL = errors.New("redis URL: want redis://[user:password@]host:port[,host:port…][/db]")

// target reads the URL and sees that it fits the mode.
func (c Config) target() (*target, error) {
	url, hosts, err := splitHosts(c.URL)
	if err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errURL // the parser's error may repeat the password
	}
	to := &target{
		mode: c.Mode, options: *options, hosts: append([]string{options.Addr}, hosts...), primary: c.Primary,
		sentinelUser: c.SentinelUser, sentinelPassword: c.SentinelPassword,
	}
	if to.mode == "" {
		to.mode = Single
	}
	if to.mode != Single && to.options.TLSConfig != nil {
		to.options.TLSConfig.ServerName = "" // each host has its own
	}
	return to, to.check()
}

func (t *target) check() error {
	switch {
	case t.mode != Single && t.mode != Sentinel && t.mode != Cluster:
		return errors.New("redis mode: want single, sentinel or cluster")
	case t.mode == Single && len(t.hosts) > 1:
		return errors.New("redis URL: names several hosts, which takes mode sentinel or cluster")
	case t.mode != Single && t.options.Network == "unix":
		return errors.New("redis URL: Sentinels and Clusters are reached by host:port")
	case t.mode == Cluster && t.options.DB != 0:
		return errors.New("redis URL: a Cluster has no databases but 0")
	case t.mode == Sentinel && t.primary == "":
		return errors.New("redis primary: is required with Sentinels, the name they watch it under")
	case t.mode != Sentinel && (t.primary != "" || t.sentinelUser != "" || t.sentinelPassword != ""):
		return errors.New("redis primary: only Sentinels know it and have a password of their own; want mode sentinel")
	}
	return nil
}

// splitHosts takes the hosts after the first out of a URL, since no parser of
// URLs reads more than one.
func splitHosts(url string) (first string, rest []string, err error) {
	scheme, after, found := strings.Cut(url, "://")
	if !found || scheme == "unix" {
		return url, nil, nil
	}
	end := len(after)
	if i := strings.IndexAny(after, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndex(after[:end], "@") + 1
	hosts := strings.Split(after[at:end], ",")
	for _, host := range hosts[1:] {
		if name, port, err := net.SplitHostPort(host); err != nil || name == "" || port == "" {
			return "", nil, errURL
		}
	}
	return scheme + "://" + after[:at] + hosts[0] + after[end:], hosts[1:], nil
}

// Retries of the driver: 0 would mean its default of three.
const (
	noRetry  = -1
	oneRetry = 1
)

// redirects is how often a Cluster may send a command on to another node.
const redirects = 3

// The driver's defaults let a call wait for tens of seconds and ignore contexts;
// these bound it to well under one.
const (
	dialTimeout   = 250 * time.Millisecond
	socketTimeout = 250 * time.Millisecond
	poolTimeout   = 100 * time.Millisecond
	minBackoff    = 2 * time.Millisecond
	maxBackoff    = 10 * time.Millisecond
	connLife      = 30 * time.Minute
	connLifeSlack = 5 * time.Minute
)

// client opens one more pool. What it is used for decides whether a command may
// be sent twice: with noRetry none is that may have been executed.
func client(to target, retries int) redis.UniversalClient {
	switch to.mode {
	case Sentinel:
		return redis.NewFailoverClient(to.failover(retries))
	case Cluster:
		return redis.NewClusterClient(to.cluster(retries))
	}
	o := to.options
	o.MaxRetries, o.MinRetryBackoff, o.MaxRetryBackoff = retries, minBackoff, maxBackoff
	o.DialTimeout, o.DialerRetries = dialTimeout, 1
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = socketTimeout, socketTimeout, poolTimeout
	o.ContextTimeoutEnabled = true
	o.ConnMaxLifetime, o.ConnMaxLifetimeJitter = connLife, connLifeSlack
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(&o)
}

// failover describes a client that asks the Sentinels for the primary whenever it
// connects, and drops its connections to another one when they announce a change.
func (t *target) failover(retries int) *redis.FailoverOptions {
	return &redis.FailoverOptions{
		MasterName: t.primary, SentinelAddrs: t.hosts,
		SentinelUsername: t.sentinelUser, SentinelPassword: t.sentinelPassword,
		Username: t.options.Username, Password: t.options.Password, DB: t.options.DB, TLSConfig: t.options.TLSConfig,
		MaxRetries: retries, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff,
		// A connection begins with a question to a Sentinel, which may be a dead one.
		DialTimeout: 2 * dialTimeout, DialerRetries: 1,
		ReadTimeout: socketTimeout, WriteTimeout: socketTimeout, PoolTimeout: poolTimeout,
		ContextTimeoutEnabled: true, ConnMaxLifetime: connLife, ConnMaxLifetimeJitter: connLifeSlack,
		DisableIdentity: true,
	}
}

// cluster describes a client that sends each command to the node that has its
// key. The driver counts a redirection, which executed nothing, and a repetition
// after a lost answer against one limit; once tells them apart.
func (t *target) cluster(retries int) *redis.ClusterOptions {
	o := &redis.ClusterOptions{
		Addrs:    t.hosts,
		Username: t.options.Username, Password: t.options.Password, TLSConfig: t.options.TLSConfig,
		MaxRedirects: redirects, MaxRetries: noRetry, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff,
		DialTimeout: dialTimeout, DialerRetries: 1,
		ReadTimeout: socketTimeout, WriteTimeout: socketTimeout, PoolTimeout: poolTimeout,
		ContextTimeoutEnabled: true, ConnMaxLifetime: connLife, ConnMaxLifetimeJitter: connLifeSlack,
		DisableIdentity: true, DisableRoutingPolicies: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if retries == noRetry {
		o.NewClient = func(node *redis.Options) *redis.Client {
			c := redis.NewClient(node)
			c.AddHook(once{})
			return c
		}
	}
	return o
}
