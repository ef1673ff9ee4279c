package edge

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"rawlink/cache"
	"rawlink/internal/password"
	"rawlink/internal/ratelimit"
	"rawlink/internal/share"
)

// Tries ration passwords that are not yet known to be right. Each counts for all
// edges together. Take counts one try of a client against each budget in turn.
type Tries struct {
	Addresses ratelimit.Counter // by client
	Shares    ratelimit.Counter // by share: apart, so that many clients can't push a share's count out
}

// triesWindow is the length of both windows, and so the longest Retry-After.
const triesWindow = time.Minute

// rememberPassword is for how long a right password costs no slow hash after it
// was last used.
const rememberPassword = 10 * time.Minute

// How a password was found, as it stands in metrics.
const (
	passwordGrant    = "grant"      // a form was answered earlier
	passwordKnown    = "remembered" // right, as not long ago
	passwordRight    = "right"
	passwordWrong    = "wrong"
	passwordMissing  = "missing"
	passwordAddress  = "address_limit" // not looked at: too many tries of this client
	passwordShare    = "share_limit"   // not looked at: too many tries at this share
	passwordUnproved = "unproved"      // too much to do, or too slow
)

var (
	errNoPassword    = share.E(share.Locked, "password", errors.New("none was given"))
	errWrongPassword = share.E(share.Locked, "password", errors.New("not the right one"))
)

// throttled is the refusal to look at a password.
type throttled struct {
	by   string // passwordAddress or passwordShare
	wait int64  // seconds until it is worth trying again
}

func (t *throttled) Error() string { return "password: too many tries: " + t.by }

// ErrorKind lets share.KindOf find the kind.
func (t *throttled) ErrorKind() share.Kind { return share.Overloaded }

// locks keeps shares with a password shut to those who don't know it.
//
// A password costs a slow hash unless it was right not long ago. Before that it is
// counted as a try of its client, then as one at its share: a guesser is stopped
// by the first long before the second could shut out others, and those who know
// the password are not counted while it is remembered.
type locks struct {
	checker *password.Checker
	tries   Tries
	perAddr ratelimit.Budget
	perLink ratelimit.Budget
	// Both collapse what comes at the same time: sixteen ranges of one client are
	// one try, and one password from many clients is one slow hash.
	byClient *cache.Flights[tried, struct{}]
	byPair   *cache.Flights[password.Pair, struct{}]
}

type tried struct {
	pair   password.Pair
	client netip.Addr
}

func newLocks(cfg Config, tries Tries, now func() time.Time) *locks {
	return &locks{
		checker:  password.NewChecker(cfg.PasswordHashes, rememberPassword, now),
		tries:    tries,
		perAddr:  ratelimit.Budget{Name: "password", Most: int64(cfg.PasswordTries), Per: triesWindow},
		perLink:  ratelimit.Budget{Name: "password", Most: int64(cfg.PasswordShareTries), Per: triesWindow},
		byClient: cache.NewFlights[tried, struct{}](cfg.RedeemTimeout),
		byPair:   cache.NewFlights[password.Pair, struct{}](cfg.RedeemTimeout),
	}
}

func (l *locks) close() {
	l.byClient.Close()
	l.byPair.Close()
}

// unlock is the gate of a share with a password, where passwords are enforced.
// Elsewhere it lets everybody through but a form, which nobody asked for.
func (e *Edge) unlock(k *known, req *request, t *tally) error {
	if !e.cfg.EnforcePasswords || k.rec.PasswordHash == "" {
		if req.method == methodPost {
			return errMethod
		}
		return nil
	}
	found, err := e.proves(k, req, t)
	e.metrics.Password(found)
	return err
}

func (e *Edge) proves(k *known, req *request, t *tally) (found string, err error) {
	stored := k.rec.PasswordHash
	if req.method != methodPost && req.grant != "" && e.grants.good(req.grant, t.hash, stored, req.addr, t.start) {
		return passwordGrant, nil
	}
	switch {
	case req.password == "":
		return passwordMissing, errNoPassword
	case len(req.password) > maxPassword:
		return passwordWrong, errWrongPassword
	}
	pair := e.locks.checker.Pair(stored, req.password)
	if e.locks.checker.Remembers(pair) {
		return passwordKnown, nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, e.cfg.RedeemTimeout)
	defer cancel()
	try := try{pair: pair, stored: stored, password: req.password, shareID: k.rec.ShareID, client: e.clients.address(req.addr)}
	_, _, err = e.locks.byClient.Do(ctx, tried{pair, identity(req.addr)}, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, try.ofClient(ctx, e.locks)
	})
	return foundAs(err), err
}

// try is a password that has to be counted and compared.
type try struct {
	pair             password.Pair
	stored, password string
	shareID, client  string
}

// ofClient counts the try for its client and goes on to the share.
func (t *try) ofClient(ctx context.Context, l *locks) error {
	if err := ration(ctx, l.tries.Addresses, "client:"+t.client, l.perAddr, passwordAddress); err != nil {
		return err
	}
	_, _, err := l.byPair.Do(ctx, t.pair, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, t.atShare(ctx, l)
	})
	return err
}

// atShare counts the try for its share and compares, unless somebody else's
// comparison has ended since this one looked.
func (t *try) atShare(ctx context.Context, l *locks) error {
	if l.checker.Remembers(t.pair) {
		return nil
	}
	if err := ration(ctx, l.tries.Shares, "share:"+t.shareID, l.perLink, passwordShare); err != nil {
		return err
	}
	right, err := l.checker.Matches(ctx, t.stored, t.password)
	if err == nil && !right {
		err = errWrongPassword
	}
	return err
}

// ration counts a try, and refuses it if it is one too many. What can't be counted
// is not let through.
func ration(ctx context.Context, counter ratelimit.Counter, who string, most ratelimit.Budget, by string) error {
	standings, err := counter.Take(ctx, who, []ratelimit.Budget{most})
	if err != nil {
		return share.E(share.Unavailable, "count password", err)
	}
	if last := standings[len(standings)-1]; last.Over() {
		return &throttled{by: by, wait: last.Seconds()}
	}
	return nil
}

func foundAs(err error) string {
	var limit *throttled
	switch {
	case err == nil:
		return passwordRight
	case errors.Is(err, errWrongPassword):
		return passwordWrong
	case errors.As(err, &limit):
		return limit.by
	}
	return passwordUnproved
}
