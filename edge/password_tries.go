package edge

import (
	"context"
	"net/netip"
	"time"

	"rawlink/cache"
	"rawlink/internal/password"
	"rawlink/internal/ratelimit"
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
// was last used, and no try of a client that has shown it.
const rememberPassword = 10 * time.Minute

// rememberedMost bounds each memory, to some 8 MiB.
const rememberedMost = 1 << 16

// locks keeps shares with a password shut to those who don't know it.
//
// A client is not counted again for what it has shown to be right. Else each
// password is counted as a try of its client; and unless it was right not long ago,
// whoever sent it, as one at its share, and costs a slow hash. A guesser is stopped by
// the first count long before the second could shut out others.
//
// That a password is remembered must not tell it from others to somebody who has no
// tries left, or guesses would have no limit while others use the link. So memory is
// asked last: not for a client, nor at a share, that is known to be over its limit.
type locks struct {
	checker *password.Checker
	now     func() time.Time

	byAddr ration[netip.Addr]
	byLink ration[string]
	shown  *lately[tried]
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
		now:      now,
		byAddr:   newRation[netip.Addr](tries.Addresses, cfg.PasswordTries, passwordAddress),
		byLink:   newRation[string](tries.Shares, cfg.PasswordShareTries, passwordShare),
		shown:    newLately[tried](rememberedMost, rememberPassword),
		byClient: cache.NewFlights[tried, struct{}](cfg.RedeemTimeout),
		byPair:   cache.NewFlights[password.Pair, struct{}](cfg.RedeemTimeout),
	}
}

func (l *locks) close() {
	l.byClient.Close()
	l.byPair.Close()
}

// try is a password of a client for a share.
type try struct {
	tried
	stored, password string
	shareID          string
	name             string // of the client, under which all edges count it
}

// shown says whether the client has shown the password before, or refuses to look.
func (t *try) shown(l *locks) (bool, error) {
	now := l.now()
	if err := l.byAddr.refuses(t.client, now); err != nil {
		return false, err
	}
	if l.shown.left(t.tried, now) == 0 {
		return false, nil
	}
	l.shown.keep(t.tried, now, rememberPassword)
	return true, nil
}

// ofClient counts the try for its client and goes on to the share, unless another
// one of the same client has ended since this one looked.
func (t *try) ofClient(ctx context.Context, l *locks) error {
	if right, err := t.shown(l); right || err != nil {
		return err
	}
	if err := l.byAddr.take(ctx, t.client, "client:"+t.name, l.now); err != nil {
		return err
	}
	_, _, err := l.byPair.Do(ctx, t.pair, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, t.atShare(ctx, l)
	})
	if err == nil {
		l.shown.keep(t.tried, l.now(), rememberPassword)
	}
	return err
}

// atShare compares, and counts the try for its share before that unless the password
// is known to be right: a link that many open at once is not attacked.
func (t *try) atShare(ctx context.Context, l *locks) error {
	if err := l.byLink.refuses(t.shareID, l.now()); err != nil {
		return err
	}
	if l.checker.Remembers(t.pair) {
		return nil
	}
	if err := l.byLink.take(ctx, t.shareID, "share:"+t.shareID, l.now); err != nil {
		return err
	}
	right, err := l.checker.Matches(ctx, t.stored, t.password)
	if err == nil && !right {
		err = errWrongPassword
	}
	return err
}
