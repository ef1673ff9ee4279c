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
	tries   Tries
	perAddr ratelimit.Budget
	perLink ratelimit.Budget
	now     func() time.Time

	shown     *lately[tried]
	addrsOver *lately[netip.Addr] // as far as this edge was told
	linksOver *lately[string]
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
		checker: password.NewChecker(cfg.PasswordHashes, rememberPassword, now),
		tries:   tries,
		perAddr: ratelimit.Budget{Name: "password", Most: int64(cfg.PasswordTries), Per: triesWindow},
		perLink: ratelimit.Budget{Name: "password", Most: int64(cfg.PasswordShareTries), Per: triesWindow},
		now:     now,

		shown:     newLately[tried](rememberedMost, rememberPassword),
		addrsOver: newLately[netip.Addr](rememberedMost, triesWindow),
		linksOver: newLately[string](rememberedMost, triesWindow),
		byClient:  cache.NewFlights[tried, struct{}](cfg.RedeemTimeout),
		byPair:    cache.NewFlights[password.Pair, struct{}](cfg.RedeemTimeout),
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
	if left := l.addrsOver.left(t.client, now); left > 0 {
		return false, &throttled{ratelimit.Standing{Budget: l.perAddr, Left: left}, passwordAddress}
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
	if err := ration(ctx, l.tries.Addresses, "client:"+t.name, l.perAddr, passwordAddress); err != nil {
		remember(l.addrsOver, t.client, l.now(), err)
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
	if left := l.linksOver.left(t.shareID, l.now()); left > 0 {
		return &throttled{ratelimit.Standing{Budget: l.perLink, Left: left}, passwordShare}
	}
	if l.checker.Remembers(t.pair) {
		return nil
	}
	if err := ration(ctx, l.tries.Shares, "share:"+t.shareID, l.perLink, passwordShare); err != nil {
		remember(l.linksOver, t.shareID, l.now(), err)
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
		return &throttled{last, by}
	}
	return nil
}

// remember keeps who was refused for as long as that is so.
func remember[K comparable](over *lately[K], who K, now time.Time, err error) {
	if limit, ok := errors.AsType[*throttled](err); ok {
		over.keep(who, now, limit.Left)
	}
}
